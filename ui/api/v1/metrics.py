"""KPIs and losses for dashboards: by machine, lane, department or plant, by time, and of one shift exactly."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

from domain.errors import Invalid, marked
from domain.plant.losses import pareto
from domain.plant.shift_accounts import WORKED_OR_NOT_PLANNED
from domain.production.kpi_formulas import Kpi, KpiUnit
from services.db.work import read
from services.plant.shift_reports import ShiftFigures
from services.production.kpi_queries import (
    KpiGroup,
    KpiGrouping,
    KpiScope,
    explain_kpi,
    load_kpis,
    load_shift_kpis,
)
from services.production.order_kpis import load_order_kpis
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, ShownQuantity

router = APIRouter(prefix="/metrics", tags=["metrics"], route_class=ExactJsonRoute)

RATIO_DIGITS = 6
Shown = Annotated[
    Decimal | None,
    PlainSerializer(
        lambda value: None if value is None else round(float(value), RATIO_DIGITS), return_type=float | None
    ),
]
"""A number that was calculated; null where it is not defined."""
Day = Annotated[date, Field(ge=date(1970, 1, 1), lt=date(2200, 1, 1))]


class OnePlaceWanted(Invalid):
    """No place, or several."""

    code: ClassVar[str] = "one_place_wanted"
    sentence: ClassVar[str] = marked("Ask for one machine, lane, department or plant.")


class Asked(BaseModel):
    """Which place: exactly one of the ids."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    machine_id: UUID | None = None
    lane_id: UUID | None = None
    corrected: bool = Field(default=True, description="False counts what was reported first, without corrections.")


class AskedShift(Asked):
    """A shift of a machine or a lane."""

    shift: Annotated[str, StringConstraints(max_length=40)] = Field(
        default="",
        description="The id of a shift, or the day where a lane works around the clock; by itself the present one.",
    )


class AskedDays(Asked):
    """Shifts of the days `[since_day, before_day)` of a place."""

    department_id: UUID | None = None
    plant_id: UUID | None = None
    since_day: Day
    before_day: Day

    @property
    def place(self) -> tuple[KpiScope, UUID]:
        """Return what is asked for.

        Raises:
            OnePlaceWanted: nothing, or several things.
        """
        given = [
            (scope, place_id)
            for scope, place_id in (
                (KpiScope.MACHINE, self.machine_id),
                (KpiScope.LANE, self.lane_id),
                (KpiScope.DEPARTMENT, self.department_id),
                (KpiScope.PLANT, self.plant_id),
            )
            if place_id is not None
        ]
        if len(given) != 1:
            raise OnePlaceWanted(field="plant_id")
        return given[0]


class AskedGroups(AskedDays):
    """Days of a place, told apart."""

    by: KpiGrouping = KpiGrouping.NONE


class AskedKpi(AskedDays):
    """One KPI of days of a place."""

    kpi: Kpi


class Times(Answer):
    """Seconds, as ISO 22400-2 names them."""

    planned_operation_s: Shown = Field(description="POT")
    planned_busy_s: Shown = Field(description="PBT")
    production_s: Shown = Field(description="APT")
    setup_s: Shown = Field(description="AUST")
    down_s: Shown = Field(description="ADET")
    calendar_s: Shown


class Output(Answer):
    """What was made."""

    good: ShownQuantity
    scrap: ShownQuantity
    rework: ShownQuantity
    produced: ShownQuantity
    planned_run_s: Shown = Field(description="Sum of PRI x PQ; null where something has no planned cycle time.")


class Kpis(Answer):
    """KPIs of ISO 22400-2; null where one is not defined. Ratios are 1 for all of it, rates per second."""

    availability: Shown
    effectiveness: Shown
    quality_ratio: Shown
    oee: Shown
    nee: Shown
    allocation_efficiency: Shown
    utilization_efficiency: Shown
    technical_efficiency: Shown
    setup_rate: Shown
    throughput_rate: Shown
    scrap_ratio: Shown
    rework_ratio: Shown
    first_pass_yield: Shown
    fall_off_ratio: Shown
    mtbf_s: Shown
    mttr_s: Shown
    corrective_maintenance_ratio: Shown
    teep: Shown = Field(description="Not in ISO 22400.")


class MetricGroup(Answer):
    """What one group adds up to."""

    key: str = Field(description="The id of what it is, or an hour, day or month; empty for all of it.")
    label: str
    day: date | None
    kpis: Kpis
    times: Times
    output: Output


class Metrics(Answer):
    """Groups in order."""

    items: list[MetricGroup]


class LossStep(Answer):
    """One step of the waterfall. Seconds."""

    cause: str
    lost_s: Shown
    left_s: Shown


class LossBar(Answer):
    """One bar of the Pareto chart."""

    cause: str
    lost_s: Shown
    share: Shown
    cumulative_share: Shown


class Losses(Answer):
    """Where planned time went."""

    waterfall: list[LossStep]
    pareto: list[LossBar]


class ShiftMachine(Answer):
    """One machine's part of a shift."""

    id: UUID
    code: str
    kpis: Kpis
    times: Times
    output: Output


class ShiftMetrics(Answer):
    """A shift, exact now."""

    shift: str
    name: str
    crew: str
    day: date
    starts_at: datetime
    ends_at: datetime
    kpis: Kpis
    times: Times
    output: Output
    machines: list[ShiftMachine]


