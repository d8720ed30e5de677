"""Jobs: long tasks that can be found again, what waits in the queue, what was done lately, and what failed for good."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from nicegui import ui

from domain.events import Event, JobMoved, TaskMoved
from domain.identity.roles import Permission
from domain.operations.tasks import TaskState
from services.db.work import Work, read
from services.jobs.runs import JobOutcome
from services.operations.jobs import (
    DeadLetter,
    DoneJob,
    JobState,
    QueuedJob,
    cancel_job,
    discard_dead_letter,
    list_dead_letters,
    list_done_jobs,
    list_jobs,
    replay_dead_letter,
    retry_job,
)
from services.plant.places import list_plants
from services.tasks.tasks import TaskInfo, cancel_task, list_tasks
from ui.kit.act import act
from ui.kit.enter import Seat, screen
from ui.kit.formats import day_and_time, whole
from ui.kit.live_page import keep_fresh
from ui.kit.translate import Translate
from ui.pages.admin_parts import heading, setup_page

PAUSE_S = 0.2
R = TypeVar("R")
Do = Callable[[Work], Awaitable[object]]


@screen("/admin/jobs", permission=Permission.INSPECT_SYSTEM)
async def admin_jobs(seat: Seat) -> None:
    """Follow tasks and jobs, and mend what failed."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    with setup_page(seat, _("Jobs"), "/admin/jobs", plants=plants):
        page = _Page(seat, seat.zone_of(plants[0].time_zone if plants else "UTC"))
    await keep_fresh(
        seat, load=page.load, concerns=_concerns, due_s=page.next_in_s, only_in_sight=True, pause_s=PAUSE_S
    )


def _concerns(event: Event) -> bool:
    return isinstance(event, TaskMoved | JobMoved)


class _Page:
    """Four tables; each is drawn again only when what it shows has changed."""

    def __init__(self, seat: Seat, zone: str) -> None:
        self._seat, self._zone = seat, zone
        self._next_in_s: float | None = None
        self._may_edit = seat.viewer.scope.may(Permission.EDIT_JOBS)
        _ = seat.translate
        self._tasks = _Table(
            _("Tasks"),
            (_("Task"), _("State"), _("Progress"), _("Started by"), _("Since")),
            _("No task was started yet."),
        )
        self._jobs = _Table(
            _("Waiting and running"), (_("Job"), _("State"), _("Attempts"), _("Due"), _("Last error")),
            _("Nothing waits: every job is done."),
        )  # fmt: skip
        self._done = _Table(
            _("Done lately"), (_("Job"), _("Outcome"), _("Attempts"), _("Ended"), _("Took"), _("Error")),
            _("No job ended in the last 24 hours."),
        )  # fmt: skip
        self._dead = _Table(
            _("Failed for good"), (_("Job"), _("Attempts"), _("Failed"), _("Last error")), _("Nothing failed for good.")
        )

    async def load(self, _edited: object = None) -> None:
        """Show what is now."""
        async with read(self._seat.scope()) as work:
            tasks, jobs, dead = await list_tasks(work), await list_jobs(work), await list_dead_letters(work)
            done, now = await list_done_jobs(work), work.now
        due = [(job.due_at - now).total_seconds() for job in jobs if job.due_at > now]
        self._next_in_s = min(due) + PAUSE_S if due else None
        self._tasks.show(tasks, self._task)
        self._jobs.show(jobs, self._job)
        self._done.show(done, self._run)
        self._dead.show(dead, self._letter)

    def next_in_s(self) -> float | None:
        """Return in how many seconds a job will be due, which no event tells; None where none will be."""
        return self._next_in_s

    def _task(self, task: TaskInfo) -> None:
        _ = self._seat.translate
        progress = f"{task.done} / {task.total}" if task.total is not None else str(task.done or "")
        _cells(
            task.kind, task_words(_)[task.state], progress if not task.error else task.error, task.requested_by or "–",
            self._at(task.requested_at),
        )  # fmt: skip
        with ui.element("td").classes("u-table__actions"):
            if not task.state.is_over and not task.cancel_requested:
                self._button(_("Cancel"), "cancel", lambda work: cancel_task(work, task_id=task.id), mark="cancel-task")

    def _job(self, job: QueuedJob) -> None:
        _ = self._seat.translate
        _cells(job.name, job_words(_)[job.state], str(job.attempts), self._at(job.due_at), job.error)
        with ui.element("td").classes("u-table__actions"):
            if self._may_edit and job.state is not JobState.RUNNING:
                self._button(_("Now"), "play_arrow", lambda work: retry_job(work, job_id=job.id), mark="retry-job")
                self._button(_("Cancel"), "cancel", lambda work: cancel_job(work, job_id=job.id), mark="cancel-job")

    def _run(self, run: DoneJob) -> None:
        _ = self._seat.translate
        took = _("{seconds} s").format(seconds=whole(round(run.duration_s, 2), self._seat.number_locale))
        _cells(run.name, outcome_words(_)[run.outcome], str(run.attempts), self._at(run.ended_at), took, run.error, "")

    def _letter(self, letter: DeadLetter) -> None:
        _ = self._seat.translate
        _cells(letter.name, str(letter.attempts), self._at(letter.failed_at), letter.error)
        with ui.element("td").classes("u-table__actions"):
            if self._may_edit:
                self._button(
                    _("Try again"), "replay", lambda work: replay_dead_letter(work, job_id=letter.id), mark="replay"
                )
                self._button(
                    _("Discard"), "delete", lambda work: discard_dead_letter(work, job_id=letter.id), mark="discard"
                )

    def _button(self, label: str, icon: str, do: Do, *, mark: str) -> None:
        async def press() -> None:
            async def done(work: Work) -> bool:
                await do(work)
                return True

            await act(self._seat, done, saved=self._seat.translate("Saved"))
            await self.load()

        ui.button(label, icon=icon, color=None, on_click=press).classes("u-button u-button--flat").mark(mark)

    def _at(self, at: datetime) -> str:
        return day_and_time(at, self._zone, self._seat.lang)


