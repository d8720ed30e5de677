"""Key performance indicators, against published cases and their own laws."""

import json
from dataclasses import fields
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.plant.counters import made_over
from domain.production.kpi_formulas import FORMULAS, Kpi, explain
from domain.production.kpis import (
    Ratio,
    WorkUnitKpis,
    WorkUnitOutput,
    WorkUnitRepairs,
    WorkUnitTimes,
    output_together,
    planned_run_time_s,
    times_together,
    work_unit_kpis,
)
from tests.shared_data import shared_data

SECONDS = st.decimals(min_value=0, max_value=100_000, places=3)
PIECES = st.decimals(min_value=0, max_value=100_000, places=2)

TIMES = st.builds(
    WorkUnitTimes,
    planned_busy_s=SECONDS, production_s=SECONDS, setup_s=SECONDS, down_s=SECONDS,
    busy_s=st.none() | SECONDS, calendar_s=st.none() | SECONDS,
)  # fmt: skip
OUTPUT = st.builds(
    WorkUnitOutput,
    good=PIECES, scrap=PIECES, rework=PIECES, planned_run_s=st.none() | SECONDS, good_first_pass=st.none() | PIECES,
    inspected=st.none() | PIECES, first_operation_produced=st.none() | PIECES, order_execution_s=st.none() | SECONDS,
)  # fmt: skip
REPAIRS = st.builds(
    WorkUnitRepairs,
    failures=st.integers(0, 50), operating_s=SECONDS, repair_s=SECONDS, corrective_s=SECONDS, preventive_s=SECONDS,
)  # fmt: skip


def close(value: Ratio, expected: str, tolerance: str) -> bool:
    return value is not None and abs(value - Decimal(expected)) <= Decimal(tolerance)


class TestPublishedCases:
    def test_of_vorne_come_out_as_published(self) -> None:
        case = json.loads(shared_data("vectors/oee_vorne.json").read_text(), parse_float=str)
        produced, good = Decimal(case["produced"]), Decimal(case["good"])

        kpis = work_unit_kpis(
            WorkUnitTimes(Decimal(case["planned_busy_min"]) * 60, Decimal(case["production_min"]) * 60),
            WorkUnitOutput(
                good, produced - good, planned_run_s=planned_run_time_s([(Decimal(case["ideal_cycle_s"]), produced)])
            ),
        )

        assert close(kpis.availability, case["expected"]["availability"], case["tolerance"])
        assert close(kpis.effectiveness, case["expected"]["effectiveness"], case["tolerance"])
        assert close(kpis.quality_ratio, case["expected"]["quality"], case["tolerance"])
        assert close(kpis.oee, case["expected"]["oee"], case["tolerance"])

    def test_of_flux_come_out_as_published_from_counters_that_go_up(self) -> None:
        case = json.loads(shared_data("vectors/oee_flux_counters.json").read_text(), parse_float=str)
        instants = [datetime.fromisoformat(f"2021-03-22T{event[0]}:00+00:00") for event in case["events"]]
        ends = [*instants[1:], instants[0] + timedelta(hours=4)]
        runtime = sum(
            (end - start for event, start, end in zip(case["events"], instants, ends, strict=True)
             if event[1] == "running"),
            timedelta(),
        )  # fmt: skip
        produced = made_over(Decimal(event[2]) for event in case["events"])
        bad = made_over(Decimal(event[3]) for event in case["events"])

        kpis = work_unit_kpis(
            WorkUnitTimes(Decimal(8 * 3600), Decimal(runtime.total_seconds())),
            WorkUnitOutput(produced - bad, bad, planned_run_s=planned_run_time_s([(Decimal(30), produced)])),
        )

        assert (runtime.total_seconds(), produced, bad) == (
            case["expected"]["runtime_s"], case["expected"]["produced"], case["expected"]["bad"]
        )  # fmt: skip
        assert close(kpis.availability, case["expected"]["availability"], case["tolerance"])
        assert close(kpis.effectiveness, case["expected"]["performance"], case["tolerance"])
        assert close(kpis.quality_ratio, case["expected"]["quality"], case["tolerance"])
        assert close(kpis.oee, case["expected"]["oee"], case["tolerance"])


