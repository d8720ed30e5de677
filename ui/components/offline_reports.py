"""One-tap reports: answered by the browser at once, kept there while the server cannot be reached, booked once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from nicegui.element import Element

from ui.components import keypad

Counting = Literal["operator", "counter", "machine"]
"""Who counts the pieces: the person on the keypad, a counter that the person reads, or the machine itself."""


@dataclass(frozen=True)
class ReportedOperation:
    """An operation that runs on the machine, to which pieces can be reported."""

    id: str
    label: str
    """Order and operation, as the operator knows them."""


@dataclass(frozen=True)
class Reporter:
    """In whose name reports are made."""

    name: str
    token: str
    """The operator token of who identified themself at a kiosk; empty for who signed in by themself."""


class OfflineReports(
    Element,
    component="offline_reports.js",
    dependencies=["keypad.js", "report_outbox.js", "live_board.js"],
):
    """Keypad, reasons and Book button in one, all in the browser, and below them what became of each report.

    A report is first written into the browser's own database, then posted to the API until that has answered. What the
    server refuses stays, with its sentence, until somebody corrects or dismisses it.
    """

    def __init__(
        self,
        *,
        machine_id: str,
        machine_code: str,
        counter_modulus: str | None,
        reasons: Sequence[tuple[str, str]],
        who: Reporter,
        account: str,
        device: str,
        labels: Mapping[str, str],
        lang: str,
        numbers: str,
        zone: str,
    ) -> None:
        """Draw the entry of one machine; `reasons` are ids and labels of scrap, `account` is the sign-in's user, and
        `numbers` the locale in which numbers are typed and shown."""
        super().__init__()
        self.props["machine"] = {"id": machine_id, "code": machine_code, "modulus": counter_modulus}
        self.props["operations"] = []
        self.props["reading"] = None
        self.props["mode"] = "operator"
        self.props["reasons"] = [{"id": key, "label": label} for key, label in reasons]
        self.props["who"] = asdict(who)
        self.props["account"] = account
        self.props["device"] = device
        self.props["labels"] = labels
        self.props["lang"] = lang
        self.props["numbers"] = numbers
        self.props["zone"] = zone

    def show(
        self, *, operations: Sequence[ReportedOperation], counting: Counting, last_reading: str | None = None
    ) -> None:
        """Offer the operations that run now, and the fields that fit how the machine counts.

        `last_reading` is where its counter stood after the last report that was booked.
        """
        wanted = {
            "operations": [asdict(operation) for operation in operations],
            "mode": counting,
            "reading": last_reading,
        }
        for name, value in wanted.items():
            if self.props[name] != value:
                self.props[name] = value


def labels(_: Callable[[str], str]) -> dict[str, str]:
    """Translate everything that the browser says by itself."""
    return {
        **keypad.labels(_),
        "good": _("Good"),
        "scrap": _("Scrap"),
        "start_reading": _("Counter before"),
        "end_reading": _("Counter now"),
        "difference": _("Pieces made"),
        "was_reset": _("The counter was set to zero in between"),
        "operation": _("Which operation?"),
        "reason": _("Reason of the scrap"),
        "book": _("Book"),
        "pending": _("Pending"),
        "saved": _("Saved"),
        "refused": _("Refused"),
        "correct": _("Correct it"),
        "dismiss": _("Dismiss"),
        "count_good": _("{count} good"),
        "nothing": _("Enter at least one piece."),
        "no_reason": _("Choose a reason for the pieces that are not good."),
        "no_reading": _("Enter the counter before and now."),
        "backwards": _("The counter now is less than before. Read it again."),
        "not_kept": _("This browser keeps nothing: leave the page open until everything is saved."),
    }
