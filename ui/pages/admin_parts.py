"""What the set-up pages share: the way from one to the next, and sections with a button."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nicegui import ui

from domain.identity.roles import Permission
from services.plant.places import PlantPlace
from ui.kit.enter import Seat
from ui.kit.framed import DATA_PAGE, framed_at

AREA = "setup"


@contextmanager
def setup_page(seat: Seat, title: str, path: str, *, plants: tuple[PlantPlace, ...]) -> Iterator[ui.element]:
    """Draw the frame of a set-up page with the links to the others, and let the block fill the page."""
    _ = seat.translate
    pages = (
        (Permission.EDIT_SHIFTS, "/admin", "checklist", _("Checklist")),
        (Permission.EDIT_PLANT, "/admin/plants", "factory", _("Plants")),
        (Permission.EDIT_PLANT, "/admin/machines", "precision_manufacturing", _("Machines")),
        (Permission.EDIT_PLANT, "/admin/reasons", "account_tree", _("Reasons")),
        (Permission.EDIT_SHIFTS, "/admin/shifts", "calendar_month", _("Shift plan")),
        (Permission.EDIT_SHIFTS, "/admin/crews", "groups", _("Crews")),
        (Permission.READ_USERS, "/admin/users", "group", _("Users")),
        (Permission.EDIT_USERS, "/admin/badges", "badge", _("Badges and PINs")),
        (Permission.READ_SIGN_IN_POLICY, "/admin/sign-in", "password", _("Sign-in rules")),
        (Permission.READ_SIGN_IN_PROVIDERS, "/admin/sign-in-providers", "login", _("Sign-in providers")),
        (Permission.READ_ROLES, "/admin/roles", "admin_panel_settings", _("Roles")),
        (Permission.READ_API_KEYS, "/admin/api-keys", "key", _("API keys")),
        (Permission.EDIT_BRANDING, "/admin/branding", "palette", _("Branding")),
        (Permission.EDIT_LADDERS, "/admin/andon", "stairs", _("Escalation")),
        (Permission.READ_WEBHOOKS, "/admin/webhooks", "webhook", _("Webhooks")),
        (Permission.EDIT_FEATURES, "/admin/features", "toggle_on", _("Features")),
        (Permission.INSPECT_SYSTEM, "/admin/health", "monitor_heart", _("Health")),
        (Permission.INSPECT_SYSTEM, "/admin/jobs", "pending_actions", _("Jobs")),
        (Permission.INSPECT_AUDIT, "/admin/audit", "policy", _("Audit")),
        (Permission.EDIT_FIELDS, "/admin/fields", "dynamic_form", _("Custom fields")),
        (Permission.OPEN_EXPORTS, DATA_PAGE, "inventory", _("Your data")),
    )
    with framed_at(seat, title, active=AREA, plants=plants) as content:
        with ui.element("nav").classes("u-setup-nav") as nav:
            for permission, target, icon, words in pages:
                if seat.viewer.scope.may(permission):
                    with ui.link(target=target).classes("u-setup-nav__page") as link:
                        ui.icon(icon)
                        ui.label(words)
                    if target == path:
                        link.props["aria-current"] = "page"
        nav.props["aria-label"] = _("Set-up")
        yield content


def add_button(label: str, on_click: Callable[..., object], *, mark: str) -> ui.button:
    """Draw a button that adds something."""
    button = ui.button(label, icon="add", color=None, on_click=on_click)
    return button.classes("u-button").mark(mark)


def heading(words: str) -> ui.label:
    """Draw the heading of a part of the page."""
    return ui.label(words).classes("u-title").props("role=heading aria-level=2")
