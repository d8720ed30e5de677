"""The calls that wait now, with what a person needs to answer them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from domain.identity.roles import Permission
from services.db.work import Work

CALLS = """
SELECT calls.id, calls.plant_id, machines.lane_id, calls.machine_id, machines.code AS machine_code,
       machines.name AS machine_name, lanes.name AS lane, plants.time_zone, calls.category, calls.severity, calls.state,
       calls.note, calls.joined, calls.raised_at, raiser.display_name AS raised_by,
       calls.rule_id IS NOT NULL AS by_rule,
       calls.rule_ended_at, calls.acknowledged_at, answerer.display_name AS acknowledged_by,
       calls.response_target_s, calls.resolution_target_s,
       extract(epoch FROM coalesce(calls.acknowledged_at, now()) - calls.raised_at) AS waited_s,
       extract(epoch FROM now() - calls.raised_at) AS lasted_s,
       CASE WHEN calls.shelved_until > now() THEN calls.shelved_until END AS shelved_until,
       shelver.display_name AS shelved_by, calls.shelve_reason,
       operations.name AS held_operation, orders.number AS held_order,
       told.step, told.names, told.is_late, told.fell_back, told.whom, coalesce(told.mine, false) AS is_for_me
FROM andon_calls AS calls
JOIN machines ON machines.org_id = calls.org_id AND machines.id = calls.machine_id
JOIN lanes ON lanes.org_id = machines.org_id AND lanes.id = machines.lane_id
JOIN plants ON plants.org_id = machines.org_id AND plants.id = machines.plant_id
LEFT JOIN users AS raiser ON raiser.org_id = calls.org_id AND raiser.id = calls.raised_by
LEFT JOIN users AS answerer ON answerer.org_id = calls.org_id AND answerer.id = calls.acknowledged_by
LEFT JOIN users AS shelver ON shelver.org_id = calls.org_id AND shelver.id = calls.shelved_by
LEFT JOIN operations ON operations.org_id = calls.org_id AND operations.id = calls.held_operation_id
LEFT JOIN work_orders AS orders ON orders.org_id = operations.org_id AND orders.id = operations.work_order_id
LEFT JOIN LATERAL (
  SELECT max(fired.step) AS step, bool_or($1 = ANY (fired.user_ids)) AS mine,
         (array_agg(fired.is_late ORDER BY fired.step DESC))[1] AS is_late,
         (array_agg(fired.fell_back ORDER BY fired.step DESC))[1] AS fell_back,
         (array_agg(fired.whom ORDER BY fired.step DESC))[1] AS whom,
         ARRAY(SELECT users.display_name FROM users
               WHERE users.org_id = calls.org_id AND users.id = ANY (
                 (SELECT last.user_ids FROM andon_notifications AS last
                  WHERE last.org_id = calls.org_id AND last.call_id = calls.id ORDER BY last.step DESC LIMIT 1)::uuid[])
               ORDER BY 1) AS names
  FROM andon_notifications AS fired WHERE fired.org_id = calls.org_id AND fired.call_id = calls.id
) AS told ON true
WHERE calls.state IN ('raised', 'acknowledged')
"""
IN_ORDER = """
ORDER BY array_position(ARRAY['critical', 'major', 'minor'], calls.severity), calls.raised_at, calls.id
"""
ALERTS = """
SELECT calls.id, machines.code AS machine_code, machines.name AS machine_name, calls.category, calls.severity,
       calls.note, calls.raised_at, max(told.step) AS step, bool_or(told.is_late) AS is_late,
       bool_or(told.fell_back) AS fell_back, bool_or('sound' = ANY (told.channels)) AS has_sound
FROM andon_calls AS calls
JOIN andon_notifications AS told ON told.org_id = calls.org_id AND told.call_id = calls.id
JOIN machines ON machines.org_id = calls.org_id AND machines.id = calls.machine_id
WHERE calls.state = 'raised' AND (calls.shelved_until IS NULL OR calls.shelved_until <= now())
  AND $1 = ANY (told.user_ids) AND told.channels && ARRAY['screen', 'sound']
