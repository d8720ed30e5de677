"""The banner of the calls that wait for the reader in person, with a sound for each new one."""

from collections.abc import Callable, Sequence

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from services.andon.open_calls import CallAlert
from ui.components import andon_call_words
from ui.components.packed import packed
from ui.theme.tokens import CALL_CATEGORY_ICONS


class CallAlerts(Element, component="call_alerts.js", dependencies=["live_board.js"]):
    """Nothing while nobody waits for the reader; `show` draws whoever does."""

    def __init__(self, _: Callable[[str], str], *, lang: str, may_answer: bool) -> None:
        """Translate with `_`; `may_answer` decides whether calls can be acknowledged here."""
        super().__init__()
        self._translator = _
        self._words = andon_call_words.labels(_)
        words = {
            "acknowledge": _("I am coming"),
            "more": _("{count} more calls wait for you"),
            "sound": _("Turn the sound on"),
        }
        self.props["labels"] = packed(words)
        self.props["lang"] = lang
        self.props["may-answer"] = may_answer
        self.props["alerts"] = []

    def show(self, alerts: Sequence[CallAlert]) -> None:
        """Show the calls that wait now."""
        shown = [
            {
                "id": str(alert.id),
                "step": alert.step,
                "severity": alert.severity,
                "icon": CALL_CATEGORY_ICONS[alert.category],
                "title": f"{alert.machine_code} · {self._words[alert.category]} · {self._words[alert.severity]}",
                "text": self._hints_of(alert),
                "since": int(alert.raised_at.timestamp() * 1000),
                "sound": alert.has_sound,
            }
            for alert in alerts
        ]
        if shown != self.props["alerts"]:
            self.props["alerts"] = shown

    def on_acknowledge(self, handler: Callable[[GenericEventArguments], object]) -> None:
        """Call `handler` with the id of the call that the reader wants to answer."""
        self.on("acknowledge", handler)

    def _hints_of(self, alert: CallAlert) -> str:
        _ = self._translator
        hints = [
            alert.machine_name,
            alert.note,
            _("Told late, the system was not running.") if alert.is_late else "",
            _("Nobody is on call; you stand in.") if alert.fell_back else "",
        ]
        return " · ".join(hint for hint in hints if hint)
