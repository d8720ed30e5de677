"""A whole organization at once: how fast it is exported and deleted, and what those who share the installation feel.

Of a million reports, one organization has three quarters. It is exported, then deleted, by the process that also books
for the other one, whose fifty terminals tap once a second meanwhile, as they do alone before.
"""

import asyncio
import resource
import time
import zipfile
from collections.abc import Awaitable
from pathlib import Path
from statistics import median
from typing import TypeVar

from services.adapters.local_files import LocalFiles
from services.db.work import begin
from services.file_store import use_file_store
from services.organizations.deletion_jobs import DeleteOrganization, delete_organization
from services.organizations.packing import Packed, pack
from tests.bench.installation import Installation, installation
from tests.bench.log_rows import fill_logs
from tests.bench.report import CONNECTIONS, TERMINALS, WARM_UP_S, one_tap, paced, rush
from tests.bench.results import Result, reported
from tests.bench.works import Works, make_works
from ui.garbage import collect_rarely

T = TypeVar("T")
CALM_S = 15.0
MOST_SLOWER_MS = 30.0
"""What a one-tap report may take, whatever others do (the bench `report`)."""
PLAN = "SELECT app.plan_deletion(app.current_org(), NULL, now(), NULL)"


async def measure() -> list[Result]:
    """Measure taps alone, beside an export and beside a deletion."""
    async with installation(connections=CONNECTIONS) as place:
        use_file_store(LocalFiles(place.data_dir / "files"))
        leaving, staying = await make_works(slug="leaving"), await make_works(slug="staying", machines=TERMINALS)
        await fill_logs(place, [staying, leaving])
        collect_rarely()
        report = one_tap(staying)
        await rush(staying, report, seconds=WARM_UP_S)
        calm_ms = await paced(staying, report, is_over=lambda after_s: after_s >= CALM_S)
        before_mb = _peak_mb()
        packed, exported_s, export_ms = await _beside(staying, _export(place, leaving))
        peak_mb = _peak_mb() - before_mb
        async with begin(leaving.scope) as work:
            await work.fetch(PLAN)
        _, deleted_s, deletion_ms = await _beside(
            staying, delete_organization(DeleteOrganization(organization_id=leaving.scope.org_id))
        )
    rows = packed.rows
    return [
        reported("rows", rows),
        reported("exported_rows_per_s", rows / exported_s),
        reported("export_s", exported_s),
        reported("export_more_memory_mb", peak_mb),
        reported("deleted_rows_per_s", rows / deleted_s),
        reported("deletion_s", deleted_s),
        reported("report_p95_ms_alone", _p95(calm_ms)),
        Result("report_p95_ms_beside_export", _p95(export_ms), f"<= {MOST_SLOWER_MS:g}"),
        Result("report_p95_ms_beside_deletion", _p95(deletion_ms), f"<= {MOST_SLOWER_MS:g}"),
        reported("report_p50_ms_alone", median(calm_ms)),
        reported("report_p50_ms_beside_deletion", median(deletion_ms)),
    ]


async def _export(place: Installation, works: Works) -> Packed:
    path = place.data_dir / "export.zip"
    packed = await pack(works.scope, path, report=_hear)
    if await asyncio.to_thread(_broken, path):
        raise RuntimeError("the export cannot be read")
    return packed


def _broken(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return "manifest.json" not in archive.namelist()


async def _hear(_done: int, _total: int) -> None:
    """Hear of progress."""


async def _beside(works: Works, long_work: Awaitable[T]) -> tuple[T, float, list[float]]:
    """Do something long while terminals tap; returns what it brought, its seconds, and the times of the taps in ms."""
    began = time.monotonic()
    doing = asyncio.ensure_future(long_work)
    ended: list[float] = []
    doing.add_done_callback(lambda _: ended.append(time.monotonic()))
    times_ms = await paced(works, one_tap(works), is_over=lambda _: doing.done())
    return await doing, ended[0] - began, times_ms


def _p95(times_ms: list[float]) -> float:
    return times_ms[int(len(times_ms) * 0.95)]


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
