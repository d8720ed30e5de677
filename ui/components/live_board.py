"""What every live board shares: its place in a room, its first snapshot and its plea for a new one."""

from collections.abc import Awaitable, Callable, Mapping

import orjson
from nicegui.element import Element

from ui.components.packed import packed
from ui.theme.tokens import BOARD_ICONS

ICONS = orjson.Fragment(orjson.dumps(BOARD_ICONS))


class LiveBoard(Element, dependencies=["live_board.js"]):
    """A board that many screens show: drawn from a snapshot, kept true by the patches of one room."""

    def __init__(
        self,
        *,
        room: str,
        seq: int,
        at: int,
        snapshot: orjson.Fragment,
        labels: Mapping[str, str],
        lang: str,
        zone: str,
    ) -> None:
        """Draw `snapshot`, the state `seq` of `room` at server time `at` (epoch milliseconds).

        `lang` is a BCP 47 tag and `zone` an IANA name: they decide how numbers and times are written. The snapshot is
        JSON already, so that a thousand screens share it: NiceGUI copies dictionaries among the properties of an
        element into observable ones, 85 kB for a wall of forty machines.
        """
        super().__init__()
        self.props["room"] = room
        self.props["seq"] = seq
        self.props["at"] = at
        self.props["snapshot"] = snapshot
        self.props["labels"] = packed(labels)
        self.props["lang"] = lang
        self.props["zone"] = zone
        self.props["icons"] = ICONS

    def on_resync(self, handler: Callable[[], Awaitable[None] | None]) -> None:
        """Call `handler` when the board cannot prove that it is current; answer with `unison:snapshot`.

        The board repeats its plea every two seconds until the answer arrives, and waits for the connection first.
        """
        self.on("resync", handler, args=[])


def labels(_: Callable[[str], str]) -> dict[str, str]:
    """Translate the words about a board's age; `{time}` is filled in by the browser."""
    return {
        "live": _("Live"),
        "lost": _("Connection lost. Data of {time}"),
        "database_down": _("Data of {time}, the database cannot be reached"),
    }
