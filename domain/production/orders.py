"""The life of a work order, and what may be booked on it."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from domain.checks import plain
from domain.errors import Conflict, Invalid, marked

ZERO = Decimal(0)


class OrderState(StrEnum):
    """Where a work order is in its life."""

    DRAFT = "draft"  # planned; still follows its master data
    RELEASED = "released"  # given to the floor with its own copy of routing and BOM
    IN_PROGRESS = "in_progress"  # something of it was started
    ON_HOLD = "on_hold"  # nothing starts; goes back to where it came from
    COMPLETED = "completed"  # the floor is done with it; locked
    CLOSED = "closed"  # the office is done with it; locked
    CANCELLED = "cancelled"  # will not be made; locked


WORDS: dict[OrderState, str] = {
    OrderState.DRAFT: marked("a draft"),
    OrderState.RELEASED: marked("released"),
    OrderState.IN_PROGRESS: marked("in progress"),
    OrderState.ON_HOLD: marked("on hold"),
    OrderState.COMPLETED: marked("completed"),
    OrderState.CLOSED: marked("closed"),
    OrderState.CANCELLED: marked("cancelled"),
}
"""The states as sentences name them: “This order is ...”."""


class OrderAction(StrEnum):
    """What people and programs do with a work order."""

    RELEASE = "release"
    START = "start"
    HOLD = "hold"
    RESUME = "resume"
    COMPLETE = "complete"
    CLOSE = "close"
    CANCEL = "cancel"


class DeadlineKind(StrEnum):
    """What the due date of an order means."""

    ASAP = "asap"  # no date, before those that have one
    HARD = "hard"  # late is as bad as never
    SOFT = "soft"  # late is worse the later
    NONE = "none"  # whenever there is time


class OrderSource(StrEnum):
    """Where an order came from."""

    MANUAL = "manual"
    ERP = "erp"
    IMPORT = "import"


NEXT: dict[OrderState, dict[OrderAction, OrderState]] = {
    OrderState.DRAFT: {
        OrderAction.RELEASE: OrderState.RELEASED,  # copies routing and BOM
        OrderAction.CANCEL: OrderState.CANCELLED,
    },
    OrderState.RELEASED: {
        OrderAction.START: OrderState.IN_PROGRESS,  # by the start of its first operation
        OrderAction.HOLD: OrderState.ON_HOLD,
        OrderAction.CANCEL: OrderState.CANCELLED,
    },
    OrderState.IN_PROGRESS: {
        OrderAction.HOLD: OrderState.ON_HOLD,  # and only from there it is cancelled, so that nobody works on it then
        OrderAction.COMPLETE: OrderState.COMPLETED,
    },
    OrderState.ON_HOLD: {
        OrderAction.RESUME: OrderState.RELEASED,  # or in progress: wherever it was held; see `follow_order`
        OrderAction.CANCEL: OrderState.CANCELLED,
    },
    OrderState.COMPLETED: {OrderAction.CLOSE: OrderState.CLOSED},
    OrderState.CLOSED: {},
    OrderState.CANCELLED: {},
}
"""What may be done in each state, and where it leads."""

LOCKED = frozenset({OrderState.COMPLETED, OrderState.CLOSED, OrderState.CANCELLED})
"""States in which nothing is booked and nothing is edited any more."""

BOOKABLE = frozenset({OrderState.RELEASED, OrderState.IN_PROGRESS})
"""States in which production is reported."""


class OrderMovedOn(Conflict):
    """What was asked is not possible in the present state of the order."""

    code: ClassVar[str] = "order_moved_on"
    sentence: ClassVar[str] = marked("This order is {state}, and this cannot be done with it now. Look at it again.")


class OrderLocked(Conflict):
    """A change of an order that is over."""

    code: ClassVar[str] = "order_locked"
    sentence: ClassVar[str] = marked("This order is {state} and cannot be changed any more.")


class OrderNotOpen(Conflict):
    """A report on an order that is not released, or is on hold."""

    code: ClassVar[str] = "order_not_open"
    sentence: ClassVar[str] = marked("Nothing can be reported on this order while it is {state}.")


class MoreThanOrdered(Conflict):
    """A report beyond the order's quantity and its overproduction allowance."""

    code: ClassVar[str] = "more_than_ordered"
    sentence: ClassVar[str] = marked(
        "The order takes {bookable} more, good and scrap together, and {reported} were reported. Check the number."
    )


class QuantityBelowGood(Conflict):
    """A new quantity that is less than what is good already."""

    code: ClassVar[str] = "quantity_below_good"
    sentence: ClassVar[str] = marked("{good} are good already. The quantity cannot be less.")


class InvalidOrderQuantity(Invalid):
    """An order, or a part of one, of nothing."""

    code: ClassVar[str] = "invalid_order_quantity"
    sentence: ClassVar[str] = marked("The quantity of an order must be more than zero.")


