"""Charts that come when their page stands: their library is larger than all the rest and would hold the page up."""

from nicegui import ui

from ui.kit.enter import Seat


class LatePlot:
    """A plotly chart at the place where it is made, from the moment on which the browser has connected."""

    def __init__(self, seat: Seat, classes: str) -> None:
        """Keep the place with the chart's classes; `draw` may be called before the chart stands."""
        self._classes = classes
        self._place = ui.element("div").classes(classes)
        self._figure: dict[str, object] = {"data": [], "layout": {}, "config": {}}
        self._plot: ui.plotly | None = None
        seat.client.on_connect(self._stand)

    def draw(self, figure: dict[str, object]) -> None:
        """Show a figure; the same one again is nothing new."""
        if figure == self._figure:
            return
        self._figure = figure
        if self._plot is not None:
            self._plot.update_figure(figure)

    def _stand(self) -> None:
        if self._plot is None:
            with self._place:
                self._plot = ui.plotly(self._figure).classes(self._classes)
