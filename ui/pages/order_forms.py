"""What is asked before an order changes: a new order, a reason for a hold, other quantities and dates, a split."""

from collections.abc import Awaitable, Callable
from datetime import datetime, time
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from nicegui import ui

from domain.production.orders import DeadlineKind
from services.db.tables import WorkOrder
from services.db.work import Work, read
from services.plant.places import PlantPlace
from services.production.material_queries import find_material, list_material_numbers
from services.production.order_queries import OrderInfo
from services.production.work_orders import edit_order, plan_order, release_order, split_order
from ui.kit.custom_inputs import CustomInputs
from ui.kit.enter import Seat
from ui.kit.forms import FormDialog
from ui.pages.order_words import deadline_words

USUAL_PRIORITY = 500
END_OF_DAY = time(23, 59)


def plan_button(seat: Seat, plant: PlantPlace) -> None:
    """Draw the button that plans a new order in a plant."""
    _ = seat.translate

    async def plan() -> None:
        async with read(seat.scope()) as work:
            materials = await list_material_numbers(work)
        with FormDialog(seat, _("New order")) as form:
            suggestions = [material.number for material in materials]
            form.text("number", _("Material"), suggestions=suggestions).classes("u-form__wide")
            form.number("quantity", _("Quantity"))
            form.number("priority", _("Priority"), value=USUAL_PRIORITY, hint=_("1 is first, 999 last"))
            form.choice("deadline_kind", _("Deadline"), deadline_words(_), value=DeadlineKind.NONE.value)
            form.day("due_at", _("Due on"))
            form.number("overproduction_allowance", _("Overproduction allowed"), value=0, unit="%")
            form.long_text("note", _("Note")).classes("u-form__wide")
            release = form.switch("release", _("Release at once"), value=True)
            custom = CustomInputs(seat, form, "work_order", zone=plant.time_zone)

        async def do(work: Work) -> WorkOrder:
            material = await find_material(work, number=form.text_of("number").strip())
            order = await plan_order(
                work,
                plant_id=plant.id,
                material_id=material.id,
                quantity=form.number_of("quantity") or Decimal(0),
                due_at=_due(form, plant.time_zone),
                deadline_kind=_deadline(form),
                priority=form.whole_number_of("priority"),
                overproduction_allowance=(form.number_of("overproduction_allowance") or Decimal(0)) / 100,
                note=form.text_of("note"),
                custom=await custom.values(work),
            )
            return await release_order(work, order_id=order.id) if release.value else order

        form.open_with(do, saved=_("Planned"), then=_opened)

    async def _opened(order: WorkOrder) -> None:
        ui.notify(_("Order {number}").format(number=order.number), type="positive", position="top", classes="u-notify")

    button = ui.button(_("New order"), icon="add", color=None, on_click=plan)
    button.classes("u-button u-button--primary").mark("plan-order")


async def ask_hold_reason(seat: Seat) -> str | None:
    """Ask why an order is held; None when the person thought better of it."""
    _ = seat.translate
    with ui.dialog() as dialog, ui.card().classes("u-dialog"):
        ui.label(_("Why is the order held?")).classes("u-title")
        reason = ui.input(_("Reason")).classes("u-field").props("outlined autofocus").mark("hold-reason")

        def submit() -> None:
            if reason.value.strip():
                dialog.submit(reason.value.strip())
            else:
                reason.error = _("Say why, so that everybody knows what it waits for.")

        reason.on("keydown.enter", submit)
        with ui.element("div").classes("u-dialog__actions"):
            ui.button(_("Cancel"), color=None, on_click=dialog.close).classes("u-button u-button--flat")
            hold = ui.button(_("Hold"), icon="pan_tool", color=None, on_click=submit)
            hold.classes("u-button u-button--primary").mark("hold")
    answer: str | None = await dialog
    dialog.delete()
    return answer


def edit_dialog(seat: Seat, order: OrderInfo, *, zone: str) -> None:
    """Let a person change what an order asks for."""
    _ = seat.translate
    with FormDialog(seat, _("Order {number}").format(number=order.number)) as form:
        form.number("quantity", _("Quantity"), value=order.quantity, unit=order.unit)
        form.number("priority", _("Priority"), value=order.priority, hint=_("1 is first, 999 last"))
        form.choice("deadline_kind", _("Deadline"), deadline_words(_), value=order.deadline_kind)
        due_on = None if order.due_at is None else order.due_at.astimezone(ZoneInfo(zone)).date()
        form.day("due_at", _("Due on"), value=due_on)
        allowed = order.overproduction_allowance * 100
        form.number("overproduction_allowance", _("Overproduction allowed"), value=allowed, unit="%")
        form.long_text("note", _("Note"), value=order.note).classes("u-form__wide")
        custom = CustomInputs(seat, form, "work_order", values=order.custom, zone=zone)

    async def do(work: Work) -> WorkOrder:
        return await edit_order(
            work,
            order_id=order.id,
            version=order.version,
            quantity=form.number_of("quantity") or Decimal(0),
            priority=form.whole_number_of("priority"),
            deadline_kind=DeadlineKind(form.text_of("deadline_kind")),
            due_at=_due(form, zone),
            overproduction_allowance=(form.number_of("overproduction_allowance") or Decimal(0)) / 100,
            note=form.text_of("note"),
            custom=await custom.values(work),
        )

    form.open_with(do)


def split_dialog(seat: Seat, *, order_id: UUID, number: str, then: Callable[[WorkOrder], Awaitable[None]]) -> None:
    """Let a person split a quantity off an order."""
    _ = seat.translate
    with FormDialog(seat, _("Split order {number}").format(number=number)) as form:
        form.number("quantity", _("Quantity of the new order")).classes("u-form__wide")

    async def do(work: Work) -> WorkOrder:
        return await split_order(work, order_id=order_id, quantity=form.number_of("quantity") or Decimal(0))

    form.open_with(do, then=then)


def _deadline(form: FormDialog) -> DeadlineKind | None:
    """Return what the due date of a new order means; None where only a date was chosen, which leaves it to the rule."""
    kind = DeadlineKind(form.text_of("deadline_kind"))
    return None if kind is DeadlineKind.NONE and form.text_of("due_at") else kind


def _due(form: FormDialog, zone: str) -> datetime | None:
    """Return the end of the day that was chosen, in the plant; None where no day was."""
    if not form.text_of("due_at"):
        return None
    return datetime.combine(form.day_of("due_at"), END_OF_DAY, ZoneInfo(zone))
