"""Long work that somebody started and may leave, find again and cancel."""

from enum import StrEnum
from typing import ClassVar

from domain.errors import Conflict, marked


class TaskState(StrEnum):
    """Where a task is."""

    QUEUED = "queued"  # waits for a worker; -> running, cancelled
    RUNNING = "running"  # -> done, failed, cancelled
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing happens any more."""
        return self in {TaskState.DONE, TaskState.FAILED, TaskState.CANCELLED}


class TaskIsOver(Conflict):
    """There is nothing left to cancel."""

    code: ClassVar[str] = "task_is_over"
    sentence: ClassVar[str] = marked("This task is over already.")


class TaskUnderWay(Conflict):
    """The same is being done already."""

    code: ClassVar[str] = "task_under_way"
    sentence: ClassVar[str] = marked("This is being done already. Wait until it is over, or cancel it.")