class TestWorkUnitKpis:
    def test_follow_their_formulas(self) -> None:
        times = WorkUnitTimes(
            planned_busy_s=Decimal(1000), production_s=Decimal(600), setup_s=Decimal(200), down_s=Decimal(150),
            calendar_s=Decimal(2000),
        )  # fmt: skip
        output = WorkUnitOutput(
            good=Decimal(80), scrap=Decimal(15), rework=Decimal(5), planned_run_s=Decimal(500),
            good_first_pass=Decimal(45), inspected=Decimal(50), first_operation_produced=Decimal(120),
            order_execution_s=Decimal(400),
        )  # fmt: skip
        repairs = WorkUnitRepairs(
            failures=3, operating_s=Decimal(600), repair_s=Decimal(150), corrective_s=Decimal(30),
            preventive_s=Decimal(90),
        )  # fmt: skip

        kpis = work_unit_kpis(times, output, repairs=repairs)

        assert kpis.availability == Decimal("0.6")
        assert kpis.effectiveness == Decimal(500) / 600
        assert kpis.quality_ratio == Decimal("0.8")
        assert close(kpis.oee, "0.4", "1e-20")
        assert close(kpis.nee, "0.5333333333333333333333", "1e-20")
        assert kpis.allocation_efficiency == Decimal("0.95")
        assert kpis.utilization_efficiency == Decimal(600) / 950
        assert kpis.technical_efficiency == Decimal("0.8")
        assert kpis.setup_rate == Decimal("0.25")
        assert kpis.throughput_rate == Decimal("0.25")
        assert (kpis.scrap_ratio, kpis.rework_ratio) == (Decimal("0.15"), Decimal("0.05"))
        assert kpis.first_pass_yield == Decimal("0.9")
        assert kpis.fall_off_ratio == Decimal("0.125")
        assert (kpis.mtbf_s, kpis.mttr_s) == (Decimal(200), Decimal(50))
        assert kpis.corrective_maintenance_ratio == Decimal("0.25")
        assert close(kpis.teep, "0.2", "1e-20")

    def test_show_an_effectiveness_above_one_and_doubt_the_cycle_time(self) -> None:
        kpis = work_unit_kpis(
            WorkUnitTimes(Decimal(100), Decimal(100)), WorkUnitOutput(Decimal(60), planned_run_s=Decimal(120))
        )

        assert kpis.effectiveness == kpis.oee == Decimal("1.2")
        assert kpis.cycle_time_is_doubtful

    def test_have_no_effectiveness_without_a_planned_cycle_time(self) -> None:
        kpis = work_unit_kpis(WorkUnitTimes(Decimal(100), Decimal(90)), WorkUnitOutput(Decimal(60)))

        assert (kpis.effectiveness, kpis.oee, kpis.nee, kpis.teep) == (None, None, None, None)
        assert kpis.availability == Decimal("0.9")
        assert not kpis.cycle_time_is_doubtful

    def test_have_no_effectiveness_and_no_quality_where_nothing_was_produced(self) -> None:
        kpis = work_unit_kpis(
            WorkUnitTimes(Decimal(100), Decimal(90)), WorkUnitOutput(Decimal(0), planned_run_s=Decimal(0))
        )

        assert (kpis.availability, kpis.effectiveness, kpis.quality_ratio, kpis.oee) == (
            Decimal("0.9"),
            None,
            None,
            None,
        )

    def test_have_no_time_between_failures_without_a_failure(self) -> None:
        repairs = WorkUnitRepairs(failures=0, operating_s=Decimal(600), repair_s=Decimal(0))

        kpis = work_unit_kpis(WorkUnitTimes(Decimal(600), Decimal(600)), WorkUnitOutput(Decimal(1)), repairs=repairs)

        assert (kpis.mtbf_s, kpis.mttr_s, kpis.corrective_maintenance_ratio) == (None, None, None)

    @given(TIMES, OUTPUT, st.none() | REPAIRS)
    def test_never_fail_and_are_never_negative(
        self, times: WorkUnitTimes, output: WorkUnitOutput, repairs: WorkUnitRepairs | None
    ) -> None:
        kpis = work_unit_kpis(times, output, repairs=repairs)

        values: list[Ratio] = [getattr(kpis, field.name) for field in fields(WorkUnitKpis)]
        assert all(value is None or value >= 0 for value in values)
        assert (kpis.oee is None) == (None in (kpis.availability, kpis.effectiveness, kpis.quality_ratio))

    @given(TIMES, OUTPUT, st.integers(2, 5))
    def test_of_several_equal_work_units_are_those_of_one(
        self, times: WorkUnitTimes, output: WorkUnitOutput, units: int
    ) -> None:
        one = work_unit_kpis(times, output)

        together = work_unit_kpis(times_together([times] * units), output_together([output] * units))

        for kpi in set(Kpi) - {Kpi.THROUGHPUT_RATE, Kpi.FALL_OFF_RATIO}:
            alone: Ratio = getattr(one, kpi.value)
            sums: Ratio = getattr(together, kpi.value)
            assert (alone is None) == (sums is None)
            assert alone is None or sums is None or abs(alone - sums) <= abs(alone) * Decimal("1e-20")


