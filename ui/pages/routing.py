"""How each plant makes a material: its routings by revision, read as cards, drafts edited in place."""

from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from nicegui import ui

from domain.identity.roles import Permission
from domain.production.routings import RoutingState, RoutingStep
from services.db.tables import Routing
from services.db.work import Work
from services.plant.places import PlantPlace
from services.production.material_queries import MaterialView, PlacedStep, Revision, WorkCentre
from services.production.routings import activate_routing, draft_routing, edit_routing, revise_routing
from ui.kit.act import act
from ui.kit.enter import Seat
from ui.pages.histories import history_button
from ui.pages.routing_editor import RoutingEditor
from ui.pages.routing_words import STATE_ICONS, report_words, state_words, time_words, transfer_words

Changed = Callable[[], Awaitable[None]]


async def _unheard() -> None:
    """Change nothing; until somebody listens."""


class RoutingSections:
    """A section per plant: what is active, drafts, and what was active once."""

    def __init__(self, seat: Seat, plants: tuple[PlantPlace, ...], centres: tuple[WorkCentre, ...]) -> None:
        self._seat, self._plants, self._centres = seat, plants, centres
        self._changed: Changed = _unheard
        self._editing: UUID | None = None
        self._box = ui.element("div").classes("u-column")

    def on_change(self, changed: Changed) -> None:
        """Call this after every change that was saved."""
        self._changed = changed

    def show(self, view: MaterialView) -> None:
        """Draw the routings of a material as they are now; the draft that was just made is open for editing."""
        self._box.clear()
        with self._box:
            for plant in self._plants:
                _Section(self, view, plant).draw()
        self._editing = None

    @property
    def seat(self) -> Seat:
        """Who looks."""
        return self._seat

    def may_edit(self, view: MaterialView, plant_id: UUID) -> bool:
        """Tell whether routings of the material may be written in a plant by who looks."""
        return view.is_active and self._seat.viewer.scope.may_in(plant_id, Permission.EDIT_ORDERS)

    def is_editing(self, revision: Revision) -> bool:
        """Tell whether a draft was just made to be edited."""
        return revision.id == self._editing

    def centres_of(self, plant: PlantPlace) -> tuple[WorkCentre, ...]:
        """Return where operations can be planned in a plant."""
        return tuple(centre for centre in self._centres if centre.plant_id == plant.id)

    async def changed(self, editing: UUID | None = None) -> None:
        """Show what was saved, with a draft open where one is to be edited next."""
        self._editing = editing
        await self._changed()


