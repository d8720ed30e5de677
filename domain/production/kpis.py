"""Key performance indicators of a work unit (ISO 22400-2:2014, with TEEP from outside the standard, marked so).

Times are in seconds and quantities in the unit of the operation, both exact (`Decimal`). A figure that is not defined
(a division by zero, no planned cycle time) is None: it is shown as such and never invented. Nothing is clamped: an
effectiveness above 1 says that the planned cycle time is wrong, or that somebody is very good.

The KPIs of a lane, a plant or a month come from the sums of times and quantities (`times_together`,
`output_together`), never from the mean of ratios.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

Ratio = Decimal | None
"""A ratio, 1 being all of it; None where it is not defined."""

ZERO = Decimal(0)


@dataclass(frozen=True)
class WorkUnitTimes:
    """What happened to the time of a work unit in a period (ISO 22400-2, clause 5). Seconds."""

    planned_busy_s: Decimal
    """PBT: planned operation time less planned stops."""
    production_s: Decimal
    """APT: actual production time, the machine making pieces."""
    setup_s: Decimal = ZERO
    """AUST: actual unit setup time."""
    down_s: Decimal = ZERO
    """ADET: actual down time, the work unit stopped against the plan while it had work."""
    busy_s: Decimal | None = None
    """AUBT: actual unit busy time where it was measured apart; None takes AUPT + ADET, as the standard builds it."""
    calendar_s: Decimal | None = None
    """All the time there was, for TEEP."""
    planned_operation_s: Decimal | None = None
    """POT: planned operation time, the shift with its planned stops; enters no KPI and explains where PBT is from."""

    @property
    def processing_s(self) -> Decimal:
        """AUPT: actual unit processing time, setup and production."""
        return self.setup_s + self.production_s

    @property
    def unit_busy_s(self) -> Decimal:
        """AUBT as measured, or processing time and down time together where nobody measured it."""
        return self.processing_s + self.down_s if self.busy_s is None else self.busy_s


@dataclass(frozen=True)
class WorkUnitOutput:
    """What a work unit made in a period."""

    good: Decimal
    """GQ: good quantity."""
    scrap: Decimal = ZERO
    """SQ: scrap quantity."""
    rework: Decimal = ZERO
    """RQ: rework quantity."""
    planned_run_s: Decimal | None = None
    """Planned run time of everything that was made: the sum of PRI x PQ over its items; None without a target."""
    good_first_pass: Decimal | None = None
    """GP: good on the first pass, of what was inspected; None where nobody inspects."""
    inspected: Decimal | None = None
    """IP: inspected quantity."""
    first_operation_produced: Decimal | None = None
    """PQ of the first operation of the order, for the fall-off."""
    order_execution_s: Decimal | None = None
    """AOET: actual order execution time, from the first start to the last end of the order."""

    @property
    def produced(self) -> Decimal:
        """PQ: produced quantity, good, scrap and rework."""
        return self.good + self.scrap + self.rework

    @property
    def target_run_s(self) -> Decimal | None:
        """Planned run time that what happened can be measured by; None without a target, and where nothing was made:
        then nobody knows whether there is one."""
        return self.planned_run_s if self.produced or self.planned_run_s else None


@dataclass(frozen=True)
class WorkUnitRepairs:
    """How often a work unit failed in a period, and what its maintenance took."""

    failures: int
    """FE: failure events that began in the period."""
    operating_s: Decimal
    """Time in which the work unit operated, for MTBF."""
    repair_s: Decimal
    """Time from each failure until the work unit was able to work again, for MTTR."""
    corrective_s: Decimal = ZERO
    """CMT: corrective maintenance time."""
    preventive_s: Decimal = ZERO
    """PMT: preventive maintenance time."""


@dataclass(frozen=True)
class WorkUnitKpis:
    """The KPIs of a work unit in a period; each one None where it is not defined."""

    availability: Ratio
    """APT / PBT."""
    effectiveness: Ratio
    """PRI x PQ / APT."""
    quality_ratio: Ratio
    """GQ / PQ."""
    oee: Ratio
    """Availability x effectiveness x quality ratio: the overall equipment effectiveness index."""
    nee: Ratio
    """AUPT / PBT x effectiveness x quality ratio: the net equipment effectiveness index."""
    allocation_efficiency: Ratio
    """AUBT / PBT."""
    utilization_efficiency: Ratio
    """APT / AUBT."""
    technical_efficiency: Ratio
    """APT / (APT + ADET)."""
    setup_rate: Ratio
    """AUST / AUPT."""
    throughput_rate: Decimal | None
    """PQ / AOET, in quantity per second."""
    scrap_ratio: Ratio
    """SQ / PQ."""
    rework_ratio: Ratio
    """RQ / PQ."""
    first_pass_yield: Ratio
    """GP / IP."""
    fall_off_ratio: Ratio
    """SQ / PQ of the first operation."""
    mtbf_s: Decimal | None
    """Operating time / failures, in seconds."""
    mttr_s: Decimal | None
    """Repair time / failures, in seconds."""
    corrective_maintenance_ratio: Ratio
    """CMT / (CMT + PMT)."""
    teep: Ratio
    """OEE x PBT / calendar time. Not in ISO 22400."""

    @property
    def cycle_time_is_doubtful(self) -> bool:
        """Whether pieces came faster than planned, so that the planned cycle time wants a look."""
        return self.effectiveness is not None and self.effectiveness > 1


def work_unit_kpis(
    times: WorkUnitTimes, output: WorkUnitOutput, *, repairs: WorkUnitRepairs | None = None
) -> WorkUnitKpis:
    """Calculate the KPIs of one work unit in one period (ISO 22400-2, clause 6).

    MTBF and MTTR divide by the number of failures, as maintenance does everywhere, where ISO 22400-2 divides by one
    more; so both are undefined without a failure.
    """
    availability = ratio(times.production_s, times.planned_busy_s)
    effectiveness = ratio(output.target_run_s, times.production_s)
    quality_ratio = ratio(output.good, output.produced)
    oee = product(availability, effectiveness, quality_ratio)
    failures = None if repairs is None else Decimal(repairs.failures)
    return WorkUnitKpis(
        availability=availability,
        effectiveness=effectiveness,
        quality_ratio=quality_ratio,
        oee=oee,
        nee=product(ratio(times.processing_s, times.planned_busy_s), effectiveness, quality_ratio),
        allocation_efficiency=ratio(times.unit_busy_s, times.planned_busy_s),
        utilization_efficiency=ratio(times.production_s, times.unit_busy_s),
        technical_efficiency=ratio(times.production_s, times.production_s + times.down_s),
        setup_rate=ratio(times.setup_s, times.processing_s),
        throughput_rate=ratio(output.produced, output.order_execution_s),
        scrap_ratio=ratio(output.scrap, output.produced),
        rework_ratio=ratio(output.rework, output.produced),
        first_pass_yield=ratio(output.good_first_pass, output.inspected),
        fall_off_ratio=ratio(output.scrap, output.first_operation_produced),
        mtbf_s=None if repairs is None else ratio(repairs.operating_s, failures),
        mttr_s=None if repairs is None else ratio(repairs.repair_s, failures),
        corrective_maintenance_ratio=(
            None if repairs is None else ratio(repairs.corrective_s, repairs.corrective_s + repairs.preventive_s)
        ),
        teep=product(oee, ratio(times.planned_busy_s, times.calendar_s)),
    )


def planned_run_time_s(items: Iterable[tuple[Decimal | None, Decimal]]) -> Decimal | None:
    """Return the planned run time of everything that was made, from (PRI in seconds per piece, PQ) of each item.

    One item without a planned cycle time leaves all of it undefined: its production time cannot be told apart from
    that of the others, so any number would be invented. Nothing made took no time.
    """
    planned_s = ZERO
    for planned_run_per_item_s, produced in items:
        if planned_run_per_item_s is None:
            return None
        planned_s += planned_run_per_item_s * produced
    return planned_s


def times_together(times: Iterable[WorkUnitTimes]) -> WorkUnitTimes:
    """Add up the times of several work units or periods; what one of them does not know, nobody knows."""
    every = tuple(times)
    return WorkUnitTimes(
        planned_busy_s=sum((one.planned_busy_s for one in every), ZERO),
        production_s=sum((one.production_s for one in every), ZERO),
        setup_s=sum((one.setup_s for one in every), ZERO),
        down_s=sum((one.down_s for one in every), ZERO),
        busy_s=sum((one.unit_busy_s for one in every), ZERO),
        calendar_s=_known_sum(one.calendar_s for one in every),
        planned_operation_s=_known_sum(one.planned_operation_s for one in every),
    )


def output_together(outputs: Iterable[WorkUnitOutput]) -> WorkUnitOutput:
    """Add up what several work units made, or one in several periods.

    What belongs to a single order (`first_operation_produced`, `order_execution_s`) is not carried over: it does not
    add up across work units.
    """
    every = tuple(outputs)
    return WorkUnitOutput(
        good=sum((one.good for one in every), ZERO),
        scrap=sum((one.scrap for one in every), ZERO),
        rework=sum((one.rework for one in every), ZERO),
        planned_run_s=_known_sum(one.planned_run_s for one in every),
        good_first_pass=_known_sum(one.good_first_pass for one in every),
        inspected=_known_sum(one.inspected for one in every),
    )


def ratio(part: Decimal | None, whole: Decimal | None) -> Ratio:
    """Divide; None where a part is not known or there is nothing to divide by."""
    return part / whole if part is not None and whole is not None and whole > 0 else None


def product(*factors: Ratio) -> Ratio:
    """Multiply; None where a factor is not defined."""
    result = Decimal(1)
    for factor in factors:
        if factor is None:
            return None
        result *= factor
    return result


def _known_sum(values: Iterable[Decimal | None]) -> Decimal | None:
    total = ZERO
    for value in values:
        if value is None:
            return None
        total += value
    return total
