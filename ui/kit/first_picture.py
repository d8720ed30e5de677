"""The first picture of a page: what it shows, as plain markup that is painted before any script has come.

Whoever opens a page reads it some hundred milliseconds earlier. The elements themselves take its place as soon as they
stand in the document; until then nothing can be touched.
"""

from html import escape
from typing import Protocol, runtime_checkable

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

KEPT = ("aria-current", "data-cause", "data-status")
"""Properties that the stylesheets look at."""
PLAIN = frozenset(
    {"div", "span", "section", "main", "nav", "header", "form", "table", "thead", "tbody", "tr", "th", "td"}
)
BUTTON = "q-btn q-btn-item non-selectable no-outline q-btn--flat q-btn--rectangle"
# The elements are mounted at once, so that this runs between two frames and nothing is ever seen twice.
LEAVE = """
<script>
  addEventListener("DOMContentLoaded", () => {
    const app = document.getElementById("app");
    const leave = () => app.querySelector(".u-frame") && document.querySelector(".u-first")?.remove();
    new MutationObserver(leave).observe(app, { childList: true, subtree: true });
    leave();
  });
</script>
"""


@runtime_checkable
class Pictured(Protocol):
    """A component that the browser draws, and that has a picture until then; others stay blank."""

    def picture(self) -> str:
        """Return what it shows as plain markup."""


def draw_first(content: Element) -> None:
    """Send the picture of a page that is filled already; call it last."""
    ui.add_body_html(f'<div class="u-first" aria-hidden="true" inert>{_picture(content)}</div>{LEAVE}')


def _picture(element: Element) -> str:
    if isinstance(element, Pictured):
        return element.picture()
    inner = escape(element.text) if isinstance(element, TextElement) else ""
    inner += "".join(_picture(child) for child in element.default_slot.children)
    match element:
        case ui.icon():
            return f'<i class="q-icon material-icons notranslate">{escape(str(element.props["name"]))}</i>'
        case ui.link():
            return _markup("a", element, "", inner)
        case ui.button():
            content = f'<span class="q-btn__content text-center col items-center justify-center row">{inner}</span>'
            return _markup("button", element, BUTTON, content)
    return _markup(element.tag, element, "", inner) if element.tag in PLAIN else ""


def _markup(tag: str, element: Element, classes: str, inner: str) -> str:
    names = " ".join((classes, *element.classes)).strip()
    kept = "".join(f' {name}="{escape(str(element.props[name]))}"' for name in KEPT if name in element.props)
    return f'<{tag} class="{escape(names)}"{kept}>{inner}</{tag}>'
