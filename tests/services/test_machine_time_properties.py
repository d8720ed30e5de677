"""Whatever happens in whatever order: the sums equal the log, and the status is the newest point of the timeline."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from domain.errors import UnisonError
from domain.plant.machine_states import MachineState
from domain.production.machine_reports import (
    MachineReport,
    PiecesMade,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    StateEntered,
)
from services.db.keys import new_id
from services.db.work import Work
from services.plant.machine_states import change_machine_state
from services.production.machine_reports import book_machine_report
from services.production.production_logs import Pieces, report_production
from tests.factories import Floor, undone

SECONDS = st.integers(0, 3 * 24 * 3600)
STATES = st.sampled_from([MachineState.RUNNING, MachineState.IDLE, MachineState.UNPLANNED_STOP])
RUNS = st.sampled_from(["a@1", "a@2", "b@1", "open:a", "open:c"])
QUANTITIES = st.decimals(0, 1000, places=3)
KEYS = st.integers(0, 12).map(str)

SUMS = text("""
WITH log AS (SELECT * FROM production_log),
runs AS (SELECT run_id, sum(quantity) FILTER (WHERE kind = 'good') AS good,
                sum(quantity) FILTER (WHERE kind = 'scrap') AS scrap FROM log WHERE run_id IS NOT NULL GROUP BY run_id),
hours AS (SELECT date_trunc('hour', at, 'UTC') AS hour_at, sum(quantity) FILTER (WHERE kind = 'good') AS good,
                 sum(quantity) FILTER (WHERE kind = 'scrap') AS scrap FROM log GROUP BY 1)
SELECT
  (SELECT count(*) FROM run_totals FULL JOIN runs USING (run_id)
   WHERE (coalesce(run_totals.good, 0), coalesce(run_totals.scrap, 0))
         IS DISTINCT FROM (coalesce(runs.good, 0), coalesce(runs.scrap, 0))) AS wrong_runs,
  (SELECT count(*) FROM machine_hours FULL JOIN hours USING (hour_at)
   WHERE (coalesce(machine_hours.good, 0), coalesce(machine_hours.scrap, 0))
         IS DISTINCT FROM (coalesce(hours.good, 0), coalesce(hours.scrap, 0))) AS wrong_hours
""")
NEWEST = text("""
SELECT status.state AS state, status.since AS since, status.reason_id AS reason_id, status.detail AS detail,
       newest.state AS newest_state, newest.started_at AS newest_since, newest.reason_id AS newest_reason_id,
       newest.detail AS newest_detail, runs.ended_at AS run_ended_at, status.day, status.good_today, status.scrap_today
FROM machine_status AS status
LEFT JOIN LATERAL (SELECT * FROM machine_state_changes ORDER BY started_at DESC LIMIT 1) AS newest ON true
LEFT JOIN production_runs AS runs ON runs.id = status.run_id
""")
LOG = text("SELECT at, kind, quantity FROM production_log")


@dataclass(frozen=True)
class Tap:
    """A person reports pieces at the terminal, now."""

    good: Decimal
    scrap: Decimal
    key: UUID


@dataclass(frozen=True)
class Decision:
    """A person enters or explains a state, now or afterwards."""

    state: MachineState
    has_reason: bool
    seconds_ago: int | None
    detail: str


@dataclass(frozen=True)
class Said:
    """A machine's report, as many seconds ago."""

    seconds_ago: int
    report: MachineReport


def reports(key: str, run: str, good: Decimal) -> st.SearchStrategy[MachineReport]:
    now = datetime.fromtimestamp(0, tz=ZoneInfo("UTC"))
    return st.one_of(
        st.just(RunStarted(f"start {run}", now, run, "WO", "P", Decimal(5))),
        st.just(RunPaused(f"pause {key}", now, run)),
        st.just(RunResumed(f"resume {key}", now, run)),
        st.just(RunEnded(f"end {key}", now, run, "WO", "P", "completed", good)),
        st.just(PiecesMade(f"pieces {key}", now, run if key < "5" else None, good)),
        st.builds(lambda state: StateEntered(f"state {key}", now, state), STATES),
        st.just(StateEntered(f"alarm {key}", now, MachineState.UNPLANNED_STOP, detail=f"E{key}")),
    )


