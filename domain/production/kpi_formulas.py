"""Every KPI opens to its formula, its inputs and its value.

The text of a formula is read with its inputs: putting their values in place of the symbols gives the value. That law
is a test, so the explanation cannot drift from the calculation in `domain/production/kpis.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.errors import marked
from domain.production.kpis import WorkUnitKpis, WorkUnitOutput, WorkUnitRepairs, WorkUnitTimes, work_unit_kpis

ISO = "ISO 22400-2:2014"
NOT_ISO = marked("not in ISO 22400")


class KpiUnit(StrEnum):
    """What the number of a KPI or of its input counts."""

    RATIO = "ratio"  # 1 is all of it; shown in percent
    SECONDS = "s"
    QUANTITY = "quantity"  # in the unit of the operation
    QUANTITY_PER_SECOND = "quantity/s"
    COUNT = "count"


class Kpi(StrEnum):
    """A key performance indicator; the value names its attribute of `WorkUnitKpis`."""

    AVAILABILITY = "availability"
    EFFECTIVENESS = "effectiveness"
    QUALITY_RATIO = "quality_ratio"
    OEE = "oee"
    NEE = "nee"
    ALLOCATION_EFFICIENCY = "allocation_efficiency"
    UTILIZATION_EFFICIENCY = "utilization_efficiency"
    TECHNICAL_EFFICIENCY = "technical_efficiency"
    SETUP_RATE = "setup_rate"
    THROUGHPUT_RATE = "throughput_rate"
    SCRAP_RATIO = "scrap_ratio"
    REWORK_RATIO = "rework_ratio"
    FIRST_PASS_YIELD = "first_pass_yield"  # noqa: S105 - not a password
    FALL_OFF_RATIO = "fall_off_ratio"
    MTBF = "mtbf_s"
    MTTR = "mttr_s"
    CORRECTIVE_MAINTENANCE_RATIO = "corrective_maintenance_ratio"
    TEEP = "teep"


@dataclass(frozen=True)
class KpiInput:
    """One number that a formula takes in."""

    symbol: str
    """As it stands in the formula."""
    meaning: str
    """In words; marked for translation."""
    value: Decimal | None
    """None where nobody knows it, which leaves the KPI undefined."""
    unit: KpiUnit
    kpi: Kpi | None = None
    """The KPI that this input is, which opens to a formula of its own."""
    unknown_because: str = ""
    """Why nobody knows the value, where that can be told; marked for translation."""


@dataclass(frozen=True)
class KpiExplanation:
    """Where the value of a KPI comes from."""

    kpi: Kpi
    formula: str
    source: str
    """The standard that defines it; marked for translation where it is none."""
    inputs: tuple[KpiInput, ...]
    value: Decimal | None
    unit: KpiUnit

    @property
    def missing(self) -> tuple[str, ...]:
        """The symbols of the inputs that nobody knows."""
        return tuple(each.symbol for each in self.inputs if each.value is None)


@dataclass(frozen=True)
class _Figures:
    times: WorkUnitTimes
    output: WorkUnitOutput
    repairs: WorkUnitRepairs | None
    kpis: WorkUnitKpis


@dataclass(frozen=True)
class _Symbol:
    meaning: str
    unit: KpiUnit
    read: Callable[[_Figures], Decimal | None]
    kpi: Kpi | None = None
    unknown_because: Callable[[_Figures], str] = lambda _: ""


@dataclass(frozen=True)
class _Formula:
    text: str
    symbols: tuple[str, ...]
    value: Callable[[WorkUnitKpis], Decimal | None]
    unit: KpiUnit = KpiUnit.RATIO
    source: str = ISO


def explain(
    kpi: Kpi, times: WorkUnitTimes, output: WorkUnitOutput, *, repairs: WorkUnitRepairs | None = None
) -> KpiExplanation:
    """Open a KPI to its formula, the numbers that went in, and what came out."""
    figures = _Figures(times, output, repairs, work_unit_kpis(times, output, repairs=repairs))
    formula = FORMULAS[kpi]
    inputs = tuple(_input(name, SYMBOLS[name], figures) for name in formula.symbols)
    return KpiExplanation(kpi, formula.text, formula.source, inputs, formula.value(figures.kpis), formula.unit)


def _input(name: str, symbol: _Symbol, figures: _Figures) -> KpiInput:
    value = symbol.read(figures)
    because = symbol.unknown_because(figures) if value is None else ""
    return KpiInput(name, symbol.meaning, value, symbol.unit, symbol.kpi, because)


def _no_target(figures: _Figures) -> str:
    if not figures.output.produced:
        return marked("Nothing was made.")
    return marked("Something that was made has no planned cycle time.")


def _of_repairs(read: Callable[[WorkUnitRepairs], Decimal]) -> Callable[[_Figures], Decimal | None]:
    return lambda figures: None if figures.repairs is None else read(figures.repairs)


_S, _Q = KpiUnit.SECONDS, KpiUnit.QUANTITY

SYMBOLS: dict[str, _Symbol] = {
    "PBT": _Symbol(marked("planned busy time"), _S, lambda f: f.times.planned_busy_s),
    "APT": _Symbol(marked("actual production time"), _S, lambda f: f.times.production_s),
    "AUST": _Symbol(marked("actual unit setup time"), _S, lambda f: f.times.setup_s),
    "AUPT": _Symbol(marked("actual unit processing time: setup and production"), _S, lambda f: f.times.processing_s),
    "ADET": _Symbol(marked("actual down time"), _S, lambda f: f.times.down_s),
    "AUBT": _Symbol(marked("actual unit busy time"), _S, lambda f: f.times.unit_busy_s),
    "calendar time": _Symbol(marked("all the time there was"), _S, lambda f: f.times.calendar_s),
    "AOET": _Symbol(marked("actual order execution time"), _S, lambda f: f.output.order_execution_s),
    "Σ(PRI × PQ)": _Symbol(
        marked("planned run time of what was made"), _S, lambda f: f.output.target_run_s, unknown_because=_no_target
    ),
    "PQ": _Symbol(marked("produced quantity"), _Q, lambda f: f.output.produced),
    "GQ": _Symbol(marked("good quantity"), _Q, lambda f: f.output.good),
    "SQ": _Symbol(marked("scrap quantity"), _Q, lambda f: f.output.scrap),
    "RQ": _Symbol(marked("rework quantity"), _Q, lambda f: f.output.rework),
    "GP": _Symbol(marked("good on the first pass"), _Q, lambda f: f.output.good_first_pass),
    "IP": _Symbol(marked("inspected quantity"), _Q, lambda f: f.output.inspected),
    "PQ(first operation)": _Symbol(
        marked("produced quantity of the first operation"), _Q, lambda f: f.output.first_operation_produced
    ),
    "FE": _Symbol(marked("failures"), KpiUnit.COUNT, _of_repairs(lambda r: Decimal(r.failures))),
    "operating time": _Symbol(marked("time in operation"), _S, _of_repairs(lambda r: r.operating_s)),
    "repair time": _Symbol(marked("time until it worked again"), _S, _of_repairs(lambda r: r.repair_s)),
    "CMT": _Symbol(marked("corrective maintenance time"), _S, _of_repairs(lambda r: r.corrective_s)),
    "PMT": _Symbol(marked("preventive maintenance time"), _S, _of_repairs(lambda r: r.preventive_s)),
    "A": _Symbol(marked("availability"), KpiUnit.RATIO, lambda f: f.kpis.availability, Kpi.AVAILABILITY),
    "E": _Symbol(marked("effectiveness"), KpiUnit.RATIO, lambda f: f.kpis.effectiveness, Kpi.EFFECTIVENESS),
    "QR": _Symbol(marked("quality ratio"), KpiUnit.RATIO, lambda f: f.kpis.quality_ratio, Kpi.QUALITY_RATIO),
    "OEE": _Symbol(marked("overall equipment effectiveness"), KpiUnit.RATIO, lambda f: f.kpis.oee, Kpi.OEE),
}
"""What the symbols of the formulas mean and where their numbers come from."""

FORMULAS: dict[Kpi, _Formula] = {
    Kpi.AVAILABILITY: _Formula("APT / PBT", ("APT", "PBT"), lambda k: k.availability),
    Kpi.EFFECTIVENESS: _Formula("Σ(PRI × PQ) / APT", ("Σ(PRI × PQ)", "APT"), lambda k: k.effectiveness),
    Kpi.QUALITY_RATIO: _Formula("GQ / PQ", ("GQ", "PQ"), lambda k: k.quality_ratio),
    Kpi.OEE: _Formula("A × E × QR", ("A", "E", "QR"), lambda k: k.oee),
    Kpi.NEE: _Formula("AUPT / PBT × E × QR", ("AUPT", "PBT", "E", "QR"), lambda k: k.nee),
    Kpi.ALLOCATION_EFFICIENCY: _Formula("AUBT / PBT", ("AUBT", "PBT"), lambda k: k.allocation_efficiency),
    Kpi.UTILIZATION_EFFICIENCY: _Formula("APT / AUBT", ("APT", "AUBT"), lambda k: k.utilization_efficiency),
    Kpi.TECHNICAL_EFFICIENCY: _Formula("APT / (APT + ADET)", ("APT", "ADET"), lambda k: k.technical_efficiency),
    Kpi.SETUP_RATE: _Formula("AUST / AUPT", ("AUST", "AUPT"), lambda k: k.setup_rate),
    Kpi.THROUGHPUT_RATE: _Formula(
        "PQ / AOET", ("PQ", "AOET"), lambda k: k.throughput_rate, KpiUnit.QUANTITY_PER_SECOND
    ),
    Kpi.SCRAP_RATIO: _Formula("SQ / PQ", ("SQ", "PQ"), lambda k: k.scrap_ratio),
    Kpi.REWORK_RATIO: _Formula("RQ / PQ", ("RQ", "PQ"), lambda k: k.rework_ratio),
    Kpi.FIRST_PASS_YIELD: _Formula("GP / IP", ("GP", "IP"), lambda k: k.first_pass_yield),
    Kpi.FALL_OFF_RATIO: _Formula("SQ / PQ(first operation)", ("SQ", "PQ(first operation)"), lambda k: k.fall_off_ratio),
    Kpi.MTBF: _Formula("operating time / FE", ("operating time", "FE"), lambda k: k.mtbf_s, _S),
    Kpi.MTTR: _Formula("repair time / FE", ("repair time", "FE"), lambda k: k.mttr_s, _S),
    Kpi.CORRECTIVE_MAINTENANCE_RATIO: _Formula(
        "CMT / (CMT + PMT)", ("CMT", "PMT"), lambda k: k.corrective_maintenance_ratio
    ),
    Kpi.TEEP: _Formula("OEE × PBT / calendar time", ("OEE", "PBT", "calendar time"), lambda k: k.teep, source=NOT_ISO),
}
"""The formula of every KPI."""
