"""The dialog in which a ladder is edited: targets, and steps as rows."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from nicegui import ui

from domain.andon.calls import CallCategory, CallSeverity
from domain.andon.ladders import Channel, LadderStep, Recipient
from domain.identity.permission_words import ROLE_NAMES
from domain.identity.roles import Role
from services.andon.ladders import LadderInfo, remove_ladder, set_ladder
from services.db.work import Work
from ui.components import andon_call_words
from ui.kit.enter import Seat
from ui.kit.formats import number
from ui.kit.forms import Form, FormDialog, NotANumber
from ui.kit.translate import Translate
from ui.pages.histories import offer_history
from ui.pages.setup_words import channel_words

CHANNEL_ICONS: dict[Channel, str] = {
    Channel.SCREEN: "desktop_windows",
    Channel.SOUND: "volume_up",
    Channel.MAIL: "mail",
}
FIRST_STEP = LadderStep(timedelta(), Recipient.ROLE, Role.SUPERVISOR.value, frozenset({Channel.SCREEN, Channel.SOUND}))
STEPS_APART = timedelta(minutes=5)
MINUTE_S = 60


def ask_ladder(
    seat: Seat,
    plant_id: UUID,
    category: CallCategory,
    ladder: LadderInfo | None,
    *,
    duties: tuple[str, ...],
    roles: Mapping[str, str],
    then: Callable[[object], Awaitable[None]],
) -> None:
    """Ask for a category's ladder and save it; `then` runs when it is saved or removed."""
    _ = seat.translate
    words = andon_call_words.labels(_)
    severities = {severity.value: words[severity.value] for severity in CallSeverity}
    with FormDialog(seat, _("Ladder: {category}").format(category=words[category.value])) as form:
        response_s, resolution_s = (ladder.response_target_s, ladder.resolution_target_s) if ladder else (None, None)
        form.number("response_target_s", _("Answer within"), value=_minutes(response_s), unit="min")
        form.number("resolution_target_s", _("Resolve within"), value=_minutes(resolution_s), unit="min")
        holds = form.choice(
            "holds_operation_from", _("Pause the operation from"), severities,
            value=ladder.holds_operation_from if ladder else None, can_clear=True,
        )  # fmt: skip
        holds.classes("u-form__wide")
        with ui.element("div").classes("u-form__wide"):
            rows = _StepRows(seat, form, ladder.steps if ladder else (FIRST_STEP,), duties, roles)
        offer_history(form, seat, "andon_ladders", ladder)

    async def save(work: Work) -> LadderInfo:
        return await set_ladder(
            work,
            plant_id=plant_id,
            category=category,
            steps=rows.steps(),
            response_target_s=_seconds(form.number_of("response_target_s"), "response_target_s"),
            resolution_target_s=_seconds(form.number_of("resolution_target_s"), "resolution_target_s"),
            holds_operation_from=CallSeverity(holds.value) if holds.value else None,
            seen_version=ladder.version if ladder else None,
        )

    if ladder is not None:
        ladder_id, version = ladder.id, ladder.version

        async def remove(work: Work) -> None:
            await remove_ladder(work, ladder_id=ladder_id, seen_version=version)

        form.offer_removal(_("Remove"), remove, saved=_("Removed"))
    form.open_with(save, then=then)


def recipient_roles(_: Translate, names: Mapping[str, str]) -> dict[str, str]:
    """Return what the holders of each role are called, with the organization's own roles by the names it gave them."""
    words = _role_words(_)
    return {**words, **{key: name for key, name in names.items() if key not in ROLE_NAMES}}


def recipient_words(_: Translate, recipient: Recipient, whom: str, roles: Mapping[str, str]) -> str:
    """Return who a step tells, in words."""
    if recipient is Recipient.ON_CALL:
        return _("On call: {duty}").format(duty=whom)
    return roles.get(whom, whom)


def minutes_of(seconds: int) -> Decimal:
    """Return seconds in minutes."""
    return Decimal(seconds) / MINUTE_S


