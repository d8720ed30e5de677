"""Words for where time went, and for the KPIs that follow."""

from collections.abc import Callable

from domain.production.kpi_formulas import Kpi


def labels(_: Callable[[str], str]) -> dict[str, str]:
    """Translate the causes of time and the losses of a waterfall."""
    return {
        "running": _("Running"),
        "break": _("Break"),
        "planned": _("Planned stop"),
        "no_data": _("No data"),
        "breakdown": _("Breakdown"),
        "changeover": _("Changeover"),
        "minor": _("Minor stop"),
        "material": _("Material"),
        "organization": _("Organization"),
        "quality": _("Quality"),
        "unexplained": _("Unexplained"),
        "idle": _("Idle"),
        "blocked": _("Blocked"),
        "starved": _("Starved"),
        "speed": _("Speed"),
        "rejects": _("Rejects"),
    }


def kpi_labels(_: Callable[[str], str]) -> dict[Kpi, str]:
    """Translate the names of the KPIs."""
    return {
        Kpi.AVAILABILITY: _("Availability"),
        Kpi.EFFECTIVENESS: _("Effectiveness"),
        Kpi.QUALITY_RATIO: _("Quality ratio"),
        Kpi.OEE: _("OEE"),
        Kpi.NEE: _("NEE"),
        Kpi.ALLOCATION_EFFICIENCY: _("Allocation efficiency"),
        Kpi.UTILIZATION_EFFICIENCY: _("Utilization efficiency"),
        Kpi.TECHNICAL_EFFICIENCY: _("Technical efficiency"),
        Kpi.SETUP_RATE: _("Setup rate"),
        Kpi.THROUGHPUT_RATE: _("Throughput rate"),
        Kpi.SCRAP_RATIO: _("Scrap ratio"),
        Kpi.REWORK_RATIO: _("Rework ratio"),
        Kpi.FIRST_PASS_YIELD: _("First pass yield"),
        Kpi.FALL_OFF_RATIO: _("Fall-off ratio"),
        Kpi.MTBF: _("MTBF"),
        Kpi.MTTR: _("MTTR"),
        Kpi.CORRECTIVE_MAINTENANCE_RATIO: _("Corrective maintenance ratio"),
        Kpi.TEEP: _("TEEP"),
    }
