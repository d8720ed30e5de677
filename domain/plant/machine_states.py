"""The states of a machine's timeline and what each of them means for time."""

from enum import StrEnum


class MachineState(StrEnum):
    """What a machine is doing. A state lasts from its change until the next change."""

    RUNNING = "running"  # making pieces
    IDLE = "idle"  # able to work, nothing to do
    SETUP = "setup"  # being prepared for the next run
    PLANNED_STOP = "planned_stop"  # stopped as planned: break, no shift
    UNPLANNED_STOP = "unplanned_stop"  # stopped against the plan
    BLOCKED = "blocked"  # cannot hand its pieces on
    STARVED = "starved"  # gets no material
    MAINTENANCE = "maintenance"  # in the hands of maintenance
    NO_DATA = "no_data"  # nobody knows; enters no loss bucket


NEEDS_REASON = frozenset({MachineState.PLANNED_STOP, MachineState.UNPLANNED_STOP})
"""States that a person explains with a reason from the organization's tree."""
