"""A barcode or badge scanner that types like a keyboard."""

from collections.abc import Awaitable, Callable

from nicegui.element import Element
from nicegui.events import GenericEventArguments

LONGEST_SCAN = 200


class Scanner(Element, component="scanner.js"):
    """Hears what a scanner types, anywhere on the page where nobody types into a field."""

    def __init__(self, on_scan: Callable[[str], Awaitable[None]]) -> None:
        """Call `on_scan` with each scanned text."""
        super().__init__()

        async def take(event: GenericEventArguments) -> None:
            await on_scan(str(event.args.get("value"))[:LONGEST_SCAN])

        self.on("scan", take)
