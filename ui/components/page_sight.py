"""Whether anybody can see a page: it is connected, and its tab is not in the background."""

import asyncio
from collections.abc import Callable

from nicegui import Client
from nicegui.element import Element
from nicegui.events import GenericEventArguments


class PageSight(Element, component="page_sight.js"):
    """Draws nothing; follows the browser's tab and the connection of its page."""

    def __init__(self, page: Client, *, on_sight: Callable[[], None]) -> None:
        """Follow `page`; `on_sight` is called whenever it comes into sight again."""
        super().__init__()
        self._page, self._on_sight = page, on_sight
        self._is_shown = True
        self._seen = asyncio.Event()
        self.on("change", self._change)
        page.on_connect(self._connect)
        page.on_disconnect(self._look)

    @property
    def is_seen(self) -> bool:
        """Whether somebody can see the page now."""
        return self._seen.is_set()

    async def until_seen(self) -> None:
        """Wait until somebody can see the page."""
        await self._seen.wait()

    def _change(self, event: GenericEventArguments) -> None:
        self._is_shown = bool(event.args)
        self._look()

    def _connect(self) -> None:
        self.run_method("tell")
        self._look()

    def _look(self) -> None:
        if not (self._page.has_socket_connection and self._is_shown):
            self._seen.clear()
        elif not self.is_seen:
            self._seen.set()
            self._on_sight()
