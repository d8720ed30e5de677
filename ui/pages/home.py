"""The start page: to each role the place where its work is."""

from starlette.responses import RedirectResponse, Response

from domain.identity.roles import Role
from ui.kit.enter import Seat, screen


@screen("/")
async def home(seat: Seat) -> Response:
    """Lead an operator or a tablet to the terminals, everybody else to the plant."""
    works_at_machines = bool(seat.viewer.roles) and seat.viewer.roles <= {Role.OPERATOR, Role.TERMINAL}
    return RedirectResponse("/terminal" if works_at_machines else "/plant", status_code=303)
