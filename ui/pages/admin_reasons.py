"""The reasons as trees: for stops, scrap and rework, in the order in which people see them."""

from uuid import UUID

from nicegui import ui
from nicegui.events import SortableEventArguments

from domain.identity.roles import Permission
from domain.plant.reasons import ReasonKind
from services.db.work import Work, read
from services.plant.places import list_plants
from services.plant.queries import ReasonInfo, list_reasons
from services.plant.reasons import add_reason, edit_reason, order_reasons
from services.translations import LANGUAGE_NAMES
from ui.kit.act import act
from ui.kit.custom_inputs import CustomInputs
from ui.kit.enter import Seat, screen
from ui.kit.forms import FormDialog
from ui.pages.admin_imports import import_buttons
from ui.pages.admin_parts import add_button, heading, setup_page
from ui.pages.histories import offer_history
from ui.pages.setup_words import loss_words

MOST = 10_000


@screen("/admin/reasons", permission=Permission.EDIT_PLANT)
async def admin_reasons(seat: Seat) -> None:
    """Edit the reasons."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    with setup_page(seat, _("Reasons"), "/admin/reasons", plants=plants):
        page = _Page(seat)
    await page.load()


class _Page:
    """Three trees; drawn again after each edit of them here."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._reasons: dict[UUID, ReasonInfo] = {}
        _ = seat.translate
        with ui.element("div").classes("u-row"):
            heading(_("Why machines stand and pieces are not good"))
            ui.space()
            import_buttons(seat, ("reasons",), then=self.load)
        self._trees = ui.element("div").classes("u-reason-trees")

    async def load(self, _edited: object = None) -> None:
        """Show the reasons of now."""
        async with read(self._seat.scope()) as work:
            reasons = (await list_reasons(work, limit=MOST)).items
        ordered = sorted(reasons, key=lambda reason: (reason.position, reason.label))
        self._reasons = {reason.id: reason for reason in ordered}
        _ = self._seat.translate
        words = {
            ReasonKind.STOP: _("Stops"), ReasonKind.SCRAP: _("Scrap"), ReasonKind.REWORK: _("Rework"),
        }  # fmt: skip
        self._trees.clear()
        with self._trees:
            for kind in ReasonKind:
                with ui.element("section").classes("u-card u-reasons"):
                    with ui.element("div").classes("u-row"):
                        ui.label(words[kind]).classes("u-subtitle").props("role=heading aria-level=3")
                        ui.space()
                        add_button(
                            _("Add a reason"), lambda kind=kind: self._ask(kind, None), mark=f"add-reason-{kind}"
                        )
                    self._level(kind, None, 0)

    def _level(self, kind: ReasonKind, parent_id: UUID | None, depth: int) -> None:
        siblings = [one for one in self._reasons.values() if one.kind == kind and one.parent_id == parent_id]
        if not siblings:
            return
        ids = [one.id for one in siblings]
        level = ui.column(wrap=False).classes("u-reason-level").mark("reason-level")
        level.make_sortable(
            {"delay": 150, "delayOnTouchOnly": True}, handle=".u-reason__handle",
            on_end=lambda event: self._dropped(ids, event),
        )  # fmt: skip
        with level:
            for number, reason in enumerate(siblings):
                with ui.element("div").classes("u-reason-branch"):
                    self._row(kind, reason, depth, ids, number)
                    self._level(kind, reason.id, depth + 1)

    async def _dropped(self, siblings: list[UUID], event: SortableEventArguments) -> None:
        order = list(siblings)
        order.insert(event.new_index, order.pop(event.old_index))
        await self._put_in_order(order)

    async def _put_in_order(self, order: list[UUID]) -> None:
        await act(self._seat, lambda work: order_reasons(work, reason_ids=order))
        await self.load()

    def _row(self, kind: ReasonKind, reason: ReasonInfo, depth: int, siblings: list[UUID], number: int) -> None:
        _ = self._seat.translate
        with ui.element("div").classes("u-reason").style(f"--depth: {depth}") as row:
            if not reason.is_active:
                row.classes("u-reason--off")
            ui.icon("drag_indicator").classes("u-reason__handle").props["aria-hidden"] = "true"
            edit = ui.button(color=None, on_click=lambda: self._ask(kind, reason)).classes("u-button u-button--flat")
            with edit.classes("u-reason__label").mark("reason"):
                ui.label(reason.label)
                ui.label(reason.code).classes("u-muted")
            ui.label(self._loss(reason)).classes("u-reason__loss")
            self._move_button("arrow_upward", _("Move up"), siblings, number, -1)
            self._move_button("arrow_downward", _("Move down"), siblings, number, 1)

    def _loss(self, reason: ReasonInfo) -> str:
        _ = self._seat.translate
        if not reason.is_active:
            return _("Not in use")
        at: ReasonInfo | None = reason
        while at is not None and at.loss_category is None:
            at = None if at.parent_id is None else self._reasons[at.parent_id]
        if at is None:
            return _("No loss category") if reason.kind == ReasonKind.STOP else ""
        return loss_words(_)[at.loss_category or ""]

    def _move_button(self, icon: str, label: str, siblings: list[UUID], number: int, by: int) -> None:
        async def move() -> None:
            order = list(siblings)
            order[number], order[number + by] = order[number + by], order[number]
            await self._put_in_order(order)

        button = ui.button(icon=icon, color=None, on_click=move).classes("u-button u-button--flat u-reason__move")
        button.props["aria-label"] = label
        button.set_enabled(0 <= number + by < len(siblings))

    def _ask(self, kind: ReasonKind, reason: ReasonInfo | None) -> None:
        _ = self._seat.translate
        above = {
            one.id: one.label
            for one in self._reasons.values()
            if one.kind == kind and (not reason or one.id != reason.id)
        }
        with FormDialog(self._seat, _("New reason") if reason is None else reason.label) as form:
            if reason is None:
                form.text("code", _("Code"))
            form.text("label", _("What people read"), value="" if reason is None else reason.label)
            for language, name in LANGUAGE_NAMES.items():
                words = "" if reason is None else reason.translations.get(language, "")
                form.text(f"label-{language}", _("In {language}").format(language=name), value=words)
            parent = form.choice(
                "parent_id", _("Below"), above, value=None if reason is None else reason.parent_id, can_clear=True
            )
            loss = form.choice(
                "loss_category", _("Loss category"), loss_words(_),
                value=None if reason is None else reason.loss_category, can_clear=True,
            )  # fmt: skip
            loss.props["hint"] = _("Empty takes that of the reason above")
            active = None if reason is None else form.switch("is_active", _("In use"), value=reason.is_active)
            custom = CustomInputs(self._seat, form, "reason", values=None if reason is None else reason.custom)
            offer_history(form, self._seat, "reasons", reason)

        def translations() -> dict[str, str]:
            kept = {} if reason is None else dict(reason.translations)  # also languages that this form does not ask for
            return kept | {language: form.text_of(f"label-{language}") for language in LANGUAGE_NAMES}

        async def save(work: Work) -> object:
            if reason is None or active is None:
                return await add_reason(
                    work, kind=kind, code=form.text_of("code"), label=form.text_of("label"),
                translations=translations(), loss_category=loss.value,
                    parent_id=parent.value, position=len(self._reasons), custom=await custom.values(work),
                )  # fmt: skip
            return await edit_reason(
                work, reason_id=reason.id, version=reason.version, label=form.text_of("label"),
                translations=translations(),
                loss_category=loss.value, parent_id=parent.value, is_active=active.value,
                custom=await custom.values(work),
            )  # fmt: skip

        form.open_with(save, then=self.load)
