"""Asking to have an organization deleted, and taking that back: the same for its own admin and for the platform."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from nicegui import ui

from domain.operations.deletions import LONGEST_GRACE_DAYS, USUAL_GRACE_DAYS
from services.db.work import Work
from services.organizations.deletions import Deletion, keep_organization, plan_deletion
from ui.kit.enter import Seat
from ui.kit.forms import FormDialog
from ui.kit.process import this_process

GRACE_DAYS = (0, 7, USUAL_GRACE_DAYS, 30, LONGEST_GRACE_DAYS)

Then = Callable[[object], Awaitable[None]]


def ask_deletion(
    seat: Seat, *, organization_id: UUID, name: str, slug: str, then: Then, version: int | None = None
) -> None:
    """Ask when, and for the short name and the password that confirm it; `then` runs when it is planned."""
    _ = seat.translate
    days = {day: _("In {days} days").format(days=day) if day else _("At once") for day in GRACE_DAYS}
    with FormDialog(seat, _("Delete {name}?").format(name=name), action=_("Have it deleted")) as form:
        for words in (
            _("Everything goes: plants, machines, orders, production, people, files, and the audit of all of it."),
            _("Until its day comes everybody can work on, and you can take it back. Afterwards nobody can."),
        ):
            ui.label(words).classes("u-form__wide")
        form.choice("after_days", _("When"), days, value=USUAL_GRACE_DAYS).classes("u-form__wide")
        form.text("slug", _("Short name of the organization"), hint=_("Type {slug} to confirm").format(slug=slug))
        password = form.secret("password", _("Your password"), hint=_("Empty where you sign in through a provider"))
        password.props("autocomplete=current-password")

    async def plan(work: Work) -> Deletion:
        return await plan_deletion(
            work,
            this_process().attempts,
            organization_id=organization_id,
            slug=form.text_of("slug"),
            password=form.text_of("password"),
            after_days=form.whole_number_of("after_days"),
            version=version,
        )

    form.open_with(plan, saved=_("It will be deleted"), then=then)


def ask_to_keep(seat: Seat, *, organization_id: UUID, name: str, then: Then) -> None:
    """Ask whether an organization shall stay after all; `then` runs when it does."""
    _ = seat.translate
    with FormDialog(seat, _("Keep {name}?").format(name=name), action=_("Keep it")) as form:
        ui.label(_("Nothing is deleted, and everything goes on as before.")).classes("u-form__wide")

    async def keep(work: Work) -> bool:
        await keep_organization(work, organization_id=organization_id)
        return True

    form.open_with(keep, saved=_("It stays"), then=then)
