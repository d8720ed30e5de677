"""How orders and operations are called and drawn."""

from domain.production.operations import OperationState
from domain.production.orders import DeadlineKind, OrderAction, OrderState
from ui.kit.translate import Translate

STATE_ICONS: dict[OrderState, str] = {
    OrderState.DRAFT: "edit_note",
    OrderState.RELEASED: "outbox",
    OrderState.IN_PROGRESS: "play_arrow",
    OrderState.ON_HOLD: "pan_tool",
    OrderState.COMPLETED: "done_all",
    OrderState.CLOSED: "lock",
    OrderState.CANCELLED: "cancel",
}
ACTION_LOOKS: dict[OrderAction, tuple[str, str]] = {
    OrderAction.RELEASE: ("outbox", "u-button--primary"),
    OrderAction.HOLD: ("pan_tool", ""),
    OrderAction.RESUME: ("play_arrow", "u-button--primary"),
    OrderAction.COMPLETE: ("done_all", "u-button--primary"),
    OrderAction.CLOSE: ("lock", ""),
    OrderAction.CANCEL: ("cancel", ""),
}
"""Icon and class of the button of an action."""


def state_words(_: Translate) -> dict[OrderState, str]:
    """Return the names of the states of orders."""
    return {
        OrderState.DRAFT: _("Draft"),
        OrderState.RELEASED: _("Released"),
        OrderState.IN_PROGRESS: _("In progress"),
        OrderState.ON_HOLD: _("On hold"),
        OrderState.COMPLETED: _("Completed"),
        OrderState.CLOSED: _("Closed"),
        OrderState.CANCELLED: _("Cancelled"),
    }


def action_words(_: Translate) -> dict[OrderAction, str]:
    """Return what the buttons of an order say."""
    return {
        OrderAction.RELEASE: _("Release"),
        OrderAction.HOLD: _("Hold"),
        OrderAction.RESUME: _("Resume"),
        OrderAction.COMPLETE: _("Complete"),
        OrderAction.CLOSE: _("Close order"),
        OrderAction.CANCEL: _("Cancel order"),
    }


def operation_words(_: Translate) -> dict[OperationState, tuple[str, str]]:
    """Return the names and icons of the states of operations."""
    return {
        OperationState.WAITING: (_("Waiting"), "schedule"),
        OperationState.READY: (_("Ready"), "radio_button_unchecked"),
        OperationState.RUNNING: (_("Running"), "play_arrow"),
        OperationState.PAUSED: (_("Paused"), "pause"),
        OperationState.DONE: (_("Done"), "check_circle"),
        OperationState.CANCELLED: (_("Cancelled"), "cancel"),
    }


def deadline_words(_: Translate) -> dict[str, str]:
    """Return the words of the kinds of deadlines."""
    return {
        DeadlineKind.SOFT.value: _("Wanted by then"),
        DeadlineKind.HARD.value: _("Needed by then"),
        DeadlineKind.ASAP.value: _("As soon as possible"),
        DeadlineKind.NONE.value: _("No deadline"),
    }