SAID = st.builds(Said, SECONDS, st.tuples(KEYS, RUNS, QUANTITIES).flatmap(lambda chosen: reports(*chosen)))
DONE = st.one_of(
    SAID,
    SAID,
    st.builds(Tap, QUANTITIES, QUANTITIES, st.sampled_from([new_id() for _ in range(4)])),
    st.builds(Decision, STATES, st.booleans(), st.none() | SECONDS, st.sampled_from(["", "belt"])),
)


async def do(work: Work, floor: Floor, done: Said | Tap | Decision) -> bool:
    """Do it in a savepoint of its own; what is refused leaves no trace. Returns whether anything was booked."""
    with suppress(UnisonError):
        async with work.session.begin_nested():
            match done:
                case Said(seconds_ago, report):
                    happened = replace(report, at=work.now - timedelta(seconds=seconds_ago))
                    return await book_machine_report(work, machine_code=floor.machine_code, report=happened)
                case Tap(good, scrap, key):
                    pieces = Pieces(good=good, scrap=scrap, scrap_reason_id=floor.scrap_reason_id)
                    await report_production(work, machine_id=floor.machine_id, pieces=pieces, client_key=key)
                case Decision(state, has_reason, seconds_ago, detail):
                    await change_machine_state(
                        work,
                        machine_id=floor.machine_id,
                        state=state,
                        reason_id=floor.stop_reason_id if has_reason else None,
                        detail=detail,
                        started_at=None if seconds_ago is None else work.now - timedelta(seconds=seconds_ago),
                    )
    return False


async def check_sums(work: Work) -> None:
    sums = (await work.session.execute(SUMS)).one()
    assert (sums.wrong_runs, sums.wrong_hours) == (0, 0)


async def check_status(work: Work) -> None:
    now = (await work.session.execute(NEWEST)).one()
    if now.newest_since is None:
        assert (now.state, now.since) == ("no_data", None)
    else:
        assert (now.state, now.since, now.reason_id, now.detail) == (
            now.newest_state, now.newest_since, now.newest_reason_id, now.newest_detail,
        )  # fmt: skip
    assert now.run_ended_at is None
    log = (await work.session.execute(LOG)).all()
    zone = ZoneInfo("Europe/Berlin")
    today = max((row.at.astimezone(zone).date() for row in log), default=None)
    assert now.day == today
    for kind, shown in (("good", now.good_today), ("scrap", now.scrap_today)):
        made = [row.quantity for row in log if row.kind == kind and row.at.astimezone(zone).date() == today]
        assert shown == sum(made)


SETTINGS = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class TestMachineTime:
    @SETTINGS
    @given(happened=st.lists(DONE, max_size=14))
    async def test_always_equals_its_log_and_timeline(
        self, floor: Floor, happened: Sequence[Said | Tap | Decision]
    ) -> None:
        async with undone(replace(floor.scope, actor_kind="machine")) as work:
            for done in happened:
                await do(work, floor, done)

            await check_sums(work)
            await check_status(work)

    @SETTINGS
    @given(said=st.lists(SAID, max_size=12, unique_by=lambda said: said.seconds_ago))
    async def test_of_a_log_read_again_stays_as_it_is(self, floor: Floor, said: list[Said]) -> None:
        in_order = sorted(said, key=lambda said: -said.seconds_ago)
        async with undone(replace(floor.scope, actor_kind="machine")) as work:
            for done in in_order:
                await do(work, floor, done)
            before = await everything(work)

            again = [await do(work, floor, done) for done in in_order]

            assert await everything(work) == before
            assert not any(again)


async def everything(work: Work) -> list[object]:
    """Return what stands in the log, the timeline and the sums."""
    return [
        [tuple(row) for row in await work.session.execute(text(statement))]
        for statement in (
            "SELECT * FROM production_log ORDER BY id",
            "SELECT * FROM machine_state_changes ORDER BY started_at",
            "SELECT * FROM machine_status",
            "SELECT * FROM production_runs ORDER BY id",
            "SELECT * FROM run_totals ORDER BY run_id",
            "SELECT * FROM machine_hours ORDER BY hour_at",
        )
    ]
