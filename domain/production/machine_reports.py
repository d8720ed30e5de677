"""What a machine says about itself, whatever protocol it speaks.

Every source (simulator, log replay, later OPC UA or MQTT) turns its own language into these few facts, and one use
case books them. `key` names the fact within its machine and source: the same key is booked once, however often the
source repeats itself. `at` is when it happened, aware UTC.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from domain.plant.machine_states import MachineState

RunOutcome = Literal["completed", "aborted"]


@dataclass(frozen=True)
class RunStarted:
    """The machine began a run of an order."""

    key: str
    at: datetime
    run_key: str
    """Names this run; the reports that pause, resume and end it carry the same key."""
    order_number: str
    part_number: str
    target: Decimal | None
    """Pieces asked for; None when the machine does not know."""
    is_test: bool = False
    """A trial run that belongs to no customer order."""


@dataclass(frozen=True)
class RunPaused:
    """The run stands still and will go on."""

    key: str
    at: datetime
    run_key: str


@dataclass(frozen=True)
class RunResumed:
    """The paused run goes on."""

    key: str
    at: datetime
    run_key: str


@dataclass(frozen=True)
class RunEnded:
    """The run is over; `good` is what it yielded beyond the pieces already reported."""

    key: str
    at: datetime
    run_key: str
    order_number: str
    part_number: str
    outcome: RunOutcome
    good: Decimal
    target: Decimal | None = None
    is_test: bool = False
    note: str = ""


@dataclass(frozen=True)
class PiecesMade:
    """Pieces counted while a run goes on (`run_key`), or without one (None)."""

    key: str
    at: datetime
    run_key: str | None
    good: Decimal
    scrap: Decimal = Decimal(0)
    scrap_reason: str | None = None
    """Code of the scrap reason; needed when `scrap` is not zero."""


@dataclass(frozen=True)
class StateEntered:
    """The machine entered a state. `detail` is the machine's own text (an alarm), kept beside the state."""

    key: str
    at: datetime
    state: MachineState
    reason: str | None = None
    """Code of a reason of the organization, where the source knows one."""
    detail: str = ""


MachineReport = RunStarted | RunPaused | RunResumed | RunEnded | PiecesMade | StateEntered
