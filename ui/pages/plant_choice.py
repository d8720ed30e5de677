"""Links from one plant to another, on pages that show one plant at a time."""

from urllib.parse import quote

from nicegui import ui

from services.plant.places import PlantPlace


def plant_choice(plants: tuple[PlantPlace, ...], chosen: PlantPlace, *, path: str, by_query: bool = False) -> None:
    """Draw a link to each plant where there are several: `path/CODE`, or `path?plant=CODE` with `by_query`."""
    if len(plants) < 2:
        return
    with ui.element("nav").classes("u-tabs"):
        for plant in plants:
            target = f"{path}?plant={quote(plant.code)}" if by_query else f"{path}/{quote(plant.code)}"
            link = ui.link(plant.name, target).classes("u-tab")
            if plant == chosen:
                link.props["aria-current"] = "page"