GROUP BY calls.id, machines.code, machines.name
ORDER BY array_position(ARRAY['critical', 'major', 'minor'], calls.severity), calls.raised_at, calls.id
"""


@dataclass(frozen=True)
class WaitingCall:
    """A call that is raised or acknowledged."""

    id: UUID
    plant_id: UUID
    lane_id: UUID
    machine_id: UUID
    machine_code: str
    machine_name: str
    lane: str
    """The lane's name."""
    time_zone: str
    """Of its plant; an IANA name."""
    category: str
    severity: str
    state: str
    note: str
    joined: int
    """How often the same call was raised again."""
    raised_at: datetime
    raised_by: str | None
    """The caller's name; None when the machine called by itself."""
    by_rule: bool
    """Whether a rule of its machine raised or joined it."""
    rule_ended_at: datetime | None
    """When the machine left the state that the rule watches; None while it lasts."""
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    """Who is coming."""
    response_target_s: int | None
    resolution_target_s: int | None
    waited_s: Decimal
    """From raised to acknowledged, or until now."""
    lasted_s: Decimal
    """From raised until now."""
    shelved_until: datetime | None
    """When it leaves the shelf; None when it does not lie there."""
    shelved_by: str | None
    shelve_reason: str
    held_operation: str | None
    """The name of the operation that it paused."""
    held_order: str | None
    """The number of that operation's order."""
    step: int | None
    """The last step of its ladder that fired, from 0."""
    told: tuple[str, ...]
    """The names of those whom that step told."""
    is_late: bool
    """Whether that step fired well after its time."""
    fell_back: bool
    """Whether nobody was on call for it, so that the supervisors were told."""
    duty: str
    """The role or duty that it was for."""
    is_for_me: bool
    """Whether any step told the reader."""

    @property
    def missed_response(self) -> bool:
        """Whether nobody came within the target."""
        return self.response_target_s is not None and self.waited_s > self.response_target_s

    @property
    def missed_resolution(self) -> bool:
        """Whether the trouble lasts longer than the target."""
        return self.resolution_target_s is not None and self.lasted_s > self.resolution_target_s


@dataclass(frozen=True)
class CallAlert:
    """A call that waits for the reader, because a step of its ladder told them on their screens."""

    id: UUID
    machine_code: str
    machine_name: str
    category: str
    severity: str
    note: str
    raised_at: datetime
    step: int
    """The last step that told the reader, from 0."""
    is_late: bool
    fell_back: bool
    """Whether the reader stands in for somebody who is not on call."""
    has_sound: bool


async def load_waiting_calls(
    work: Work, *, plant_id: UUID | None = None, lane_id: UUID | None = None, machine_id: UUID | None = None
) -> tuple[WaitingCall, ...]:
    """Return the open calls of a place, those on the shelf too, by severity and then by age.

    Raises:
        Forbidden: the actor may not read calls.
    """
    await work.permit(Permission.READ_ANDON)
    values: list[object] = [work.scope.user_id]
    conditions = ""
    places = (("calls.plant_id", plant_id), ("machines.lane_id", lane_id), ("calls.machine_id", machine_id))
    for column, value in places:
        if value is not None:
            values.append(value)
            conditions += f" AND {column} = ${len(values)}"
    rows = await work.fetch(CALLS + conditions + IN_ORDER, *values)
    return tuple(
        WaitingCall(
            **{name: row[name] for name in SAME_NAMES},
            told=tuple(row["names"] or ()),
            is_late=bool(row["is_late"]),
            fell_back=bool(row["fell_back"]),
            duty=row["whom"] or "",
        )
        for row in rows
    )


async def load_my_alerts(work: Work) -> tuple[CallAlert, ...]:
    """Return the calls that wait for the reader in person, by severity and then by age.

    Raises:
        Forbidden: the actor may not read calls.
    """
    await work.permit(Permission.READ_ANDON)
    return tuple(CallAlert(*row) for row in await work.fetch(ALERTS, work.scope.user_id))


SAME_NAMES = (
    "id", "plant_id", "lane_id", "machine_id", "machine_code", "machine_name", "lane", "time_zone", "category",
    "severity", "state", "note", "joined", "raised_at", "raised_by", "by_rule", "rule_ended_at", "acknowledged_at",
    "acknowledged_by", "response_target_s", "resolution_target_s", "waited_s", "lasted_s", "shelved_until",
    "shelved_by", "shelve_reason", "held_operation", "held_order", "step", "is_for_me",
)  # fmt: skip