class _Section:
    def __init__(self, sections: RoutingSections, view: MaterialView, plant: PlantPlace) -> None:
        self._sections, self._view, self._plant = sections, view, plant
        self._seat = sections.seat
        self._revisions = [one for one in view.revisions if one.plant_id == plant.id]

    def draw(self) -> None:
        _ = self._seat.translate
        may_edit = self._sections.may_edit(self._view, self._plant.id)
        with ui.element("section").classes("u-column").mark(f"routings-{self._plant.code}"):
            with ui.element("div").classes("u-row"):
                title = _("Routing in {plant}").format(plant=self._plant.name)
                ui.label(title).classes("u-subtitle").props("role=heading aria-level=2")
                ui.space()
                if may_edit:
                    add = ui.button(_("New routing"), icon="add", color=None, on_click=self._write_new)
                    add.classes("u-button").mark("new-routing")
            self._new = ui.element("div")
            if not self._revisions:
                with ui.element("div").classes("u-card u-muted") as self._nothing:
                    ui.label(
                        _("Nobody has written down yet how this plant makes it. Orders can be released after that.")
                    )
            past = [one for one in self._revisions if one.state is RoutingState.RETIRED]
            for revision in self._revisions:
                if revision not in past:
                    self._card(revision)
            if past:
                with ui.expansion(_("Former revisions"), icon="history").classes("u-routing__past"):
                    for revision in past:
                        self._card(revision)

    def _write_new(self) -> None:
        async def save(work: Work, steps: tuple[RoutingStep, ...]) -> Routing:
            return await draft_routing(work, plant_id=self._plant.id, material_id=self._view.id, operations=steps)

        self._new.clear()
        with self._new, ui.element("article").classes("u-card u-routing").mark("routing-new"):
            ui.label(self._seat.translate("New routing")).classes("u-subtitle").props("role=heading aria-level=3")
            self._editor((), save, on_cancel=self._new.clear)

    def _card(self, revision: Revision) -> None:
        _ = self._seat.translate
        with ui.element("article").classes("u-card u-routing").mark(f"routing-{revision.revision}") as card:
            card.props["data-routing-state"] = revision.state.value
            with ui.element("div").classes("u-row"):
                ui.icon(STATE_ICONS[revision.state]).classes("u-routing__icon")
                name = _("Revision {revision}").format(revision=revision.revision)
                words = state_words(_)[revision.state]
                ui.label(f"{name} · {words}").classes("u-subtitle").props("role=heading aria-level=3")
                ui.space()
                history_button(self._seat, "routings", revision.id, title=f"{self._view.number} · {name}")
                actions = ui.element("div").classes("u-row")
            body = ui.element("div").classes("u-column")
        if self._sections.may_edit(self._view, self._plant.id):
            with actions:
                self._buttons(revision, body, actions)
        if self._sections.is_editing(revision):
            self._edit(revision, body, actions)
        else:
            with body:
                _steps(self._seat, revision.steps)

    def _buttons(self, revision: Revision, body: ui.element, actions: ui.element) -> None:
        _ = self._seat.translate
        if revision.state is RoutingState.DRAFT:
            edit = ui.button(_("Edit"), icon="edit", color=None, on_click=partial(self._edit, revision, body, actions))
            edit.classes("u-button").mark("edit-routing")
            activate = ui.button(
                _("Activate"), icon="check_circle", color=None, on_click=partial(self._activate, revision)
            )
            activate.classes("u-button").mark("activate-routing")
            return
        revise = ui.button(
            _("Edit as a new revision"), icon="edit_note", color=None, on_click=partial(self._revise, revision)
        )
        revise.classes("u-button").mark("revise-routing")

    def _edit(self, revision: Revision, body: ui.element, actions: ui.element) -> None:
        async def save(work: Work, steps: tuple[RoutingStep, ...]) -> Routing:
            return await edit_routing(work, routing_id=revision.id, version=revision.version, operations=steps)

        def cancel() -> None:
            body.clear()
            actions.visible = True
            with body:
                _steps(self._seat, revision.steps)

        actions.visible = False
        body.clear()
        with body:
            self._editor(tuple(one.step for one in revision.steps), save, on_cancel=cancel)

    def _editor(
        self,
        steps: tuple[RoutingStep, ...],
        save: Callable[[Work, tuple[RoutingStep, ...]], Awaitable[Routing]],
        *,
        on_cancel: Callable[[], object],
    ) -> None:
        _ = self._seat.translate
        editor = RoutingEditor(self._seat, self._sections.centres_of(self._plant), steps)

        async def save_draft() -> None:
            if await editor.save(lambda work: save(work, editor.steps()), saved=_("Draft saved")):
                await self._sections.changed()

        async def save_and_activate() -> None:
            async def do(work: Work) -> Routing:
                routing = await save(work, editor.steps())
                return await activate_routing(work, routing_id=routing.id)

            if await editor.save(do, saved=_("Activated")):
                await self._sections.changed()

        ui.label(self._consequence()).classes("u-muted")
        with ui.element("div").classes("u-dialog__actions"):
            cancel = ui.button(_("Cancel"), color=None, on_click=on_cancel)
            cancel.classes("u-button u-button--flat").mark("cancel-routing")
            activate = ui.button(_("Save and activate"), icon="check_circle", color=None, on_click=save_and_activate)
            activate.classes("u-button").mark("save-and-activate")
            keep = ui.button(_("Save draft"), icon="save", color=None, on_click=save_draft)
            keep.classes("u-button u-button--primary").mark("save-draft")

    async def _revise(self, revision: Revision) -> None:
        routing = await act(self._seat, lambda work: revise_routing(work, routing_id=revision.id))
        if routing is not None:
            await self._sections.changed(editing=routing.id)

    async def _activate(self, revision: Revision) -> None:
        _ = self._seat.translate
        with ui.dialog() as dialog, ui.card().classes("u-dialog"):
            title = _("Activate revision {revision}?").format(revision=revision.revision)
            ui.label(title).classes("u-title").props("role=heading aria-level=2")
            ui.label(self._consequence())
            with ui.element("div").classes("u-dialog__actions"):
                cancel = ui.button(_("Cancel"), color=None, on_click=dialog.close)
                cancel.classes("u-button u-button--flat").mark("cancel")
                sure = ui.button(_("Activate"), icon="check_circle", color=None, on_click=lambda: dialog.submit(True))
                sure.classes("u-button u-button--primary").mark("confirm-activation")
        is_sure = await dialog
        dialog.delete()
        if not is_sure:
            return
        do = partial(activate_routing, routing_id=revision.id)
        if await act(self._seat, do, saved=_("Activated")) is not None:
            await self._sections.changed()

    def _consequence(self) -> str:
        _ = self._seat.translate
        active = next((one for one in self._revisions if one.state is RoutingState.ACTIVE), None)
        if active is None:
            return _("Once it is active, orders are made this way from their release on.")
        return _(
            "Once it is active, orders are made this way from their release on and revision {revision} retires. "
            "Orders that were released before keep their operations."
        ).format(revision=active.revision)


def _steps(seat: Seat, steps: tuple[PlacedStep, ...]) -> None:
    names = {one.step.sequence: one.step.name for one in steps}
    with ui.element("ol").classes("u-routing__steps"):
        for placed in steps:
            _step(seat, placed, names)


def _step(seat: Seat, placed: PlacedStep, names: dict[int, str]) -> None:
    _ = seat.translate
    step = placed.step
    with ui.element("li").classes("u-routing__step"):
        ui.label(str(step.sequence)).classes("u-routing__sequence")
        with ui.element("div").classes("u-routing__name"):
            ui.label(step.name).classes("u-subtitle")
            with ui.element("span").classes("u-material__word"):
                ui.icon("view_week" if step.lane_id else "precision_manufacturing")
                ui.label(f"{placed.place_code} · {placed.place_name}")
        with ui.element("dl").classes("u-routing__facts"):
            _fact(_("Setup"), time_words(step.setup_time_s, seat.number_locale))
            per_piece = _("not planned") if step.run_time_s is None else time_words(step.run_time_s, seat.number_locale)
            _fact(_("Run time per piece"), per_piece)
            waits_for = ", ".join(f"{sequence} {names[sequence]}" for sequence in step.predecessors or ())
            _fact(_("Waits for"), waits_for or _("nothing"))
            _fact(_("Hands on"), transfer_words(_)[step.transfer])
            if step.required_reports:
                reports = [words for one, words in report_words(_).items() if one in step.required_reports]
                _fact(_("Must report"), ", ".join(reports))
        if step.instructions:
            with ui.expansion(_("Instructions"), icon="menu_book").classes("u-routing__instructions"):
                ui.label(step.instructions).classes("u-routing__text")


def _fact(label: str, value: str) -> None:
    with ui.element("div"):
        with ui.element("dt"):
            ui.label(label)
        with ui.element("dd"):
            ui.label(value)
