"""The terminal's way to book: good, scrap and reason in one tap, also while nothing answers."""

from nicegui import ui

from domain.checks import plain
from domain.production.operations import OperationState
from services.production.dispatching import DispatchEntry
from services.production.terminals import ReasonChoice, TerminalView, Workplace
from ui.components import offline_reports
from ui.components.offline_reports import Counting, OfflineReports, ReportedOperation
from ui.kit.enter import Seat
from ui.kit.kiosk import account_of, device_of, reporter_of

COUNTINGS: dict[str, Counting] = {"operator": "operator", "counter": "counter", "machine": "machine"}


class ReportPart:
    """Keypad, reasons and Book button, which report to what runs on the machine."""

    def __init__(self, seat: Seat, workplace: Workplace, reasons: tuple[ReasonChoice, ...]) -> None:
        place, modulus = workplace.place, workplace.counter_modulus
        with ui.element("section").classes("u-terminal__part u-terminal__part--report"):
            self._reports = OfflineReports(
                machine_id=str(place.id),
                machine_code=place.code,
                counter_modulus=None if modulus is None else str(modulus),
                reasons=[(str(reason.id), reason.label) for reason in reasons if reason.kind == "scrap"],
                who=reporter_of(seat),
                account=account_of(seat),
                device=device_of(seat),
                labels=offline_reports.labels(seat.translate),
                lang=seat.lang,
                numbers=seat.number_locale,
                zone=seat.zone_of(place.time_zone),
            )

    def show(self, view: TerminalView, entries: tuple[DispatchEntry, ...]) -> None:
        """Offer what runs now, and the fields that fit how the machine counts."""
        running = [entry for entry in entries if entry.state is OperationState.RUNNING]
        self._reports.show(
            operations=[
                ReportedOperation(str(entry.operation_id), f"{entry.order_number} · {entry.name}") for entry in running
            ],
            counting=COUNTINGS[view.counting_source],
            last_reading=None if view.last_reading is None else f"{plain(view.last_reading):f}",
        )
