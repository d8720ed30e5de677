"""What the forms before the sign-in share: plain ones, so that password managers and a page without its socket work."""

from nicegui import ui

from domain.errors import UnisonError
from domain.identity.accounts import LONGEST_PASSWORD, SHORTEST_PASSWORD
from ui.kit.translate import Translate, sentence_of


def problem_words(known: dict[str, type[UnisonError]], code: str, _: Translate) -> str:
    """Return the sentence of a code, with what it names where that is always the same."""
    return sentence_of(known.get(code, UnisonError)(shortest=SHORTEST_PASSWORD, longest=LONGEST_PASSWORD), _)


def gate_hidden(name: str, value: str) -> None:
    """Add what the form sends along."""
    field = ui.element("input").props(f"type=hidden name={name}")
    field.props["value"] = value


def gate_field(label: str, *, name: str, kind: str, autocomplete: str) -> ui.input:
    """Add a line to fill in."""
    field = ui.input(label).props(f"outlined type={kind} name={name} autocomplete={autocomplete} required")
    return field.classes("u-field")
