"""The set-up as a checklist: what is there, what is missing, and where to go on."""

from nicegui import ui

from domain.identity.roles import Permission
from services.db.work import read
from services.plant.places import list_plants
from services.plant.setup_gaps import SetupGaps, load_setup_gaps
from ui.kit.enter import Seat, screen
from ui.pages.admin_parts import heading, setup_page

MOST_NAMES = 6


@screen("/admin", permission=Permission.EDIT_SHIFTS)
async def admin(seat: Seat) -> None:
    """Show how far the set-up is."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
        gaps = await load_setup_gaps(work)
    with setup_page(seat, _("Set-up"), "/admin", plants=plants):
        heading(_("Is everything set up?"))
        with ui.element("div").classes("u-checklist"):
            _plant_items(seat, gaps)
            _shift_items(seat, gaps)


def _plant_items(seat: Seat, gaps: SetupGaps) -> None:
    _ = seat.translate
    _item(
        seat, bool(gaps.plants), "/admin/plants", _("Plants"),
        _("Plants: {count}").format(count=gaps.plants) if gaps.plants else _("Add the first plant."),
    )  # fmt: skip
    missing = (
        _("Add a department and its first lane.")
        if not gaps.lanes
        else _("Without machines: {names}").format(names=_names(gaps.lanes_without_machines))
    )
    is_done = bool(gaps.lanes) and not gaps.lanes_without_machines
    there = _("Lanes: {lanes}, machines: {machines}").format(lanes=gaps.lanes, machines=gaps.machines)
    _item(seat, is_done, "/admin/plants", _("Lanes and machines"), there if is_done else missing)
    is_sorted = bool(gaps.stop_reasons) and not gaps.unsorted_reasons
    missing = (
        _("Without a loss category: {names}").format(names=_names(gaps.unsorted_reasons))
        if gaps.stop_reasons
        else _("Add reasons for stops, so that losses can be explained.")
    )
    there = _("Reasons: {count}, each with a loss category").format(count=gaps.stop_reasons)
    _item(seat, is_sorted, "/admin/reasons", _("Stop reasons"), there if is_sorted else missing)
    _item(
        seat, bool(gaps.scrap_reasons), "/admin/reasons", _("Scrap reasons"),
        _("Reasons: {count}").format(count=gaps.scrap_reasons) if gaps.scrap_reasons
        else _("Add reasons for scrap, or nobody can report any."),
    )  # fmt: skip


def _shift_items(seat: Seat, gaps: SetupGaps) -> None:
    _ = seat.translate
    is_done = bool(gaps.lanes) and not gaps.lanes_without_shifts
    missing = (
        _("Without shifts, working around the clock: {names}").format(names=_names(gaps.lanes_without_shifts))
        if gaps.lanes
        else _("Add a lane first.")
    )
    _item(seat, is_done, "/admin/shifts", _("Shift plan"), _("Every lane has shifts") if is_done else missing)
    is_done = bool(gaps.crews) and not gaps.empty_crews
    missing = (
        _("Nobody is in: {names}").format(names=_names(gaps.empty_crews))
        if gaps.crews
        else _("Add crews, so that calls find who is on duty.")
    )
    there = _("Crews: {count}").format(count=gaps.crews)
    _item(seat, is_done, "/admin/crews", _("Crews"), there if is_done else missing)


def _item(seat: Seat, is_done: bool, target: str, title: str, sentence: str) -> None:
    _ = seat.translate
    with ui.link(target=target).classes("u-check").mark("check") as link:
        ui.icon("check_circle" if is_done else "radio_button_unchecked").classes("u-check__icon")
        with ui.element("span").classes("u-check__text"):
            ui.label(title).classes("u-subtitle")
            ui.label(sentence).classes("u-muted")
        ui.label(_("Done") if is_done else _("To do")).classes("u-check__word")
        ui.icon("chevron_right").classes("u-check__go")
    link.props["data-done"] = "true" if is_done else "false"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names[:MOST_NAMES]) + (" …" if len(names) > MOST_NAMES else "")