class _Table:
    """A table with a heading, and a sentence where it is empty."""

    def __init__(self, title: str, heads: tuple[str, ...], nothing: str) -> None:
        self._shown: object = None
        heading(title)
        self._nothing = ui.label(nothing).classes("u-muted")
        with ui.element("div").classes("u-table-scroll") as self._scroll, ui.element("table").classes("u-table"):
            with ui.element("thead"), ui.element("tr"):
                for words in (*heads, ""):
                    with ui.element("th"):
                        ui.label(words)
            self._body = ui.element("tbody")

    def show(self, rows: tuple[R, ...], draw: Callable[[R], None]) -> None:
        """Show these rows."""
        self._nothing.visible, self._scroll.visible = not rows, bool(rows)
        if rows == self._shown:
            return
        self._shown = rows
        self._body.clear()
        with self._body:
            for row in rows:
                with ui.element("tr").mark("row"):
                    draw(row)


def _cells(*cells: str) -> None:
    for words in cells:
        with ui.element("td"):
            ui.label(words)


def task_words(_: Translate) -> dict[TaskState, str]:
    """Translate where a task is."""
    return {
        TaskState.QUEUED: _("Waiting"),
        TaskState.RUNNING: _("Running"),
        TaskState.DONE: _("Done"),
        TaskState.FAILED: _("Failed"),
        TaskState.CANCELLED: _("Cancelled"),
    }


def job_words(_: Translate) -> dict[JobState, str]:
    """Translate what a job is doing."""
    return {
        JobState.WAITING: _("Waiting"),
        JobState.LATER: _("Later"),
        JobState.RUNNING: _("Running"),
        JobState.RETRYING: _("Will be tried again"),
    }


def outcome_words(_: Translate) -> dict[JobOutcome, str]:
    """Translate how a job ended."""
    return {JobOutcome.DONE: _("Done"), JobOutcome.FAILED: _("Failed")}
