"""The time of day where the machines stand."""

from nicegui.element import Element


class PlantClock(Element, component="plant_clock.js", dependencies=["live_board.js"]):
    """A clock in a plant's zone, which need not be the reader's."""

    def __init__(self, *, lang: str, zone: str) -> None:
        """Show the time in the IANA `zone`, written as in `lang`."""
        super().__init__()
        self.props["lang"] = lang
        self.props["zone"] = zone
