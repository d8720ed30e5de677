"""What planning, editing and splitting an order have in common: its number, quantities, priority and deadline."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from zoneinfo import ZoneInfo

from sqlalchemy import select, text

from domain.checks import checked_quantity, checked_text
from domain.errors import Conflict, Invalid, marked
from domain.events import ProductionRunChanged
from domain.production.orders import DeadlineKind, OrderQuantities, OrderSource
from services.db.tables import WorkOrder
from services.db.unique import unique_or
from services.db.work import Work
from services.production.number_series import next_number
from services.production.order_floor import OrderOnFloor, emit_operation, open_operations

SERIES = "WO"
LONGEST_NUMBER = 60
DUE_KINDS = frozenset({DeadlineKind.HARD, DeadlineKind.SOFT})
LARGEST_PRIORITY = 999
SHOW_TARGET = text("""
WITH changed AS (
  UPDATE production_runs SET target = :quantity FROM operations
  WHERE operations.work_order_id = :order_id AND operations.id = production_runs.operation_id
    AND operations.org_id = production_runs.org_id AND production_runs.ended_at IS NULL
  RETURNING production_runs.machine_id
)
SELECT DISTINCT machines.id, machines.plant_id, machines.lane_id
FROM changed JOIN machines ON machines.id = changed.machine_id
""")


class OrderNumberTaken(Conflict):
    """Another order has the number."""

    code: ClassVar[str] = "order_number_taken"
    sentence: ClassVar[str] = marked("There is an order “{number}” already.")


class DueMissing(Invalid):
    """A deadline without a date."""

    code: ClassVar[str] = "due_missing"
    sentence: ClassVar[str] = marked("A hard or soft deadline needs a due date.")


class InvalidPriority(Invalid):
    """A priority that is out of range."""

    code: ClassVar[str] = "invalid_priority"
    sentence: ClassVar[str] = marked("The priority is a number from 1 (first) to {last} (last).")


async def add_numbered(work: Work, order: WorkOrder, number: str | None, *, zone: str) -> None:
    """Add an order under the number that was given, or under the next one that nobody has given by hand."""
    year = work.now.astimezone(ZoneInfo(zone)).year
    while True:
        order.number = (
            await next_number(work, series=SERIES, year=year)
            if number is None
            else checked_text(number, field="number", longest=LONGEST_NUMBER)
        )
        try:
            async with unique_or(work, OrderNumberTaken(number=order.number)):
                work.session.add(order)
        except OrderNumberTaken:
            source = OrderSource(order.source)
            if number is not None or (order.source_key and await find_of_source(work, source, order.source_key)):
                raise
        else:
            return


async def find_of_source(work: Work, source: OrderSource, source_key: str) -> WorkOrder | None:
    """Return the order that a source knows by a key."""
    statement = select(WorkOrder).where(WorkOrder.source == source.value, WorkOrder.source_key == source_key)
    return (await work.session.execute(statement)).scalar_one_or_none()


async def change_quantity(work: Work, floor: OrderOnFloor, quantity: Decimal) -> None:
    """Change what is asked for, in the order, its open operations and on the walls that show their runs."""
    floor.order.quantity = quantity
    for operation in open_operations(floor):
        operation.quantity = quantity
        emit_operation(work, operation)
    await work.session.flush()
    for row in await work.session.execute(SHOW_TARGET, {"order_id": floor.order.id, "quantity": quantity}):
        work.emit(ProductionRunChanged(plant_id=row.plant_id, lane_id=row.lane_id, machine_id=row.id))


def checked_quantities(quantity: Decimal, allowance: Decimal) -> OrderQuantities:
    """Return what an order asks for.

    Raises:
        InvalidQuantity, InvalidOrderQuantity: the quantity or the allowance cannot be.
    """
    allowance = checked_quantity(allowance, field="overproduction_allowance")
    return OrderQuantities(order_quantity(quantity), overproduction_allowance=allowance)


def order_quantity(value: Decimal) -> Decimal:
    """Return a quantity that can be planned.

    Raises:
        InvalidQuantity: it cannot.
    """
    return checked_quantity(value, field="quantity")


def checked_priority(value: int) -> int:
    """Return a priority that is in range.

    Raises:
        InvalidPriority: it is not.
    """
    if not 1 <= value <= LARGEST_PRIORITY:
        raise InvalidPriority(field="priority", last=LARGEST_PRIORITY)
    return value


def checked_note(value: str) -> str:
    """Return a note that can be kept.

    Raises:
        InvalidText: it cannot.
    """
    return checked_text(value, field="note", longest=2000, may_be_empty=True)


def set_deadline(order: WorkOrder, kind: DeadlineKind, due_at: datetime | None) -> None:
    """Say what the due date of an order means.

    Raises:
        DueMissing: a hard or soft deadline without a date.
    """
    if kind in DUE_KINDS and due_at is None:
        raise DueMissing(field="due_at")
    order.deadline_kind, order.due_at = kind.value, due_at
