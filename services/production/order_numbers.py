"""Finding an order by what people call it."""

from uuid import UUID

from sqlalchemy import select

from domain.checks import storable
from domain.errors import NotFound
from domain.identity.roles import Permission
from services.db.tables import WorkOrder
from services.db.work import Work

LONGEST_NUMBER = 60


async def find_order_id(work: Work, *, key: str) -> UUID:
    """Return the id of the order with this number or id.

    Raises:
        Forbidden: the actor may not read orders.
        NotFound: there is none in this scope.
    """
    await work.permit(Permission.READ_ORDERS)
    try:
        wanted = WorkOrder.id == UUID(key)
    except ValueError:
        wanted = WorkOrder.number == storable(key, longest=LONGEST_NUMBER)
    order_id = (await work.session.execute(select(WorkOrder.id).where(wanted))).scalar_one_or_none()
    if order_id is None:
        raise NotFound(what="order")
    return order_id
