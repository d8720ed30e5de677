"""Following a source of machine reports and booking what it says."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from domain.errors import Unavailable, UnisonError
from domain.scope import Scope
from services.db.work import begin
from services.ports import MachineSource, ReportedBy
from services.production.machine_reports import book_machine_report

log = structlog.get_logger(__name__)

RETRY_S = 0.5


@dataclass
class Followed:
    """What came of following a source."""

    booked: int = 0
    """Reports that were new."""
    known: int = 0
    """Reports that had been booked before, or said nothing new."""


async def follow_source(scope: Scope, source: MachineSource) -> None:
    """Book what a live source reports, until it ends or this is cancelled.

    A report that Postgres could not take is repeated until it is back; a report that is refused is logged, and the
    others go on.
    """
    async for reported in source.reports():
        try:
            await book_patiently(scope, reported)
        except UnisonError as error:
            log.warning("a machine's report was refused", source=source.name, machine=reported.machine_code,
                        report=reported.report, error=str(error))  # fmt: skip


async def replay_source(
    scope: Scope,
    source: MachineSource,
    *,
    speed: float,
    on_report: Callable[[Followed, datetime], Awaitable[None]] | None = None,
) -> Followed:
    """Book a recorded source `speed` times as fast as it happened; 0 means without waiting.

    Raises:
        NotFound, Invalid: the first report that is refused; what came before it is booked.
    """
    loop = asyncio.get_running_loop()
    followed = Followed()
    first: datetime | None = None
    began = loop.time()
    async for reported in source.reports():
        at = reported.report.at
        first = first or at
        if speed > 0:
            await asyncio.sleep(max(0.0, began + (at - first).total_seconds() / speed - loop.time()))
        if await book_patiently(scope, reported):
            followed.booked += 1
        else:
            followed.known += 1
        if on_report is not None:
            await on_report(followed, at)
    return followed


async def book_patiently(scope: Scope, reported: ReportedBy) -> bool:
    """Book one report, waiting while Postgres is away; its key keeps a repetition from booking twice.

    Raises:
        NotFound, Invalid: the report is refused.
    """
    while True:
        try:
            async with begin(scope) as work:
                return await book_machine_report(work, machine_code=reported.machine_code, report=reported.report)
        except Unavailable:
            await asyncio.sleep(RETRY_S)
