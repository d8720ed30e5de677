"""The frame around pages, the wall without one, and the gate before both."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from nicegui import ui

from ui.components import appearance_switch, connection_state
from ui.components.appearance_switch import Appearance, AppearanceSwitch
from ui.components.brand_mark import BrandMark, Look
from ui.components.connection_state import ConnectionState
from ui.components.plant_clock import PlantClock

SHOW_WHERE_ONE_IS = (
    "document.querySelectorAll('nav [aria-current=page]')"
    ".forEach((link) => link.scrollIntoView({ inline: 'center', block: 'nearest' }))"
)
"""On a phone the ways to other places are wider than the screen: they begin where one is."""


@dataclass(frozen=True)
class FrameArea:
    """One place in the left rail."""

    key: str
    """Compared with `active` to mark where the reader is."""
    label: str
    """Translated name."""
    icon: str
    """Name in the Material Icons font."""
    path: str
    """Where the link leads."""


@dataclass(frozen=True)
class FrameViewer:
    """Who reads the page, and from where."""

    name: str
    """The person's name in the top bar."""
    look: Look
    """How their organization looks; the page wears it already."""
    plant: str
    """The plant's name; empty when the page belongs to no plant."""
    zone: str
    """IANA time zone of the plant."""
    lang: str
    """BCP 47 tag that decides how times are written."""
    areas: tuple[FrameArea, ...]
    """What this person may open, in order."""
    labels: Mapping[str, str]
    """The words of the frame, from `frame_labels`."""


@contextmanager
def frame(title: str, *, viewer: FrameViewer, active: str) -> Iterator[ui.element]:
    """Draw rail and top bar and let the block fill the page; below 900 px the rail becomes a bottom bar."""
    ui.page_title(f"{title} · {viewer.look['name']}")
    with ui.element("div").classes("u-frame"):
        _rail(viewer, active)
        with ui.element("div").classes("u-frame__page"):
            _top_bar(title, viewer)
            with ui.element("main").classes("u-frame__content") as content:
                yield content
    ui.skip_link(viewer.labels["skip"], target=content)
    ui.run_javascript(SHOW_WHERE_ONE_IS)


@contextmanager
def wall(title: str, *, viewer: FrameViewer, appearance: Appearance = "dark") -> Iterator[ui.element]:
    """Let the block fill the whole screen; a live board on it says itself whether it is connected."""
    ui.page_title(f"{title} · {viewer.look['name']}")
    AppearanceSwitch(fallback=appearance, shown=False, labels=viewer.labels)
    BrandMark(viewer.look, shown=False)
    with ui.element("main").classes("u-wall") as content:
        yield content
    _connection(viewer).classes("u-wall__connection")


@contextmanager
def gate(title: str, *, appearance: Appearance = "auto", look: Look | None = None) -> Iterator[ui.element]:
    """Centre one card on an empty page: signing in, an invitation, a refusal; beside the picture of a look."""
    ui.page_title(title)
    AppearanceSwitch(fallback=appearance, shown=False, labels={})
    with ui.element("main").classes("u-gate") as page:
        if look is not None and look["sign_in_picture"]:
            page.classes("u-gate--pictured")
            picture = ui.element("img").classes("u-gate__picture")
            picture.props["src"], picture.props["alt"] = look["sign_in_picture"], ""
        with ui.element("div").classes("u-gate__card") as content:
            yield content


def gate_brand(look: Look) -> None:
    """Draw whose gate it is: the logo, or the sign of the product and the name."""
    with ui.element("div").classes("u-gate__brand").mark("brand"):
        if not look["page_logo"]["light"]:
            ui.icon("hub")
            ui.label(look["name"])
            return
        for mode, url in (("light", look["page_logo"]["light"]), ("dark", look["page_logo"]["dark"])):
            logo = ui.element("img").classes(f"u-brand-logo u-brand-logo--{mode}")
            logo.props["src"], logo.props["alt"] = url, look["name"]


def labels(_: Callable[[str], str]) -> dict[str, str]:
    """Translate the words of the frame and of the wall."""
    return {
        **connection_state.labels(_),
        **appearance_switch.labels(_),
        "areas": _("Areas"),
        "sign_out": _("Sign out"),
        "account": _("Your account"),
        "skip": _("Skip to the content"),
    }


def _rail(viewer: FrameViewer, active: str) -> None:
    with ui.element("nav").classes("u-rail") as rail:
        BrandMark(viewer.look, shown=True)
        for area in viewer.areas:
            with ui.link(target=area.path).classes("u-rail__area") as link:
                ui.icon(area.icon)
                ui.label(area.label)
            if area.key == active:
                link.props["aria-current"] = "page"
    rail.props["aria-label"] = viewer.labels["areas"]


def _top_bar(title: str, viewer: FrameViewer) -> None:
    with ui.element("header").classes("u-top"):
        ui.label(title).classes("u-top__title").props("role=heading aria-level=1")
        if viewer.plant:
            with ui.element("span").classes("u-top__plant"):
                ui.icon("place")
                ui.label(viewer.plant)
        PlantClock(lang=viewer.lang, zone=viewer.zone)
        _connection(viewer)
        AppearanceSwitch(fallback="auto", shown=True, labels=viewer.labels)
        with ui.element("form").classes("u-top__person").props("method=post action=/sign-out"):
            with ui.link(target="/me").classes("u-top__me").mark("me") as me:
                ui.icon("account_circle")
                ui.label(viewer.name).classes("u-top__name")
            me.props["aria-label"] = me.props["title"] = f"{viewer.labels['account']}: {viewer.name}"
            with ui.element("button").classes("u-icon-button").props("type=submit") as sign_out:
                ui.icon("logout")
            sign_out.props["aria-label"] = viewer.labels["sign_out"]
            sign_out.props["title"] = viewer.labels["sign_out"]


def _connection(viewer: FrameViewer) -> ConnectionState:
    return ConnectionState(labels=viewer.labels, lang=viewer.lang, zone=viewer.zone)
