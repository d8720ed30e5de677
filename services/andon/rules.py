"""Machine rules: a machine that stays in a state for too long calls for help by itself."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, text

from domain.andon.calls import CallCategory, CallSeverity
from domain.andon.ladders import LadderMovedOn, checked_wait
from domain.errors import NotFound
from domain.identity.roles import Permission
from domain.plant.machine_states import MachineState
from services.andon.calls import StayReported, raise_call_of_rule
from services.db.paging import Page, PageQuery, page_of
from services.db.tables import AndonRule, Lane, Machine, Plant
from services.db.work import Work
from services.jobs.registry import does
from services.plant.machine_floor import MachineOnFloor, lock_machine
from services.plant.watched_states import WATCH_STATES_OF_RULE, CheckStay

WATCH = text(WATCH_STATES_OF_RULE)
LEFT_OR_CALLED = text("""
SELECT EXISTS (SELECT FROM machine_state_changes
               WHERE machine_id = :machine_id AND started_at > :since AND state <> :state) AS has_left,
       EXISTS (SELECT FROM andon_calls
               WHERE machine_id = :machine_id AND rule_id = :rule_id AND rule_since = :since) AS has_called
""")
RULES = """
SELECT rules.id, rules.plant_id, rules.lane_id, rules.machine_id, rules.state, rules.after_s, rules.category,
       rules.severity, rules.is_active, rules.version,
       coalesce(machines.code || ' ' || machines.name, lanes.name, plants.name) AS place,
       plants.code AS plant_code
FROM andon_rules AS rules
JOIN plants ON plants.org_id = rules.org_id AND plants.id = rules.plant_id
LEFT JOIN lanes ON lanes.org_id = rules.org_id AND lanes.id = rules.lane_id
LEFT JOIN machines ON machines.org_id = rules.org_id AND machines.id = rules.machine_id
"""
IN_ORDER = "plants.code, rules.state, rules.after_s, rules.id"


@dataclass(frozen=True)
class RulePlace:
    """Where a rule holds: at one machine, else at all of a lane, else in all of the plant."""

    plant_id: UUID
    lane_id: UUID | None = None
    machine_id: UUID | None = None


@dataclass(frozen=True)
class RuleWish:
    """What a rule says."""

    state: MachineState
    after_s: int
    """How long the state lasts before it calls, in seconds."""
    category: CallCategory
    severity: CallSeverity = CallSeverity.MAJOR


@dataclass(frozen=True)
class RuleInfo:
    """A rule."""

    id: UUID
    plant_id: UUID
    lane_id: UUID | None
    machine_id: UUID | None
    state: str
    after_s: int
    category: str
    severity: str
    is_active: bool
    version: int
    """Hand it back when editing what was seen."""
    place: str
    """The name of its machine, lane or plant."""
    plant_code: str
    """The code of its plant, by which rules are listed."""


async def add_rule(work: Work, *, place: RulePlace, wish: RuleWish) -> AndonRule:
    """Let machines call by themselves; one that is in the state already calls when it has stayed long enough.

    Raises:
        Forbidden: the actor may not edit rules.
        NotFound: there is no such plant, or no such lane or machine in it.
        InvalidWait: the time is negative or longer than a week.
    """
    await work.permit(Permission.EDIT_LADDERS)
    await _refuse_unknown_place(work, place)
    rule = AndonRule(
        org_id=work.scope.org_id,
        plant_id=place.plant_id,
        lane_id=None if place.machine_id is not None else place.lane_id,
        machine_id=place.machine_id,
        state=wish.state.value,
        after_s=checked_wait(wish.after_s, field="after_s"),
        category=wish.category.value,
        severity=wish.severity.value,
    )
    work.session.add(rule)
    await _watch(work, rule)
    return rule


async def edit_rule(
    work: Work, *, rule_id: UUID, wish: RuleWish, is_active: bool = True, seen_version: int
) -> AndonRule:
    """Let a rule say something else, or nothing while it is not active; its place stays.

    Raises:
        Forbidden: the actor may not edit rules.
        NotFound: there is no such rule.
        InvalidWait: the time is negative or longer than a week.
        LadderMovedOn: somebody else edited it since it was seen.
    """
    await work.permit(Permission.EDIT_LADDERS)
    rule = await work.session.get(AndonRule, rule_id, with_for_update=True)
    if rule is None:
        raise NotFound(what="rule")
    if rule.version != seen_version:
        raise LadderMovedOn
    rule.state, rule.after_s = wish.state.value, checked_wait(wish.after_s, field="after_s")
    rule.category, rule.severity = wish.category.value, wish.severity.value
    rule.is_active = is_active
    await _watch(work, rule)
    return rule


async def list_rules(
    work: Work, *, plant_id: UUID | None = None, after: tuple[str, str, int, UUID] | None = None, limit: int = 100
) -> Page[RuleInfo]:
    """Return the rules, of one plant where given, by plant, state and time.

    `after` is a plant's code, a state, a time in seconds and a rule's id.

    Raises:
        Forbidden: the actor may not read rules.
    """
    await work.permit(Permission.READ_LADDERS)
    asked = PageQuery(RULES).where("rules.plant_id = {}", plant_id)
    asked.where(f"({IN_ORDER}) > ({{}}, {{}}, {{}}, {{}})", *(after or (None,) * 4))
    return page_of([RuleInfo(*row) for row in await asked.fetch(work, order=IN_ORDER, limit=limit)], limit)


@does(CheckStay)
async def check_stay(work: Work, job: CheckStay) -> None:
    """Call for help when the machine has not left the state since; once per stay, whoever was called in between."""
    machine = await lock_machine(work, job.machine_id)
    rule = await work.session.get(AndonRule, job.rule_id)
    if rule is None or not rule.is_active or not await _still_stays(work, machine, rule, job.since):
        return
    await raise_call_of_rule(
        work,
        machine,
        category=CallCategory(rule.category),
        severity=CallSeverity(rule.severity),
        stay=StayReported(rule.id, job.since),
    )


async def _still_stays(work: Work, machine: MachineOnFloor, rule: AndonRule, since: datetime) -> bool:
    if machine.state != rule.state or work.now < since + timedelta(seconds=rule.after_s):
        return False  # it was left, or the rule waits longer by now and has another look queued
    parameters = {"machine_id": machine.id, "rule_id": rule.id, "since": since, "state": rule.state}
    found = (await work.session.execute(LEFT_OR_CALLED, parameters)).one()
    return not (found.has_left or found.has_called)


async def _watch(work: Work, rule: AndonRule) -> None:
    await work.session.flush()
    parameters = {"rule_id": rule.id, "now": work.now, "request_id": work.scope.request_id}
    await work.session.execute(WATCH, parameters)


async def _refuse_unknown_place(work: Work, place: RulePlace) -> None:
    if await work.session.get(Plant, place.plant_id) is None:
        raise NotFound(what="plant")
    for what, table, place_id in (("machine", Machine, place.machine_id), ("lane", Lane, place.lane_id)):
        if place_id is None:
            continue
        statement = select(table.id).where(table.id == place_id, table.plant_id == place.plant_id)
        if (await work.session.execute(statement)).first() is None:
            raise NotFound(what=what)
