"""Reading a Komax machine's own files: one real day, and any day."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.plant.machine_states import MachineState
from domain.production.machine_reports import MachineReport, RunPaused, RunStarted, StateEntered
from services.adapters.komax import KomaxLog
from services.ports import MachineSource
from tests.services.komax_files import BERLIN, block, ends, read, user, write_day

SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "komax_2025-02-03"
needs_sample = pytest.mark.skipif(not SAMPLE.is_dir(), reason="the real Komax day is not on this computer")


def sections(name: str) -> list[tuple[str, datetime]]:
    """Read a real file with nothing but a pattern: the sections and their wall-clock times."""
    found = re.findall(r"\[(\w+)\]\s+DateTimeStamp=(\S+)", (SAMPLE / name).read_text())
    return [(section, datetime.strptime(stamp, "%d/%m/%Y,%H:%M:%S").replace(tzinfo=UTC)) for section, stamp in found]


def durations(reports: list[MachineReport]) -> dict[MachineState, timedelta]:
    """Add up how long each state lasted; the last one has no end."""
    changes = [report for report in reports if isinstance(report, StateEntered)]
    spent: dict[MachineState, timedelta] = dict.fromkeys(MachineState, timedelta())
    for change, following in pairwise(changes):
        spent[change.state] += following.at - change.at
    return spent


@needs_sample
class TestTheRealDay:
    async def test_comes_from_the_machine_that_the_files_name(self) -> None:
        source: MachineSource = KomaxLog(SAMPLE, BERLIN)

        told = [reported async for reported in source.reports()]

        assert {reported.machine_code for reported in told} == {"A565-0026"}
        assert [reported.report for reported in told] == read(SAMPLE)

    def test_books_exactly_the_pieces_that_the_machine_reported_at_its_ends(self) -> None:
        text = (SAMPLE / "Job.sdc").read_text()
        totals = re.findall(r"\[Job(?:Terminated|Aborted)\][^\[]*?TotalGoodPieces=(\d+)", text)

        booked = ends(read(SAMPLE))

        assert len(totals) == 74
        assert sum(end.good for end in booked) == sum(map(int, totals)) == 3722
        assert sum(end.good for end in booked if end.outcome == "aborted") == 161

    def test_has_as_many_runs_as_the_machine_started(self) -> None:
        written = Counter(section for section, _ in sections("Job.sdc"))

        reports = read(SAMPLE)

        started = [report.run_key for report in reports if isinstance(report, RunStarted)]
        ended = ends(reports)
        assert len(set(started)) == len(started) == written["JobStarted"] == 76
        assert Counter(end.outcome for end in ended) == {
            "completed": written["JobTerminated"],
            "aborted": written["JobAborted"] + written["JobInterrupted"],
        }
        assert not [end for end in ended if end.run_key.startswith("open:")]

    def test_leaves_only_the_last_job_open_and_paused(self) -> None:
        reports = read(SAMPLE)

        started = {report.run_key for report in reports if isinstance(report, RunStarted)}
        left = started - {end.run_key for end in ends(reports)}
        assert left == {"ZSU/00020/01/2025/295580/3/3731366400-Rev03/G01@2025-02-03T21:31:01Z"}
        assert [report.run_key for report in reports if isinstance(report, RunPaused)][-1] in left

    def test_runs_for_as_long_as_production_was_going_on(self) -> None:
        running = timedelta()
        since = None
        for section, at in sections("Producti.sdc"):
            if section in {"ProductionStarted", "ProductionRestarted"}:
                since = since or at
            elif section in {"ProductionInterrupted", "ProductionTerminated"} and since:
                running += at - since
                since = None

        spent = durations(read(SAMPLE))

        assert running == timedelta(seconds=13042)
        assert spent[MachineState.RUNNING] == running

    def test_spends_its_time_as_the_blocks_say_when_counted_another_way(self) -> None:
        named = {
            "ProductionStarted": MachineState.RUNNING,
            "ProductionRestarted": MachineState.RUNNING,
            "ProductionInterrupted": MachineState.UNPLANNED_STOP,
            "JobPaused": MachineState.UNPLANNED_STOP,
            "LoggedOut": MachineState.NO_DATA,
        }
        written = sections("Job.sdc") + sections("Producti.sdc") + sections("User.sdc")[:-1]
        blocks = sorted(written, key=lambda each: each[1])
        state, jobs = MachineState.IDLE, 0
        expected = dict.fromkeys(MachineState, timedelta())
        told = [each for each in blocks if not re.match("Counter|Quality|Measure", each[0])]
        for (section, at), (_, until) in pairwise(told):
            jobs += (section == "JobStarted") - (section in {"JobTerminated", "JobAborted", "JobInterrupted"})
            if section in named:
                state = named[section]
            elif re.match("Sample|Learn", section):
                state = MachineState.SETUP
            elif section == "LoggedIn":
                state = MachineState.UNPLANNED_STOP if jobs else MachineState.IDLE
            elif section == "ProductionTerminated" or state is not MachineState.RUNNING:
                state = MachineState.SETUP if jobs else MachineState.IDLE
            expected[state] += until - at

        spent = durations(read(SAMPLE))

        assert spent == expected
        assert {state.value: int(lasted.total_seconds()) for state, lasted in spent.items() if lasted} == {
            "running": 13042,
            "idle": 13061,
            "setup": 16067,
            "unplanned_stop": 15929,
            "no_data": 23,
        }

    def test_has_one_change_per_instant_and_one_key_per_report(self) -> None:
        reports = read(SAMPLE)

        changes = [report.at for report in reports if isinstance(report, StateEntered)]
        assert all(earlier < later for earlier, later in pairwise(changes))
        assert len({report.key for report in reports}) == len(reports)
        assert [report.at for report in reports] == sorted(report.at for report in reports)

    def test_explains_stops_with_the_alarms_around_them(self) -> None:
        details = {report.at: report.detail for report in read(SAMPLE) if isinstance(report, StateEntered)}

        late = datetime(2025, 2, 3, 21, 28, 3, tzinfo=UTC)
        assert details[late] == "Crimp force monitoring: Measured peak force of 6.7 NC exceeded 120% limit of 6.5 NC."
        assert len([detail for detail in details.values() if detail]) == 36


JOB_SECTIONS = ["JobStarted", "JobPaused", "JobInterrupted", "JobRestarted", "JobTerminated", "JobAborted"]
PRODUCTION_SECTIONS = ["ProductionStarted", "ProductionRestarted", "ProductionInterrupted", "ProductionTerminated"]
Event = tuple[int, str, str, int]
"""Second after 07:00, section, job, total."""

event = st.tuples(
    st.integers(0, 2),
    st.sampled_from([*JOB_SECTIONS, *PRODUCTION_SECTIONS, "SampleStarted", "LoggedOut", "LoggedIn"]),
    st.sampled_from(["A, 1", "A, 2", "LOCAL(1), 1"]),
    st.integers(0, 999),
)
"""Seconds since the event before it, section, job, total."""


def happened(events: list[Event]) -> list[Event]:
    second = 0
    told = []
    for gap, section, job, total in events:
        second += gap
        told.append((second, section, job, total))
    return told


def written_in(directory: Path, events: list[Event]) -> list[MachineReport]:
    files = {"Job": "", "Producti": "", "User": ""}
    for second, section, job, total in events:
        at = f"07:{second // 60:02}:{second % 60:02}"
        if section in JOB_SECTIONS:
            files["Job"] += block(section, at, job=job, TotalGoodPieces=total)
        elif section.startswith("Logged"):
            files["User"] += user(section, at)
        else:
            files["Producti"] += block(section, at, job=job)
    return read(write_day(directory, **files))


class TestAnyDay:
    @given(st.lists(event, max_size=40))
    def test_changes_state_forward_in_time_and_to_another_one(
        self, tmp_path_factory: pytest.TempPathFactory, events: list[Event]
    ) -> None:
        reports = written_in(tmp_path_factory.mktemp("day"), happened(events))

        changes = [each for each in reports if isinstance(each, StateEntered)]
        for earlier, later in pairwise(changes):
            assert earlier.at < later.at
            assert earlier.state != later.state
        assert [each.at for each in reports] == sorted(each.at for each in reports)

    @given(st.lists(event, max_size=40))
    def test_ends_each_run_once_and_names_everything_once(
        self, tmp_path_factory: pytest.TempPathFactory, events: list[Event]
    ) -> None:
        reports = written_in(tmp_path_factory.mktemp("day"), happened(events))

        started = {each.run_key for each in reports if isinstance(each, RunStarted)}
        ended = [each.run_key for each in ends(reports) if not each.run_key.startswith("open:")]
        assert len({each.key for each in reports}) == len(reports)
        assert len(set(ended)) == len(ended)
        assert set(ended) <= started

    @given(st.lists(event, max_size=40), st.integers(0, 40))
    def test_grows_without_changing_what_was_read(
        self, tmp_path_factory: pytest.TempPathFactory, events: list[Event], cut: int
    ) -> None:
        told = happened(events)
        early = [each for each in told if each[0] < cut]

        before = written_in(tmp_path_factory.mktemp("before"), early)
        after = written_in(tmp_path_factory.mktemp("after"), told)

        assert after[: len(before)] == before

    @given(st.lists(event, max_size=40), st.integers(0, 40))
    def test_has_the_same_runs_and_pieces_in_two_halves(
        self, tmp_path_factory: pytest.TempPathFactory, events: list[Event], cut: int
    ) -> None:
        told = happened(events)

        whole = written_in(tmp_path_factory.mktemp("whole"), told)
        halves = written_in(tmp_path_factory.mktemp("early"), [each for each in told if each[0] < cut])
        halves += written_in(tmp_path_factory.mktemp("late"), [each for each in told if each[0] >= cut])

        assert run_keys(halves) == run_keys(whole)
        assert sum(each.good for each in ends(halves)) == sum(each.good for each in ends(whole))


def run_keys(reports: list[MachineReport]) -> set[str]:
    """Leave out what depends on earlier files: states, and runs that a later start of the same job ended."""
    return {each.key for each in reports if not isinstance(each, StateEntered) and "/JobSuperseded/" not in each.key}
