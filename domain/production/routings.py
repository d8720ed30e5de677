"""How a material is made: the steps of a routing, and what makes them fit together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.checks import checked_quantity, checked_text
from domain.errors import Conflict, Invalid, marked
from domain.production.operations import Transfer

LARGEST_SEQUENCE = 9999
MOST_STEPS = 200
LONGEST_INSTRUCTIONS = 10_000


class RoutingState(StrEnum):
    """Where a revision of a routing is in its life."""

    DRAFT = "draft"  # may be changed
    ACTIVE = "active"  # copied into orders at their release; one per material and plant
    RETIRED = "retired"  # was active once


class RequiredReport(StrEnum):
    """What must have been reported before an operation is finished."""

    SETUP = "setup"
    QUANTITY = "quantity"


class NoSteps(Invalid):
    """A routing without operations."""

    code: ClassVar[str] = "routing_without_operations"
    sentence: ClassVar[str] = marked("A routing needs at least one operation, and takes {most} at most.")


class InvalidSequence(Invalid):
    """A sequence that is out of range or stands twice in a routing."""

    code: ClassVar[str] = "invalid_sequence"
    sentence: ClassVar[str] = marked("Every operation needs a sequence of its own from 1 to {largest}: {sequence}.")


class InvalidPredecessor(Invalid):
    """A predecessor that does not exist or does not come earlier."""

    code: ClassVar[str] = "invalid_predecessor"
    sentence: ClassVar[str] = marked("Operation {sequence} cannot wait for {predecessor}: there is no such one before.")


class InvalidWorkCentre(Invalid):
    """A step at no place, at two, or at one outside the plant."""

    code: ClassVar[str] = "invalid_work_centre"
    sentence: ClassVar[str] = marked("Operation {sequence} needs one lane or one machine of this plant.")


class RoutingMovedOn(Conflict):
    """What was asked is not possible in the present state of the routing."""

    code: ClassVar[str] = "routing_moved_on"
    sentence: ClassVar[str] = marked("This routing is {state}. Only a draft can be changed; make a new revision.")


@dataclass(frozen=True)
class RoutingStep:
    """One operation of a routing."""

    sequence: int
    name: str
    lane_id: UUID | None = None
    """The work centre where any machine of a lane will do; else `machine_id`."""
    machine_id: UUID | None = None
    setup_time_s: Decimal = Decimal(0)
    run_time_s: Decimal | None = None
    """Planned run time per piece; None when nobody planned one."""
    predecessors: tuple[int, ...] | None = None
    """Sequences that this one waits for; None stands for the step before it, () for none."""
    transfer: Transfer = Transfer.FINISH_TO_START
    """When this step hands its pieces on to those that wait for it."""
    instructions: str = ""
    required_reports: frozenset[RequiredReport] = frozenset()


def checked_steps(steps: Sequence[RoutingStep]) -> tuple[RoutingStep, ...]:
    """Return the steps by sequence, with every predecessor named.

    Raises:
        NoSteps: there are none, or too many.
        InvalidSequence: a sequence is out of range or stands twice.
        InvalidPredecessor: a step waits for one that does not exist or does not come earlier.
        InvalidWorkCentre: a step has no place, or two.
        InvalidText, InvalidQuantity: a name, instruction or time cannot be kept.
    """
    if not 1 <= len(steps) <= MOST_STEPS:
        raise NoSteps(field="operations", most=MOST_STEPS)
    known: list[int] = []
    checked = []
    for step in sorted(steps, key=lambda each: each.sequence):
        if not 1 <= step.sequence <= LARGEST_SEQUENCE or step.sequence in known:
            raise InvalidSequence(field="sequence", sequence=step.sequence, largest=LARGEST_SEQUENCE)
        checked.append(_checked(step, known))
        known.append(step.sequence)
    return tuple(checked)


def _checked(step: RoutingStep, before: list[int]) -> RoutingStep:
    wanted = tuple(before[-1:]) if step.predecessors is None else tuple(sorted(set(step.predecessors)))
    for sequence in wanted:
        if sequence not in before:
            raise InvalidPredecessor(field="predecessors", sequence=step.sequence, predecessor=sequence)
    if (step.lane_id is None) == (step.machine_id is None):
        raise InvalidWorkCentre(field="work_centre", sequence=step.sequence)
    if step.run_time_s is not None and step.run_time_s == 0:
        return _checked(replace(step, run_time_s=None), before)
    return replace(
        step,
        name=checked_text(step.name, field="name"),
        setup_time_s=checked_quantity(step.setup_time_s, field="setup_time_s"),
        run_time_s=None if step.run_time_s is None else checked_quantity(step.run_time_s, field="run_time_s"),
        predecessors=wanted,
        instructions=checked_text(
            step.instructions, field="instructions", longest=LONGEST_INSTRUCTIONS, may_be_empty=True
        ),
    )
