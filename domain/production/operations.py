"""The life of an operation, and everything that keeps it from starting."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from domain.errors import Conflict, marked
from domain.plant.machine_states import MachineState
from domain.production.orders import LOCKED, WORDS, OrderState

ZERO = Decimal(0)


class OperationState(StrEnum):
    """Where an operation is in its life."""

    WAITING = marked("waiting")  # for its predecessors
    READY = marked("ready")  # its predecessors allow it
    RUNNING = marked("running")  # somebody works on it
    PAUSED = marked("paused")  # begun, and nobody works on it
    DONE = marked("done")  # finished
    CANCELLED = marked("cancelled")  # will not be done


class OperationAction(StrEnum):
    """What happens to an operation."""

    MAKE_READY = "make_ready"
    START = "start"
    PAUSE = "pause"
    FINISH = "finish"
    CANCEL = "cancel"


NEXT: dict[OperationState, dict[OperationAction, OperationState]] = {
    OperationState.WAITING: {
        OperationAction.MAKE_READY: OperationState.READY,  # by its predecessors, never by a person
        OperationAction.CANCEL: OperationState.CANCELLED,
    },
    OperationState.READY: {
        OperationAction.START: OperationState.RUNNING,
        OperationAction.CANCEL: OperationState.CANCELLED,
    },
    OperationState.RUNNING: {
        OperationAction.PAUSE: OperationState.PAUSED,
        OperationAction.FINISH: OperationState.DONE,
    },
    OperationState.PAUSED: {
        OperationAction.START: OperationState.RUNNING,  # the same checks as the first time
        OperationAction.FINISH: OperationState.DONE,
        OperationAction.CANCEL: OperationState.CANCELLED,
    },
    OperationState.DONE: {},
    OperationState.CANCELLED: {},
}
"""What may happen in each state, and where it leads."""


class OperationMovedOn(Conflict):
    """What was asked is not possible in the present state of the operation."""

    code: ClassVar[str] = "operation_moved_on"
    sentence: ClassVar[str] = marked("This operation is already {state}. Look at it again.")


class OperationNotOpen(Conflict):
    """A report on an operation that nobody has begun, or that is over."""

    code: ClassVar[str] = "operation_not_open"
    sentence: ClassVar[str] = marked("Nothing can be reported on this operation while it is {state}.")


class HandedOnAlready(Conflict):
    """Taking back pieces that the next operation has worked on."""

    code: ClassVar[str] = "handed_on_already"
    sentence: ClassVar[str] = marked("“{successor}” has made {good} good of these pieces. Take those back first.")


class MoreThanBefore(Conflict):
    """A report of more good pieces than the operation before has handed on."""

    code: ClassVar[str] = "more_than_before"
    sentence: ClassVar[str] = marked("“{predecessor}” has handed on {good} good so far. Report that one first.")


class StartRefused(Conflict):
    """An operation that cannot start; `obstacles` holds every reason at once."""

    code: ClassVar[str] = "start_refused"
    sentence: ClassVar[str] = marked("This operation cannot start yet: {why}.")

    def __init__(self, obstacles: tuple["StartObstacle", ...]) -> None:
        self.obstacles = obstacles
        super().__init__(why=" ".join(str(obstacle) for obstacle in obstacles).rstrip("."))


class ObstacleKind(StrEnum):
    """What keeps an operation from starting."""

    OPERATION_NOT_STARTABLE = "operation_not_startable"
    ORDER_NOT_RELEASED = "order_not_released"
    ORDER_LOCKED = "order_locked"
    ORDER_ON_HOLD = "order_on_hold"
    HELD = "held"
    PREDECESSOR_NOT_DONE = "predecessor_not_done"
    NOTHING_HANDED_ON = "nothing_handed_on"
    MACHINE_DOWN = "machine_down"
    MACHINE_UNDER_MAINTENANCE = "machine_under_maintenance"
    MACHINE_BUSY = "machine_busy"
    MISSING_MATERIAL = "missing_material"
    MISSING_TOOL = "missing_tool"
    MISSING_GAUGE = "missing_gauge"
    MISSING_SKILL = "missing_skill"
    MISSING_DOCUMENT = "missing_document"


SENTENCES: dict[ObstacleKind, str] = {
    ObstacleKind.OPERATION_NOT_STARTABLE: marked("The operation is {state}."),
    ObstacleKind.ORDER_NOT_RELEASED: marked("The order is not released yet."),
    ObstacleKind.ORDER_LOCKED: marked("The order is {state}."),
    ObstacleKind.ORDER_ON_HOLD: marked("The order is on hold."),
    ObstacleKind.HELD: marked("There is a hold: {name}."),
    ObstacleKind.PREDECESSOR_NOT_DONE: marked("“{name}” must be done first."),
    ObstacleKind.NOTHING_HANDED_ON: marked("“{name}” has not handed on enough pieces yet."),
    ObstacleKind.MACHINE_DOWN: marked("The machine is down."),
    ObstacleKind.MACHINE_UNDER_MAINTENANCE: marked("The machine is under maintenance."),
    ObstacleKind.MACHINE_BUSY: marked("“{name}” is running on this machine. Pause or finish it first."),
    ObstacleKind.MISSING_MATERIAL: marked("Material is missing: {name}."),
    ObstacleKind.MISSING_TOOL: marked("A tool is missing: {name}."),
    ObstacleKind.MISSING_GAUGE: marked("A gauge is missing or overdue: {name}."),
    ObstacleKind.MISSING_SKILL: marked("You need the skill “{name}”."),
    ObstacleKind.MISSING_DOCUMENT: marked("A document is missing: {name}."),
}
"""What to tell the person who wants to start."""


class Requirement(StrEnum):
    """A kind of thing that an operation may need before it starts."""

    MATERIAL = "material"
    TOOL = "tool"
    GAUGE = "gauge"
    SKILL = "skill"
    DOCUMENT = "document"


class Transfer(StrEnum):
    """When an operation hands its pieces on to the next."""

    FINISH_TO_START = "finish_to_start"  # all at once, when it is done
    PARTIAL = "partial"  # as soon as they are good


@dataclass(frozen=True)
class StartObstacle:
    """One reason why an operation cannot start."""

    kind: ObstacleKind
    fields: Mapping[str, str] = field(default_factory=dict)
    """What the sentence names; `state` is a word of ours, to be translated, all others are names."""

    @property
    def sentence(self) -> str:
        """The reason in words, with its fields open; marked for translation."""
        return SENTENCES[self.kind]

    def __str__(self) -> str:
        return self.sentence.format_map(self.fields)


@dataclass(frozen=True)
class Predecessor:
    """An operation whose pieces this one works on."""

    name: str
    state: OperationState
    good: Decimal
    transfer: Transfer = Transfer.FINISH_TO_START


@dataclass(frozen=True)
class StartFacts:
    """Everything that decides whether an operation may start."""

    operation_state: OperationState
    order_state: OrderState
    good: Decimal = ZERO
    """What this operation has made already."""
    predecessors: tuple[Predecessor, ...] = ()
    holds: tuple[str, ...] = ()
    """Reasons of open holds on the order, the operation, the machine or what it needs."""
    machine_state: MachineState = MachineState.NO_DATA
    running_on_machine: tuple[str, ...] = ()
    """Names of other operations that run on the machine."""
    allows_parallel: bool = False
    """Whether the machine runs several operations at once."""
    missing: tuple[tuple[Requirement, str], ...] = ()
    """What is required and not there, by name."""


def follow_operation(now: OperationState, action: OperationAction) -> OperationState:
    """Return the next state of an operation.

    Raises:
        OperationMovedOn: the action is not possible in the present state.
    """
    then = NEXT[now].get(action)
    if then is None:
        raise OperationMovedOn(state=now.value, action=action.value)
    return then


def operation_actions(now: OperationState) -> tuple[OperationAction, ...]:
    """Return what may be done with an operation now, in the order of the enumeration."""
    return tuple(action for action in OperationAction if action in NEXT[now])


def why_not_start(facts: StartFacts) -> tuple[StartObstacle, ...]:
    """Return everything that keeps an operation from starting, all at once; empty when it may start.

    Each kind of obstacle appears once for each thing that causes it, in the order of `ObstacleKind`. A machine is
    down in an unplanned stop; nothing known of it, idle, setup, blocked and starved keep nobody from starting. A
    waiting operation is no obstacle of its own: what it waits for is, and without that it is made ready, then started.
    """
    return (
        *_of_order(facts),
        *_of_predecessors(facts.predecessors, good=facts.good),
        *_of_machine(facts),
        *(
            StartObstacle(ObstacleKind(f"missing_{kind.value}"), {"name": name})
            for kind, name in _in_order(facts.missing)
        ),
    )


def check_start(facts: StartFacts) -> None:
    """Refuse the start of an operation, with every reason at once.

    Raises:
        StartRefused: something keeps it from starting.
    """
    obstacles = why_not_start(facts)
    if obstacles:
        raise StartRefused(obstacles)


def is_ready(predecessors: Iterable[Predecessor]) -> bool:
    """Tell whether a waiting operation becomes ready: its predecessors allow it, whatever else may be missing."""
    return not any(_of_predecessors(predecessors, good=ZERO))


def check_handed_on(good: Decimal, predecessors: Iterable[Predecessor]) -> None:
    """Refuse a report after which an operation has more good pieces than an operation before it.

    `good` is the total after the report. Cancelled predecessors hand nothing on and hold nobody back.

    Raises:
        MoreThanBefore: a predecessor has fewer good pieces.
    """
    for predecessor in predecessors:
        if predecessor.state is not OperationState.CANCELLED and good > predecessor.good:
            raise MoreThanBefore(predecessor=predecessor.name, good=predecessor.good)


def handed_on(good: Decimal, predecessors: Iterable[Predecessor]) -> Decimal | None:
    """Return how many more good pieces an operation that has `good` may make; None where nothing comes before it."""
    made_before = [one.good for one in predecessors if one.state is not OperationState.CANCELLED]
    return max(min(made_before) - good, ZERO) if made_before else None


def check_reportable(state: OperationState, *, made_at: datetime, ended_at: datetime | None) -> None:
    """Refuse a report on an operation that is not begun or over; pieces made before its end may come late.

    Raises:
        OperationNotOpen: nothing can have been made on it then.
    """
    came_late = state is OperationState.DONE and ended_at is not None and made_at < ended_at
    if state not in {OperationState.RUNNING, OperationState.PAUSED} and not came_late:
        raise OperationNotOpen(state=state.value)


def _of_order(facts: StartFacts) -> Iterator[StartObstacle]:
    if facts.operation_state not in {OperationState.WAITING, OperationState.READY, OperationState.PAUSED}:
        yield StartObstacle(ObstacleKind.OPERATION_NOT_STARTABLE, {"state": facts.operation_state.value})
    if facts.order_state is OrderState.DRAFT:
        yield StartObstacle(ObstacleKind.ORDER_NOT_RELEASED)
    if facts.order_state in LOCKED:
        yield StartObstacle(ObstacleKind.ORDER_LOCKED, {"state": WORDS[facts.order_state]})
    if facts.order_state is OrderState.ON_HOLD:
        yield StartObstacle(ObstacleKind.ORDER_ON_HOLD)
    for name in facts.holds:
        yield StartObstacle(ObstacleKind.HELD, {"name": name})


def _of_predecessors(predecessors: Iterable[Predecessor], *, good: Decimal) -> Iterator[StartObstacle]:
    """Finish-to-start waits until the one before is done; partial transfer until it has more good pieces than this."""
    open_ones = [one for one in predecessors if one.state not in {OperationState.DONE, OperationState.CANCELLED}]
    for one in open_ones:
        if one.transfer is Transfer.FINISH_TO_START:
            yield StartObstacle(ObstacleKind.PREDECESSOR_NOT_DONE, {"name": one.name})
    for one in open_ones:
        if one.transfer is Transfer.PARTIAL and one.good <= good:
            yield StartObstacle(ObstacleKind.NOTHING_HANDED_ON, {"name": one.name})


def _of_machine(facts: StartFacts) -> Iterator[StartObstacle]:
    if facts.machine_state is MachineState.UNPLANNED_STOP:
        yield StartObstacle(ObstacleKind.MACHINE_DOWN)
    if facts.machine_state is MachineState.MAINTENANCE:
        yield StartObstacle(ObstacleKind.MACHINE_UNDER_MAINTENANCE)
    if not facts.allows_parallel:
        for name in facts.running_on_machine:
            yield StartObstacle(ObstacleKind.MACHINE_BUSY, {"name": name})


def _in_order(missing: Iterable[tuple[Requirement, str]]) -> list[tuple[Requirement, str]]:
    return sorted(missing, key=lambda each: list(Requirement).index(each[0]))