class _StepRows:
    """The steps of a ladder as rows, each with its delay, whom it tells and how."""

    def __init__(
        self, seat: Seat, form: Form, steps: tuple[LadderStep, ...], duties: tuple[str, ...], roles: Mapping[str, str]
    ) -> None:
        _ = seat.translate
        self._seat = seat
        known = {f"{Recipient.ROLE}:{role}": words for role, words in roles.items()}
        named = {*duties, *(step.whom for step in steps if step.recipient is Recipient.ON_CALL)}
        on_call = {
            f"{Recipient.ON_CALL}:{duty}": recipient_words(_, Recipient.ON_CALL, duty, roles) for duty in sorted(named)
        }
        self._whoms = {**known, **on_call}
        self._rows: list[_StepRow] = []
        ui.label(_("Steps, counted from the call")).classes("u-subtitle")
        self._box = ui.element("div").classes("u-steps")
        for step in steps:
            self._add(step)
        add = ui.button(_("Add a step"), icon="add", color=None, on_click=self._add_next)
        add.classes("u-button u-button--flat").mark("add-step")

    def steps(self) -> tuple[LadderStep, ...]:
        """Return the steps as they were typed, in order of their delays.

        Raises:
            NotANumber: a delay is none.
        """
        return tuple(sorted((row.step() for row in self._rows), key=lambda step: step.after))

    def _add_next(self) -> None:
        last = max((row.step().after for row in self._rows if row.has_number), default=-STEPS_APART)
        self._add(LadderStep(last + STEPS_APART, Recipient.ROLE, Role.SUPERVISOR.value, FIRST_STEP.channels))

    def _add(self, step: LadderStep) -> None:
        with self._box:
            self._rows.append(_StepRow(self._seat, step, self._whoms, self._remove))

    def _remove(self, row: "_StepRow") -> None:
        self._rows.remove(row)
        row.element.delete()


class _StepRow:
    def __init__(
        self, seat: Seat, step: LadderStep, whoms: dict[str, str], remove: Callable[["_StepRow"], None]
    ) -> None:
        _ = seat.translate
        minutes = number(minutes_of(int(step.after.total_seconds())), seat.number_locale)
        with ui.element("div").classes("u-steps__row").mark("step") as self.element:
            self._after = ui.input(_("After"), value=minutes).props("outlined inputmode=decimal suffix=min")
            self._after.classes("u-field").mark("step-after")
            whom = f"{step.recipient}:{step.whom}"
            self._whom = ui.select(
                whoms,
                label=_("Tell"),
                value=whom,
                with_input=True,
                new_value_mode="add-unique",
                key_generator=lambda duty: f"{Recipient.ON_CALL}:{duty}",
            )
            self._whom.props("outlined").classes("u-field").mark("step-whom")
            self._whom.props["hint"] = _("Or type a duty on call")
            names = {channel.value: words for channel, words in channel_words(_).items()}
            told = [channel.value for channel in Channel if channel in step.channels]
            self._how = ui.select(names, label=_("How"), value=told, multiple=True).props("outlined")
            self._how.classes("u-field").mark("step-how")
            button = ui.button(icon="delete", color=None, on_click=lambda: remove(self))
            button.classes("u-button u-button--flat").mark("remove-step").props["aria-label"] = _("Remove the step")

    @property
    def has_number(self) -> bool:
        """Whether the delay can be read."""
        return _read_minutes(str(self._after.value)) is not None

    def step(self) -> LadderStep:
        """Return the step as it was typed.

        Raises:
            NotANumber: its delay is none.
        """
        minutes = _read_minutes(str(self._after.value))
        if minutes is None:
            raise NotANumber(field="steps")
        recipient, _, whom = str(self._whom.value).partition(":")
        after = timedelta(seconds=int(minutes * MINUTE_S))
        return LadderStep(after, Recipient(recipient), whom, frozenset(map(Channel, self._how.value)))


def _read_minutes(typed: str) -> Decimal | None:
    digits = typed.strip().replace(",", ".")
    is_number = digits.replace(".", "", 1).isdecimal() and len(digits) < 9
    return Decimal(digits) if is_number else None


def _minutes(seconds: int | None) -> Decimal | None:
    return None if seconds is None else round(minutes_of(seconds), 4)


def _seconds(minutes: Decimal | None, field: str) -> int | None:
    if minutes is None:
        return None
    if not minutes.is_finite() or abs(minutes) > 10**6:
        raise NotANumber(field=field)
    return int(minutes * MINUTE_S)


def _role_words(_: Translate) -> dict[str, str]:
    return {
        Role.ADMIN.value: _("Admins"),
        Role.SUPERVISOR.value: _("Supervisors"),
        Role.OPERATOR.value: _("Operators"),
        Role.VIEWER.value: _("Viewers"),
        Role.TERMINAL.value: _("Terminals"),
    }
