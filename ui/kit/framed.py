"""The frame or the bare wall around a page, filled in for the person in front of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from nicegui import ui

from domain.identity.roles import Permission
from domain.scope import Scope
from services.plant.places import PlantPlace
from ui.kit.call_alerts import show_my_alerts
from ui.kit.enter import Seat
from ui.kit.formats import day_of
from ui.kit.process import this_process
from ui.theme import FrameArea, FrameViewer, frame, frame_labels, look_of, wall

OF_PLATFORM = frozenset({"platform"})
"""What the platform's people use; their own organization has no plant."""

DATA_PAGE = "/admin/data"
"""Where an organization is exported and deleted."""

SETUP = (
    (Permission.EDIT_SHIFTS, "/admin"),
    (Permission.EDIT_PLANT, "/admin/plants"),
    (Permission.READ_ROLES, "/admin/roles"),
    (Permission.EDIT_USERS, "/admin/badges"),
    (Permission.EDIT_LADDERS, "/admin/andon"),
    (Permission.EDIT_BRANDING, "/admin/branding"),
    (Permission.EDIT_FIELDS, "/admin/fields"),
    (Permission.READ_SIGN_IN_PROVIDERS, "/admin/sign-in-providers"),
    (Permission.READ_API_KEYS, "/admin/api-keys"),
    (Permission.INSPECT_AUDIT, "/admin/audit"),
    (Permission.OPEN_EXPORTS, DATA_PAGE),
)
"""Where the set-up begins, by the first right that somebody has."""


@contextmanager
def framed(seat: Seat, title: str, *, active: str, plant: str = "", zone: str = "UTC") -> Iterator[ui.element]:
    """Draw the frame with the areas that the person may open, and let the block fill the page."""
    this_process().boards.follow_status(seat.client)
    with frame(title, viewer=_viewer(seat, plant, zone), active=active) as content:
        show_my_alerts(seat)
        if seat.viewer.ends_at is not None:
            _warn_of_end(seat, seat.viewer.ends_at, zone)
        yield content


@contextmanager
def framed_at(seat: Seat, title: str, *, active: str, plants: tuple[PlantPlace, ...]) -> Iterator[ui.element]:
    """Draw the frame of a page about several plants: the clock is that of the first one."""
    plant, zone = (plants[0].name, plants[0].time_zone) if plants else ("", "UTC")
    with framed(seat, title, active=active, plant=plant, zone=zone) as content:
        yield content


@contextmanager
def walled(seat: Seat, title: str, *, plant: str, zone: str) -> Iterator[ui.element]:
    """Let the block fill the whole screen, without a frame."""
    with wall(title, viewer=_viewer(seat, plant, zone)) as content:
        yield content


def setup_target(scope: Scope) -> str | None:
    """Return the first set-up page that somebody may open; None where they may open none."""
    return next((path for permission, path in SETUP if scope.may(permission)), None)


def _warn_of_end(seat: Seat, at: datetime, zone: str) -> None:
    _ = seat.translate
    words = _("{organization} will be deleted on {day}, with everything in it.")
    with ui.element("div").classes("u-note").props("role=alert").mark("organization-ends"):
        ui.icon("delete_forever")
        ui.label(words.format(organization=seat.viewer.organization, day=day_of(at, seat.zone_of(zone), seat.lang)))
        if seat.viewer.scope.may(Permission.DELETE_ORGANIZATION):
            ui.link(_("Keep it"), DATA_PAGE).classes("u-link")


def _viewer(seat: Seat, plant: str, zone: str) -> FrameViewer:
    _ = seat.translate
    at_terminals = Permission.USE_KIOSK if seat.viewer.is_kiosk else Permission.REPORT_PRODUCTION
    areas = (
        (Permission.READ_PLANT, FrameArea("plant", _("Plant"), "factory", "/plant")),
        (Permission.READ_ORDERS, FrameArea("orders", _("Orders"), "assignment", "/orders")),
        (Permission.READ_ORDERS, FrameArea("materials", _("Materials"), "inventory_2", "/materials")),
        (Permission.READ_ANDON, FrameArea("andon", _("Andon"), "campaign", "/andon")),
        (Permission.READ_METRICS, FrameArea("shifts", _("Shifts"), "view_timeline", "/shift")),
        (Permission.READ_METRICS, FrameArea("metrics", _("KPIs"), "insights", "/kpis")),
        (Permission.READ_PLANT, FrameArea("walls", _("Walls"), "tv", "/wall")),
        (at_terminals, FrameArea("terminals", _("Terminals"), "touch_app", "/terminal")),
        (Permission.READ_ORGANIZATIONS, FrameArea("platform", _("Organizations"), "domain", "/platform/organizations")),
    )
    setup = setup_target(seat.viewer.scope)
    is_of_platform = seat.viewer.scope.may(Permission.READ_ORGANIZATIONS)
    return FrameViewer(
        name=seat.viewer.display_name,
        look=look_of(seat.brand),
        plant=plant,
        zone=zone,
        lang=seat.lang,
        areas=tuple(
            area
            for permission, area in areas
            if seat.viewer.scope.may(permission) and (area.key in OF_PLATFORM or not is_of_platform)
        )
        + (() if setup is None else (FrameArea("setup", _("Set-up"), "settings", setup),)),
        labels=frame_labels(_),
    )
