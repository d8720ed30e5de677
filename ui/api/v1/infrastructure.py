"""Running the installation, for programs: health, settings, features, jobs and tasks."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import Field

from domain.operations.features import Feature
from domain.operations.tasks import TaskState
from services.config import Settings
from services.db.work import Work, read
from services.jobs.runs import JobOutcome
from services.operations import features, jobs
from services.operations.health import Condition, check_health
from services.operations.settings_in_force import Origin, settings_in_force
from services.tasks import tasks
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, RequestBody
from ui.api.v1.writes import Done, Write

JobId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class RunningJob(Answer):
    """What a worker is doing."""

    name: str
    since: datetime


class Worker(Answer):
    """A worker that lives."""

    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    running: int = Field(description="How many jobs it was doing when it was seen.")
    jobs: list[RunningJob] = Field(description="What it was doing when it was seen.")


class JobQueue(Answer):
    """The queue of jobs of the whole installation."""

    waiting: int
    archived: int
    oldest_s: float


class Queue(Answer):
    """A queue of the installation: of jobs, of events for webhooks, or of a server process that hears of changes."""

    name: str
    depth: int = Field(description="Messages, also those that are for later or being worked on.")
    oldest_at: datetime | None = Field(description="Since when the oldest message lies there; null for none.")
    oldest_s: float = Field(description="Its age in seconds; 0 for none.")
    late_s: float = Field(description="For how long the first that is due has been waiting; 0 where none is due.")
    archived: int = Field(description="Messages put aside; of `jobs` those that failed for good.")


class InstallationHealth(Answer):
    """How the installation is. Counts named `own` are the organization's, all others the installation's."""

    at: datetime
    database: Condition
    answer_ms: float
    database_version: str
    database_bytes: int
    connections: int
    most_connections: int
    queue: Condition
    jobs: JobQueue
    queues: list[Queue]
    own_dead_letters: int
    work: Condition
    workers: list[Worker]
    processes: int = Field(description="Server processes that hear of changes.")
    screens: int = Field(description="Pages that people have open on all of them.")
    storage: Condition
    backend: str = Field(description="What keeps files: `folder` or `s3`; empty where it does not answer.")
    free_bytes: int | None = Field(description="How much still goes into it; null where nothing limits it.")
    stored_files: int
    stored_bytes: int
    own_files: int
    own_bytes: int
    migrations: Condition
    revision: str = Field(description="The newest revision that the database has.")
    missing: list[str] = Field(description="Revisions that the database lacks.")
    versions: dict[str, str]


class Setting(Answer):
    """A setting in force; of a secret only whether it is set."""

    name: str
    value: str
    origin: Origin
    meaning: str


class SettingList(Answer):
    """Every setting in force."""

    items: list[Setting]


class FeatureInForce(Answer):
    """A feature, and whether the organization uses it."""

    feature: Feature
    is_on: bool
    version: int = Field(description="0 where nobody ever switched it.")


class FeatureList(Answer):
    """Every feature."""

    items: list[FeatureInForce]


class FeatureSwitch(RequestBody):
    """Whether to use a feature from now on."""

    is_on: bool
    seen_version: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)] = Field(
        description="`version` that was seen; 0 where nobody ever switched it."
    )


class Job(Answer):
    """A job that waits, runs, or will be tried again."""

    id: int
    name: str
    state: jobs.JobState
    attempts: int
    enqueued_at: datetime
    due_at: datetime
    error: str


class JobList(Answer):
    """The newest jobs of the organization that are not done yet."""

    items: list[Job]


class DoneJob(Answer):
    """A job that ended lately."""

    id: int
    name: str
    outcome: JobOutcome
    attempts: int
    started_at: datetime = Field(description="When its last attempt began.")
    ended_at: datetime
    duration_s: float
    error: str = Field(description="What went wrong, of one that failed for good.")


class DoneJobList(Answer):
    """The organization's jobs that ended within a day, the newest first and at most a hundred."""

    items: list[DoneJob]


class DeadLetter(Answer):
    """A job that failed for good."""

    id: int
    name: str
    attempts: int
    enqueued_at: datetime
    failed_at: datetime
    error: str


class DeadLetterList(Answer):
    """The organization's jobs that failed for good, the newest first."""

    items: list[DeadLetter]


class JobDone(Answer):
    """What was done to a job."""

    id: int
    done: Literal["retried", "cancelled", "replayed", "discarded"]


class Task(Answer):
    """A long task."""

    id: UUID
    kind: str
    state: TaskState
    done: int
    total: int | None = Field(description="Null where nobody knows yet.")
    result: dict[str, object]
    error: str
    cancel_requested: bool
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class TaskList(Answer):
    """The newest tasks."""

    items: list[Task]


