"""The dialog in which a machine rule is added or edited."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from domain.andon.calls import CallCategory, CallSeverity
from domain.plant.machine_states import MachineState
from services.andon.rules import RuleInfo, RulePlace, RuleWish, add_rule, edit_rule
from services.db.work import Work
from ui.components import andon_call_words
from ui.components.machine_state_badge import labels as state_labels
from ui.kit.enter import Seat
from ui.kit.forms import FormDialog, NotANumber
from ui.pages.histories import offer_history

FIVE_MINUTES_S = 300
MINUTE_S = 60
WHOLE_PLANT = "plant"


@dataclass(frozen=True)
class RulePlaces:
    """Where rules of a plant can hold."""

    plant_id: UUID
    lanes: Mapping[UUID, str]
    """The name of each lane."""
    machines: Mapping[UUID, str]
    """The code and name of each machine."""

    def place_of(self, key: str) -> RulePlace:
        """Return the place that a choice stands for."""
        if key == WHOLE_PLANT:
            return RulePlace(self.plant_id)
        place_id = UUID(key)
        if place_id in self.lanes:
            return RulePlace(self.plant_id, lane_id=place_id)
        return RulePlace(self.plant_id, machine_id=place_id)


def ask_rule(
    seat: Seat, places: RulePlaces, rule: RuleInfo | None, *, then: Callable[[object], Awaitable[None]]
) -> None:
    """Ask what a rule says and save it; a rule that exists keeps its place. `then` runs when it is saved."""
    _ = seat.translate
    words = andon_call_words.labels(_)
    with FormDialog(seat, _("Add a rule") if rule is None else rule.place) as form:
        if rule is None:
            options = {
                WHOLE_PLANT: _("The whole plant"),
                **{str(key): _("Line: {name}").format(name=name) for key, name in places.lanes.items()},
                **{str(key): name for key, name in places.machines.items()},
            }
            where = form.choice("place", _("Where"), options, value=WHOLE_PLANT, can_search=True)
            where.classes("u-form__wide")
        state = form.choice(
            "state",
            _("Machine state"),
            state_labels(_),
            value=rule.state if rule else MachineState.UNPLANNED_STOP.value,
        )
        seconds = rule.after_s if rule else FIVE_MINUTES_S
        form.number("after_s", _("Longer than"), value=round(Decimal(seconds) / MINUTE_S, 4), unit="min")
        category = form.choice(
            "category", _("Calls for"), {one.value: words[one.value] for one in CallCategory},
            value=rule.category if rule else CallCategory.MACHINE.value,
        )  # fmt: skip
        severity = form.choice(
            "severity", _("Severity"), {one.value: words[one.value] for one in CallSeverity},
            value=rule.severity if rule else CallSeverity.MAJOR.value,
        )  # fmt: skip
        active = form.switch("is_active", _("Active"), value=rule.is_active) if rule else None
        offer_history(form, seat, "andon_rules", rule)

    def wish() -> RuleWish:
        minutes = form.number_of("after_s")
        if minutes is None or not minutes.is_finite() or abs(minutes) > 10**6:
            raise NotANumber(field="after_s")
        return RuleWish(
            MachineState(state.value),
            int(minutes * MINUTE_S),
            CallCategory(category.value),
            CallSeverity(severity.value),
        )

    async def save(work: Work) -> UUID:
        if rule is None:
            return (await add_rule(work, place=places.place_of(str(where.value)), wish=wish())).id
        is_active = active is None or bool(active.value)
        edited = await edit_rule(work, rule_id=rule.id, wish=wish(), is_active=is_active, seen_version=rule.version)
        return edited.id

    form.open_with(save, then=then)
