"""What a report log says, and the timeline that overlapping reports make."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from domain.plant.machine_states import MachineState
from domain.production.past_reports import (
    STATES,
    PastReport,
    ReportKind,
    TimeOfReport,
    machine_code,
    report_keys,
    timeline_of,
)

START = datetime(2012, 1, 2, tzinfo=UTC)
PLANT, OTHER_PLANT = UUID(int=1), UUID(int=2)
REPORT = PastReport("Case1", "Lapping", "Lapping", ReportKind.PRODUCTION, START, START, good=Decimal(8))


def minutes(kind: ReportKind, since: int, until: int) -> TimeOfReport:
    """Return the time of a report in minutes after the start."""
    return TimeOfReport(kind, START + timedelta(minutes=since), START + timedelta(minutes=until))


class TestReportKeys:
    def test_tell_equal_reports_of_one_log_apart(self) -> None:
        first, second = report_keys([REPORT, REPORT], namespace=PLANT)

        assert first != second

    def test_stay_when_the_log_grows(self) -> None:
        short = report_keys([REPORT, REPORT], namespace=PLANT)
        long = report_keys([replace(REPORT, task="Packing"), REPORT, REPORT, REPORT], namespace=PLANT)

        assert long[1:3] == short
        assert len(set(long)) == 4

    def test_do_not_depend_on_how_a_number_is_written_nor_on_the_part(self) -> None:
        other = replace(REPORT, good=Decimal("8.000"), part="Shaft", ordered=Decimal(5))

        assert report_keys([other], namespace=PLANT) == report_keys([REPORT], namespace=PLANT)

    def test_are_others_in_another_plant(self) -> None:
        assert report_keys([REPORT], namespace=OTHER_PLANT) != report_keys([REPORT], namespace=PLANT)


class TestTimelineOf:
    def test_shows_running_before_setup_before_breakdown(self) -> None:
        timeline = timeline_of(
            [
                minutes(ReportKind.BREAKDOWN, 0, 50),
                minutes(ReportKind.SETUP, 10, 40),
                minutes(ReportKind.PRODUCTION, 20, 30),
            ]
        )

        assert [((at - START) // timedelta(minutes=1), state) for at, state in timeline] == [
            (0, MachineState.UNPLANNED_STOP),
            (10, MachineState.SETUP),
            (20, MachineState.RUNNING),
            (30, MachineState.SETUP),
            (40, MachineState.UNPLANNED_STOP),
            (50, MachineState.NO_DATA),
        ]

    def test_shows_reports_that_touch_as_one_state(self) -> None:
        timeline = timeline_of([minutes(ReportKind.PRODUCTION, 0, 10), minutes(ReportKind.PRODUCTION, 10, 20)])

        assert [state for _, state in timeline] == [MachineState.RUNNING, MachineState.NO_DATA]

    def test_does_not_show_a_report_of_no_length(self) -> None:
        assert timeline_of([minutes(ReportKind.PRODUCTION, 5, 5)]) == ()

    def test_says_of_every_minute_what_the_reports_say_in_whatever_order(self) -> None:
        dice = random.Random(7)
        for _ in range(200):
            reports = []
            for _ in range(dice.randint(1, 12)):
                since = dice.randint(0, 40)
                reports.append(minutes(dice.choice(list(ReportKind)), since, since + dice.randint(0, 15)))
            timeline = timeline_of(reports)

            assert timeline == timeline_of(reversed(reports))
            for minute in range(60):
                at = START + timedelta(minutes=minute, seconds=30)
                told = [report.kind for report in reports if report.starts_at <= at < report.ends_at]
                expected = next((STATES[kind] for kind in STATES if kind in told), MachineState.NO_DATA)
                states = [state for since, state in timeline if since <= at]
                assert (states[-1] if states else MachineState.NO_DATA) is expected


class TestMachineCode:
    def test_is_made_of_the_name(self) -> None:
        assert machine_code("Turning & Milling Q.C.", prefix="4TU", taken=(), longest=40) == "4TU-TURNING-MILLING-Q-C"

    def test_is_free_and_short_enough(self) -> None:
        first = machine_code("X" * 50, prefix="P", taken=(), longest=10)
        second = machine_code("X" * 60, prefix="P", taken={first}, longest=10)

        assert (first, second) == ("P-XXXXXXXX", "P-XXXXXX-2")
