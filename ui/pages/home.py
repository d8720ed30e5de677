"""The start page: to each person the place where their work is, by what they may."""

from starlette.responses import RedirectResponse, Response

from domain.identity.roles import Permission
from domain.scope import Scope
from services.db.work import read
from services.plant.places import list_plants
from ui.kit.enter import Seat, screen
from ui.kit.framed import setup_target

PLANS = frozenset({Permission.EDIT_SHIFTS, Permission.EDIT_ORDERS, Permission.EDIT_PLANT, Permission.ANSWER_ANDON})
"""Who may any of these works away from the machines as well."""
SETS_UP = (Permission.EDIT_PLANT, Permission.EDIT_SHIFTS, Permission.READ_PLANT)
"""Who may all of these begins at the set-up where there is no plant yet."""
STARTS = (
    (Permission.READ_PRODUCTION, "/plant"),
    (Permission.READ_ORDERS, "/orders"),
    (Permission.READ_ANDON, "/andon"),
    (Permission.READ_METRICS, "/kpis"),
)


@screen("/")
async def home(seat: Seat) -> Response:
    """Lead people to where their work is: terminals, organizations, the plant, or whatever else they may."""
    if await _begins_with_nothing(seat):
        return RedirectResponse("/admin", status_code=303)
    return RedirectResponse(_start(seat.viewer.scope, is_kiosk=seat.viewer.is_kiosk), status_code=303)


async def _begins_with_nothing(seat: Seat) -> bool:
    scope = seat.scope()
    if scope.may(Permission.READ_ORGANIZATIONS) or not all(map(scope.may, SETS_UP)):
        return False
    async with read(scope) as work:
        return not await list_plants(work)


def _start(scope: Scope, *, is_kiosk: bool) -> str:
    if scope.may(Permission.READ_ORGANIZATIONS):
        return "/platform/organizations"
    sees = scope.may(Permission.READ_PRODUCTION)
    if sees and (is_kiosk or (scope.may(Permission.REPORT_PRODUCTION) and not any(map(scope.may, PLANS)))):
        return "/terminal"
    first = next((path for permission, path in STARTS if scope.may(permission)), None)
    return first or setup_target(scope) or "/plant"
