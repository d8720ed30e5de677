"""A running clock on plain pages."""

from datetime import datetime

from nicegui.element import Element


class Elapsed(Element, component="elapsed.js", dependencies=["live_board.js"]):
    """How long something has lasted; nothing where nobody knows since when."""

    def __init__(self, *, lang: str) -> None:
        """Write the duration in `lang`; `set_since` starts the clock."""
        super().__init__()
        self.props["lang"] = lang

    def set_since(self, since: datetime | None) -> None:
        """Count from another instant."""
        self.props["since"] = None if since is None else int(since.timestamp() * 1000)
