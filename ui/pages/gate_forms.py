"""What the forms before the sign-in share: plain ones, so that password managers and a page without its socket work."""

from uuid import UUID

from nicegui import ui

from domain.errors import Unavailable, UnisonError
from domain.identity.accounts import LONGEST_PASSWORD, SHORTEST_PASSWORD, InvalidPassword, ShortPassword
from domain.identity.sign_in_policies import BreachedPassword, PasswordLacksKind
from domain.scope import Scope
from services.db.work import read
from services.identity.invitations import PasswordsDiffer
from services.identity.sign_in_policies import load_sign_in_policy
from ui.kit.translate import Translate, sentence_of

PASSWORD_PROBLEMS: dict[str, type[UnisonError]] = {
    error.code: error
    for error in (ShortPassword, InvalidPassword, PasswordLacksKind, BreachedPassword, PasswordsDiffer, Unavailable)
}
"""What can be wrong with a password that somebody chooses."""


def problem_words(known: dict[str, type[UnisonError]], code: str, _: Translate, *, shortest: int = 0) -> str:
    """Return the sentence of a code, with what it names."""
    kind = known.get(code, UnisonError)
    return sentence_of(kind(shortest=shortest or SHORTEST_PASSWORD, longest=LONGEST_PASSWORD), _)


async def shortest_password(org_id: UUID | None) -> int:
    """Return how many characters a new password has at least in an organization."""
    if org_id is None:
        return SHORTEST_PASSWORD
    async with read(Scope(org_id)) as work:
        return (await load_sign_in_policy(work)).shortest_password


def gate_hidden(name: str, value: str) -> None:
    """Add what the form sends along."""
    field = ui.element("input").props(f"type=hidden name={name}")
    field.props["value"] = value


def gate_field(label: str, *, name: str, kind: str, autocomplete: str) -> ui.input:
    """Add a line to fill in."""
    field = ui.input(label).props(f"outlined type={kind} name={name} autocomplete={autocomplete} required")
    return field.classes("u-field")