class InvalidAllowance(Invalid):
    """An overproduction allowance that is no share."""

    code: ClassVar[str] = "invalid_allowance"
    sentence: ClassVar[str] = marked("The overproduction allowance must be zero or more.")


@dataclass(frozen=True)
class OrderStatus:
    """Where an order is, and while it is on hold, where it goes back to."""

    state: OrderState = OrderState.DRAFT
    held_from: OrderState | None = None
    """The state that a hold came from; None when the order is not on hold."""


@dataclass(frozen=True)
class OrderQuantities:
    """What an order asks for and what came of it, in its unit."""

    quantity: Decimal
    good: Decimal = ZERO
    scrap: Decimal = ZERO
    """Counts against the allowance, never toward the target."""
    overproduction_allowance: Decimal = ZERO
    """The share of the quantity that may be made on top of it: 0.05 is five percent."""

    def __post_init__(self) -> None:
        if self.quantity <= 0:
            raise InvalidOrderQuantity(field="quantity")
        if self.overproduction_allowance < 0:
            raise InvalidAllowance(field="overproduction_allowance")

    @property
    def remaining(self) -> Decimal:
        """What is still to be made: the quantity less what is good; below zero after overproduction."""
        return self.quantity - self.good

    @property
    def bookable(self) -> Decimal:
        """How much more may be reported, good and scrap together; below zero after the quantity was reduced."""
        return self.quantity * (1 + self.overproduction_allowance) - self.good - self.scrap


def follow_order(status: OrderStatus, action: OrderAction) -> OrderStatus:
    """Return where an order is after an action; a hold remembers its state, and resuming returns to it.

    Raises:
        OrderMovedOn: the action is not possible in the present state.
    """
    then = NEXT[status.state].get(action)
    if then is None:
        raise OrderMovedOn(state=WORDS[status.state], action=action.value)
    if action is OrderAction.HOLD:
        return OrderStatus(then, held_from=status.state)
    if action is OrderAction.RESUME:
        return OrderStatus(status.held_from or then)
    return OrderStatus(then)


def order_actions(status: OrderStatus) -> tuple[OrderAction, ...]:
    """Return what may be done with an order now, in the order of the enumeration."""
    return tuple(action for action in OrderAction if action in NEXT[status.state])


def check_editable(status: OrderStatus) -> None:
    """Refuse to change an order that is over.

    Raises:
        OrderLocked: it is completed, closed or cancelled.
    """
    if status.state in LOCKED:
        raise OrderLocked(state=WORDS[status.state])


def check_open(status: OrderStatus) -> None:
    """Refuse reports on an order that the floor does not have.

    Raises:
        OrderLocked: it is completed, closed or cancelled.
        OrderNotOpen: it is a draft or on hold.
    """
    check_editable(status)
    if status.state not in BOOKABLE:
        raise OrderNotOpen(state=WORDS[status.state])


def with_report(quantities: OrderQuantities, *, good: Decimal, scrap: Decimal) -> OrderQuantities:
    """Return the quantities after a report: good + scrap <= quantity x (1 + overproduction allowance).

    A reversal (negative numbers) always fits: it brings an order that was reduced nearer to the rule.

    Raises:
        MoreThanOrdered: the report goes beyond the allowance.
    """
    reported = good + scrap
    if reported > max(quantities.bookable, ZERO):
        raise MoreThanOrdered(bookable=plain(max(quantities.bookable, ZERO)), reported=plain(reported))
    return replace(quantities, good=quantities.good + good, scrap=quantities.scrap + scrap)


def fitting(quantities: OrderQuantities, *, good: Decimal, scrap: Decimal) -> tuple[Decimal, Decimal]:
    """Return how much of some good and scrap pieces goes within the allowance; good ones come first."""
    good = min(good, max(quantities.bookable, ZERO))
    return good, min(scrap, max(quantities.bookable - good, ZERO))


def with_quantity(quantities: OrderQuantities, quantity: Decimal) -> OrderQuantities:
    """Return the quantities with another target.

    Scrap does not stand in the way of a reduction, so that an order can always be cut to what is good.

    Raises:
        InvalidOrderQuantity: zero or less.
        QuantityBelowGood: less than what is good already.
    """
    changed = replace(quantities, quantity=quantity)
    if changed.remaining < 0:
        raise QuantityBelowGood(good=quantities.good, quantity=quantity)
    return changed


def split_off(quantities: OrderQuantities, quantity: Decimal) -> tuple[OrderQuantities, OrderQuantities]:
    """Split an order in two; what was booked stays with the first, and the second starts from nothing.

    Raises:
        InvalidOrderQuantity: one of the two would be of nothing.
        QuantityBelowGood: the first would keep less than what is good already.
    """
    second = OrderQuantities(quantity, overproduction_allowance=quantities.overproduction_allowance)
    return with_quantity(quantities, quantities.quantity - quantity), second
