"""The start page: to each role the place where its work is."""

from starlette.responses import RedirectResponse, Response

from domain.identity.roles import Permission, Role
from ui.kit.enter import Seat, screen


@screen("/")
async def home(seat: Seat) -> Response:
    """Lead people to where their work is: terminals, organizations, or the plant."""
    if seat.viewer.scope.may(Permission.READ_ORGANIZATIONS):
        return RedirectResponse("/platform/organizations", status_code=303)
    works_at_machines = bool(seat.viewer.roles) and seat.viewer.roles <= {Role.OPERATOR, Role.TERMINAL}
    return RedirectResponse("/terminal" if works_at_machines else "/plant", status_code=303)
