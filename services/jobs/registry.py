"""Background jobs: what they are called, what they carry, who does them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.events import JobMoved
from domain.scope import Scope
from services.db.work import Work

QUEUE = "jobs"
SEND = text("SELECT pgmq.send(:queue, CAST(:message AS jsonb), CAST(:delay AS integer))")
SEND_TO_EACH = text("""
SELECT pgmq.send(:queue, CAST(:message AS jsonb) || jsonb_build_object('org', organization))
FROM app.organizations() AS organization
""")
SEND_EACH = """
SELECT pgmq.send($1::text, message::jsonb, delay_s) FROM unnest($2::text[], $3::integer[]) AS job (message, delay_s)
"""


class Job(BaseModel):
    """Something to do later, outside the request that wanted it; ids and small values only."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: ClassVar[str]


J = TypeVar("J", bound=Job)
TenantHandler = Callable[[Work, J], Awaitable[None]]
ScopeHandler = Callable[[Scope, J], Awaitable[None]]
SystemHandler = Callable[[AsyncConnection, J], Awaitable[None]]
LongSystemHandler = Callable[[J], Awaitable[None]]


@dataclass(frozen=True)
class Registered:
    """A job and who does it: for an organization, inside a unit of work or in several of its own, or for the system."""

    kind: type[Job]
    for_tenant: "TenantHandler[Job] | None" = None
    for_scope: "ScopeHandler[Job] | None" = None
    for_system: "SystemHandler[Job] | None" = None
    for_system_at_length: "LongSystemHandler[Job] | None" = None
    every_s: int | None = None
    """How often the system does it by itself, in seconds."""


REGISTRY: dict[str, Registered] = {}


def does(kind: type[J]) -> Callable[["TenantHandler[J]"], "TenantHandler[J]"]:
    """Register the function that does a job of an organization; it may run more than once until it succeeds, and its
    unit of work commits together with the job's removal from the queue."""

    def register(handler: "TenantHandler[J]") -> "TenantHandler[J]":
        REGISTRY[kind.name] = Registered(kind, for_tenant=handler)  # type: ignore[arg-type]
        return handler

    return register


def does_at_length(kind: type[J]) -> Callable[["ScopeHandler[J]"], "ScopeHandler[J]"]:
    """Register the function that does a long job of an organization and opens its units of work by itself: no
    transaction stays open meanwhile. It may run again after it has succeeded, and finds out by itself."""

    def register(handler: "ScopeHandler[J]") -> "ScopeHandler[J]":
        REGISTRY[kind.name] = Registered(kind, for_scope=handler)  # type: ignore[arg-type]
        return handler

    return register


def does_for_system(kind: type[J], *, every_s: int | None = None) -> Callable[["SystemHandler[J]"], "SystemHandler[J]"]:
    """Register the function that does a job of the system, by itself every `every_s` seconds where given."""

    def register(handler: "SystemHandler[J]") -> "SystemHandler[J]":
        REGISTRY[kind.name] = Registered(kind, for_system=handler, every_s=every_s)  # type: ignore[arg-type]
        return handler

    return register


def does_for_system_at_length(kind: type[J]) -> Callable[["LongSystemHandler[J]"], "LongSystemHandler[J]"]:
    """Register the function that does a long job of the system and opens its transactions by itself. It may run again
    after it has succeeded, and finds out by itself."""

    def register(handler: "LongSystemHandler[J]") -> "LongSystemHandler[J]":
        REGISTRY[kind.name] = Registered(kind, for_system_at_length=handler)  # type: ignore[arg-type]
        return handler

    return register


async def enqueue(work: Work, job: Job, *, delay_s: int = 0) -> None:
    """Queue a job for the work's organization and actor; it exists if, and only if, the work commits."""
    message = _message(work.scope, job)
    await work.session.execute(SEND, {"queue": QUEUE, "message": orjson.dumps(message).decode(), "delay": delay_s})
    work.emit(JobMoved(job=job.name))


async def enqueue_each(work: Work, jobs: Sequence[tuple[Job, int]]) -> None:
    """Queue jobs as `enqueue` does, each with its delay in seconds, in one statement."""
    if jobs:
        messages = [orjson.dumps(_message(work.scope, job)).decode() for job, _ in jobs]
        await work.fetch(SEND_EACH, QUEUE, messages, [delay_s for _, delay_s in jobs])
        for name in {job.name for job, _ in jobs}:
            work.emit(JobMoved(job=name))


async def enqueue_for_system(connection: AsyncConnection, job: Job) -> None:
    """Queue a job that belongs to no organization."""
    message = {"job": job.name, "org": None, "user": None, "request": "", "payload": job.model_dump(mode="json")}
    await connection.execute(SEND, {"queue": QUEUE, "message": orjson.dumps(message).decode(), "delay": 0})


async def enqueue_for_organizations(connection: AsyncConnection, job: Job) -> None:
    """Queue a job once for every organization, to be done in a unit of work of each."""
    message = {"job": job.name, "user": None, "request": "", "payload": job.model_dump(mode="json")}
    await connection.execute(SEND_TO_EACH, {"queue": QUEUE, "message": orjson.dumps(message).decode()})


def _message(scope: Scope, job: Job) -> dict[str, object]:
    return {
        "job": job.name,
        "org": str(scope.org_id),
        "user": str(scope.user_id) if scope.user_id else None,
        "request": scope.request_id,
        "payload": job.model_dump(mode="json"),
    }
