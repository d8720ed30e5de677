"""A terminal that several people share: in whose name the next act is done."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from nicegui import ui

from domain.errors import Unavailable, UnisonError
from domain.identity.badges import BadgeKind
from domain.identity.roles import Permission
from services.auth.tokens import NotSignedIn
from services.identity.kiosks import identify
from services.identity.sessions import NotIdentified
from ui.components.offline_reports import Reporter
from ui.kit.act import act
from ui.kit.enter import Seat
from ui.kit.errors import show_error
from ui.kit.process import this_process

OWN_DEVICE = "terminal"
"""What stands in the log as the device of somebody who signed in by themself."""


async def person_at(device: Seat, *, kind: BadgeKind, value: str, plant_id: UUID) -> Seat | None:
    """Return the seat of whom a badge or PIN names at this kiosk, or None after telling them why not."""
    process = this_process()
    user_id = await act(
        device,
        lambda work: identify(
            work, key=process.badge_key, kind=kind, value=value, device_id=device.viewer.user_id, plant_id=plant_id,
            attempts=process.kiosk_attempts,
        ),
    )  # fmt: skip
    if user_id is None:
        return None
    try:
        viewer = await process.sessions.at_kiosk(device.viewer, user_id)
        viewer.scope.require(Permission.REPORT_PRODUCTION)
    except NotSignedIn:
        ui.navigate.to("/sign-in")
        return None
    except UnisonError as error:
        show_error(error, device.translate)
        return None
    return replace(device, viewer=viewer)


async def is_still_here(person: Seat) -> bool:
    """Tell whether somebody who identified themself still may act; yes while nobody can say."""
    try:
        await this_process().sessions.again(person.viewer)
    except (NotIdentified, NotSignedIn):
        return False
    except Unavailable:
        return True
    return True


def reporter_of(seat: Seat) -> Reporter:
    """Return in whose name the browser reports, with what proves it later where a kiosk sends the report."""
    viewer = seat.viewer
    if viewer.device is None:
        return Reporter(viewer.display_name, "")
    token, _ = this_process().issuer.issue(
        "operator",
        user_id=viewer.user_id,
        org_id=viewer.scope.org_id,
        session_id=viewer.session_id,
        now=datetime.now(UTC),
    )
    return Reporter(viewer.display_name, token)


def account_of(seat: Seat) -> str:
    """Return the user who is signed in: the person, or the device at which they stand."""
    return str((seat.viewer.device or seat.viewer).user_id)


def device_of(seat: Seat) -> str:
    """Return the name under which reports of this seat are logged."""
    return OWN_DEVICE if seat.viewer.device is None else seat.viewer.device.display_name