def infrastructure_router(settings: Settings) -> APIRouter:
    """Return the routes; `settings` are those of this process."""
    router = APIRouter(tags=["infrastructure"], route_class=ExactJsonRoute)

    @router.get(
        "/infrastructure/health", operation_id="getHealth", summary="How the installation is", responses=READING
    )
    async def get_health(caller: Caller) -> InstallationHealth:
        """Look at the database, queues, workers, screens, files, migrations and versions."""
        health = await check_health(caller)
        return InstallationHealth.model_validate(
            {**vars(health), "migrations": health.schema, "versions": dict(health.versions)}
        )

    @router.get("/infrastructure/settings", operation_id="listSettings", summary="Settings in force", responses=READING)
    async def list_settings(caller: Caller) -> SettingList:
        """Return every setting of the process that answers, where it came from, and what it means."""
        return SettingList.model_validate({"items": settings_in_force(caller, settings)})

    @router.get("/infrastructure/features", operation_id="listFeatures", summary="Features", responses=READING)
    async def list_features(caller: Caller) -> FeatureList:
        """Return every feature and whether the organization uses it."""
        async with read(caller) as work:
            return FeatureList.model_validate({"items": await features.list_features(work)})

    @router.post(
        "/infrastructure/features/{feature}",
        operation_id="switchFeature",
        summary="Switch a feature",
        response_model=FeatureInForce,
        responses=WRITING,
    )
    async def post_feature(feature: Feature, body: FeatureSwitch, write: Write) -> Response:
        """Switch a feature on or off; people see or lose it at once."""

        async def switch(work: Work) -> Done:
            state = await features.switch_feature(
                work, feature=feature.value, is_on=body.is_on, version=body.seen_version
            )
            return Done(FeatureInForce.model_validate(state))

        return await write.once(switch)

    @router.get("/infrastructure/jobs", operation_id="listJobs", summary="Jobs that are not done", responses=READING)
    async def list_jobs(caller: Caller) -> JobList:
        """Return the newest jobs of the organization that wait, run or will be tried again."""
        async with read(caller) as work:
            return JobList.model_validate({"items": await jobs.list_jobs(work)})

    @router.post(
        "/infrastructure/jobs/{job_id}/retry",
        operation_id="retryJob",
        summary="Do a job now",
        response_model=JobDone,
        responses=WRITING,
    )
    async def post_retry(job_id: JobId, write: Write) -> Response:
        """Have a job taken at once that waits for its time or for another attempt."""

        async def retry(work: Work) -> Done:
            await jobs.retry_job(work, job_id=job_id)
            return Done(JobDone(id=job_id, done="retried"))

        return await write.once(retry)

    @router.post(
        "/infrastructure/jobs/{job_id}/cancel",
        operation_id="cancelJob",
        summary="Take a job back",
        response_model=JobDone,
        responses=WRITING,
    )
    async def post_cancel(job_id: JobId, write: Write) -> Response:
        """Take a job back that nobody is doing."""

        async def cancel(work: Work) -> Done:
            await jobs.cancel_job(work, job_id=job_id)
            return Done(JobDone(id=job_id, done="cancelled"))

        return await write.once(cancel)

    @router.get("/infrastructure/done-jobs", operation_id="listDoneJobs", summary="Jobs done lately", responses=READING)
    async def list_done_jobs(caller: Caller) -> DoneJobList:
        """Return the organization's jobs that ended within a day, how and after how long."""
        async with read(caller) as work:
            return DoneJobList.model_validate({"items": await jobs.list_done_jobs(work)})

    @router.get(
        "/infrastructure/dead-letters",
        operation_id="listDeadLetters",
        summary="Jobs that failed for good",
        responses=READING,
    )
    async def list_dead_letters(caller: Caller) -> DeadLetterList:
        """Return the organization's jobs that failed for good, with the last error."""
        async with read(caller) as work:
            return DeadLetterList.model_validate({"items": await jobs.list_dead_letters(work)})

    @router.post(
        "/infrastructure/dead-letters/{job_id}/replay",
        operation_id="replayDeadLetter",
        summary="Queue a failed job again",
        response_model=JobDone,
        responses=WRITING,
    )
    async def post_replay(job_id: JobId, write: Write) -> Response:
        """Queue a job again that failed for good; its new id is answered."""

        async def replay(work: Work) -> Done:
            return Done(JobDone(id=await jobs.replay_dead_letter(work, job_id=job_id), done="replayed"))

        return await write.once(replay)

    @router.post(
        "/infrastructure/dead-letters/{job_id}/discard",
        operation_id="discardDeadLetter",
        summary="Forget a failed job",
        response_model=JobDone,
        responses=WRITING,
    )
    async def post_discard(job_id: JobId, write: Write) -> Response:
        """Forget a job that failed for good."""

        async def discard(work: Work) -> Done:
            await jobs.discard_dead_letter(work, job_id=job_id)
            return Done(JobDone(id=job_id, done="discarded"))

        return await write.once(discard)

    @router.get("/tasks/", operation_id="listTasks", summary="Long tasks", responses=READING)
    async def list_tasks(caller: Caller) -> TaskList:
        """Return the newest tasks: all of the organization's for who inspects the system, else one's own."""
        async with read(caller) as work:
            return TaskList.model_validate({"items": await tasks.list_tasks(work)})

    @router.get("/tasks/{task_id}", operation_id="getTask", summary="A long task", responses=READING)
    async def get_task(caller: Caller, task_id: UUID) -> Task:
        """Return how far a task is and what it brought."""
        async with read(caller) as work:
            return Task.model_validate(await tasks.get_task(work, task_id))

    @router.post(
        "/tasks/{task_id}/cancel",
        operation_id="cancelTask",
        summary="Cancel a task",
        response_model=Task,
        responses=WRITING,
    )
    async def post_task_cancel(task_id: UUID, write: Write) -> Response:
        """Take a waiting task back, or have a running one stop at its next step."""

        async def cancel(work: Work) -> Done:
            return Done(Task.model_validate(await tasks.cancel_task(work, task_id=task_id)))

        return await write.once(cancel)

    return router