class OrderMetrics(Answer):
    """An order's work over all its operations."""

    work_order_id: UUID
    number: str
    started_at: datetime | None
    ended_at: datetime | None
    kpis: Kpis
    times: Times
    output: Output


class KpiInputShown(Answer):
    """One number that the formula takes in."""

    symbol: str
    meaning: str
    value: Shown
    unit: KpiUnit


class Explanation(Answer):
    """Where a KPI comes from."""

    kpi: Kpi
    formula: str
    source: str
    value: Shown
    unit: KpiUnit
    inputs: list[KpiInputShown]
    shifts: list[MetricGroup]


@router.get("/", operation_id="getMetrics", summary="KPIs of a place and a period", responses=READING)
async def get_metrics(caller: Caller, asked: Annotated[AskedGroups, Query()]) -> Metrics:
    """Return the KPIs of one machine, lane, department or plant for the shifts of the days `[since_day, before_day)`,
    told apart by machine, lane, hour, shift, day, month or crew."""
    scope, place_id = asked.place
    async with read(caller) as work:
        groups = await load_kpis(
            work, scope=scope, place_id=place_id, since_day=asked.since_day, before_day=asked.before_day, by=asked.by,
            corrected=asked.corrected,
        )  # fmt: skip
    return Metrics(items=[_shown(group) for group in groups])


@router.get("/losses", operation_id="getLosses", summary="Losses of a place and a period", responses=READING)
async def get_losses(caller: Caller, asked: Annotated[AskedDays, Query()]) -> Losses:
    """Return the waterfall from planned operation time to the time of good pieces, and the losses by their size."""
    scope, place_id = asked.place
    async with read(caller) as work:
        groups = await load_kpis(
            work, scope=scope, place_id=place_id, since_day=asked.since_day, before_day=asked.before_day,
            corrected=asked.corrected,
        )  # fmt: skip
    if not groups:
        return Losses(waterfall=[], pareto=[])
    lost = {
        cause.value: lost_s
        for cause, lost_s in groups[0].account.by_cause_s.items()
        if cause not in WORKED_OR_NOT_PLANNED
    }
    steps = [LossStep(cause=step.cause.value, lost_s=step.lost_s, left_s=step.left_s) for step in groups[0].waterfall]
    bars = [
        LossBar(cause=bar.key, lost_s=bar.lost_s, share=bar.share, cumulative_share=bar.cumulative_share)
        for bar in pareto(lost)
    ]
    return Losses(waterfall=steps, pareto=bars)


@router.get("/shift", operation_id="getShiftMetrics", summary="KPIs of one shift, exact now", responses=READING)
async def get_shift_metrics(caller: Caller, asked: Annotated[AskedShift, Query()]) -> ShiftMetrics:
    """Return the KPIs of a shift of a lane, or of one machine in it, from the timelines and the log themselves."""
    if (asked.machine_id is None) == (asked.lane_id is None):
        raise OnePlaceWanted(field="lane_id")
    async with read(caller) as work:
        report = await load_shift_kpis(
            work, machine_id=asked.machine_id, lane_id=asked.lane_id, key=asked.shift, corrected=asked.corrected
        )
    occurrence = report.shift.occurrence
    machines = [
        ShiftMachine(id=machine.id, code=machine.code, **_figures(machine.figures)) for machine in report.machines
    ]
    return ShiftMetrics(
        shift=report.shift.key, name=occurrence.name, crew=occurrence.crew, day=occurrence.day,
        starts_at=occurrence.period.starts_at, ends_at=occurrence.period.ends_at, machines=machines,
        **_figures(report.figures),
    )  # fmt: skip


@router.get("/orders/{order_id}", operation_id="getOrderMetrics", summary="KPIs of an order", responses=READING)
async def get_order_metrics(caller: Caller, order_id: UUID) -> OrderMetrics:
    """Return throughput, setup, quality and effectiveness of an order, from its runs and its log."""
    async with read(caller) as work:
        return OrderMetrics.model_validate(await load_order_kpis(work, work_order_id=order_id))


@router.get("/explanation", operation_id="explainMetric", summary="A KPI opened", responses=READING)
async def get_explanation(caller: Caller, asked: Annotated[AskedKpi, Query()]) -> Explanation:
    """Return the formula of a KPI, the numbers that went in, and the shifts they were added up from."""
    scope, place_id = asked.place
    async with read(caller) as work:
        evidence = await explain_kpi(
            work, kpi=asked.kpi, scope=scope, place_id=place_id, since_day=asked.since_day,
            before_day=asked.before_day, corrected=asked.corrected,
        )  # fmt: skip
    opened = evidence.explanation
    return Explanation(
        kpi=opened.kpi, formula=opened.formula, source=opened.source, value=opened.value, unit=opened.unit,
        inputs=[KpiInputShown.model_validate(each) for each in opened.inputs],
        shifts=[_shown(group) for group in evidence.shifts],
    )  # fmt: skip


def _shown(group: KpiGroup) -> MetricGroup:
    return MetricGroup.model_validate(group)


def _figures(figures: ShiftFigures) -> "dict[str, Kpis | Times | Output]":
    return {
        "kpis": Kpis.model_validate(figures.kpis),
        "times": Times.model_validate(figures.times),
        "output": Output.model_validate(figures.output),
    }