class TestPlannedRunTime:
    def test_adds_up_items_of_different_cycle_times(self) -> None:
        assert planned_run_time_s([(Decimal(30), Decimal(10)), (Decimal("1.5"), Decimal(4))]) == 306

    def test_is_not_invented_where_one_item_has_no_cycle_time(self) -> None:
        assert planned_run_time_s([(Decimal(30), Decimal(10)), (None, Decimal(0))]) is None

    def test_of_nothing_is_nothing(self) -> None:
        assert planned_run_time_s([]) == 0


class TestTogether:
    def test_weighs_machines_by_their_time_instead_of_averaging_ratios(self) -> None:
        long = WorkUnitTimes(Decimal(900), Decimal(900))
        short = WorkUnitTimes(Decimal(100), Decimal(0))

        lane = work_unit_kpis(times_together([long, short]), WorkUnitOutput(Decimal(1)))

        assert lane.availability == Decimal("0.9")

    def test_does_not_know_the_target_of_all_where_one_has_none(self) -> None:
        outputs = [WorkUnitOutput(Decimal(5), planned_run_s=Decimal(50)), WorkUnitOutput(Decimal(5))]

        assert output_together(outputs).planned_run_s is None


class TestExplain:
    @pytest.mark.parametrize(
        ("output", "because"),
        [
            (WorkUnitOutput(Decimal(0), planned_run_s=Decimal(0)), "Nothing was made."),
            (WorkUnitOutput(Decimal(5)), "Something that was made has no planned cycle time."),
        ],
    )
    def test_tells_why_there_is_no_effectiveness(self, output: WorkUnitOutput, because: str) -> None:
        opened = explain(Kpi.EFFECTIVENESS, WorkUnitTimes(Decimal(100), Decimal(90)), output)

        assert opened.value is None
        assert [each.unknown_because for each in opened.inputs] == [because, ""]

    def test_opens_every_kpi(self) -> None:
        assert set(FORMULAS) == set(Kpi)
        assert {kpi.value for kpi in Kpi} == {field.name for field in fields(WorkUnitKpis)}

    @given(st.sampled_from(Kpi), TIMES, OUTPUT, st.none() | REPAIRS)
    def test_shows_a_formula_that_gives_the_value_from_the_inputs(
        self, kpi: Kpi, times: WorkUnitTimes, output: WorkUnitOutput, repairs: WorkUnitRepairs | None
    ) -> None:
        explained = explain(kpi, times, output, repairs=repairs)

        assert explained.value == getattr(work_unit_kpis(times, output, repairs=repairs), kpi.value)
        if explained.value is None:
            return
        assert explained.missing == ()
        worked_out = explained.formula
        for index, each in sorted(enumerate(explained.inputs), key=lambda one: -len(one[1].symbol)):
            worked_out = worked_out.replace(each.symbol, f"i[{index}]")
        result = eval(worked_out.replace("×", "*"), {"i": [each.value for each in explained.inputs]})  # noqa: S307
        assert abs(result - explained.value) <= abs(explained.value) * Decimal("1e-20")

    def test_leads_from_oee_to_the_kpis_it_is_made_of(self) -> None:
        explained = explain(Kpi.OEE, WorkUnitTimes(Decimal(10), Decimal(8)), WorkUnitOutput(Decimal(4)))

        assert [each.kpi for each in explained.inputs] == [Kpi.AVAILABILITY, Kpi.EFFECTIVENESS, Kpi.QUALITY_RATIO]
        assert (explained.value, explained.missing) == (None, ("E",))

    @pytest.mark.parametrize("kpi", Kpi)
    def test_says_which_kpi_is_not_of_the_standard(self, kpi: Kpi) -> None:
        explained = explain(kpi, WorkUnitTimes(Decimal(10), Decimal(8)), WorkUnitOutput(Decimal(4)))

        assert ("not in" in explained.source) == (kpi is Kpi.TEEP)
