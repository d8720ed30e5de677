"""The fields that an organization adds to its things: in order, by section, beside the form that they make."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from nicegui import ui
from nicegui.events import SortableEventArguments
from starlette.responses import RedirectResponse

from domain.custom_fields.fields import FieldDefinition, FieldPlace, FieldType, in_language
from domain.errors import NotFound
from domain.events import CustomFieldConverted, CustomFieldsChanged, Event
from domain.identity.roles import Permission
from services.custom_fields.conversions import open_conversions
from services.custom_fields.entities import ENTITIES
from services.custom_fields.fields import FieldChanges, definition_of, edit_field, list_fields, order_fields
from services.db.tables import CustomConversion, CustomField
from services.db.work import Work, read
from services.plant.places import list_plants
from ui.kit.act import act
from ui.kit.enter import Seat, screen
from ui.kit.field_inputs import FieldInputs
from ui.kit.forms import Form
from ui.kit.live_page import keep_fresh
from ui.pages.admin_parts import add_button, heading, setup_page
from ui.pages.field_conversions import ask_conversion, follow_conversion, state_words
from ui.pages.field_forms import ask_field, language_words
from ui.pages.setup_words import place_words, type_icons, type_words

PATH = "/admin/fields"
FIRST = next(iter(ENTITIES))


@screen(PATH, permission=Permission.EDIT_FIELDS)
async def admin_fields(_seat: Seat) -> RedirectResponse:
    """Lead to the fields of the first kind of things."""
    return RedirectResponse(f"{PATH}/{FIRST}", status_code=303)


@screen(f"{PATH}/{{entity}}", permission=Permission.EDIT_FIELDS)
async def admin_fields_of(seat: Seat, entity: str) -> None:
    """Edit the fields of one kind of things."""
    _ = seat.translate
    if entity not in ENTITIES:
        raise NotFound(what="page")
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    with setup_page(seat, _("Custom fields"), PATH, plants=plants):
        with ui.element("nav").classes("u-row u-entities") as nav:
            for kind in ENTITIES.values():
                with ui.link(target=f"{PATH}/{kind.key}").classes("u-entities__one") as link:
                    ui.label(_(kind.words))
                if kind.key == entity:
                    link.props["aria-current"] = "page"
        nav.props["aria-label"] = _("Kinds of things")
        page = _Page(seat, entity)
    await keep_fresh(seat, load=page.load, concerns=page.concerns)


class _Page:
    """The fields, and a form with them; drawn again whenever somebody changes them."""

    def __init__(self, seat: Seat, entity: str) -> None:
        self._seat, self._entity = seat, entity
        self._rows: tuple[CustomField, ...] = ()
        self._conversions: tuple[CustomConversion, ...] = ()
        _ = seat.translate
        with ui.element("div").classes("u-row"):
            heading(_("Fields of: {things}").format(things=_(ENTITIES[entity].words)))
            ui.space()
            add_button(_("Add a field"), lambda: self._ask(None), mark="add-field")
        self._dialogs = ui.element("div")  # they outlive the row that opened them
        with ui.element("div").classes("u-fields"):
            self._list = ui.element("div").classes("u-column")
            self._preview = _Preview(seat, entity)

    def concerns(self, event: Event) -> bool:
        """Tell whether the fields changed."""
        return isinstance(event, CustomFieldsChanged | CustomFieldConverted) and event.entity == self._entity

    @property
    def _definitions(self) -> tuple[FieldDefinition, ...]:
        return tuple(definition_of(row) for row in self._rows)

    async def load(self) -> None:
        """Show the fields of now."""
        async with read(self._seat.scope()) as work:
            self._rows = await list_fields(work, entity=self._entity)
            self._conversions = await open_conversions(work, entity=self._entity)
        _ = self._seat.translate
        in_use = [row for row in self._rows if row.is_active]
        retired = [row for row in self._rows if not row.is_active]
        self._list.clear()
        with self._list:
            for conversion in self._conversions:
                self._open_conversion(conversion)
            if not in_use:
                with ui.element("div").classes("u-empty"):
                    ui.icon("dynamic_form").classes("u-empty__icon")
                    ui.label(_("There is no field yet")).classes("u-title")
                    ui.label(_("Add the first one; it appears in forms, tables and the API at once."))
            else:
                self._sortable(in_use)
            if retired:
                ui.label(_("Out of use")).classes("u-subtitle").props("role=heading aria-level=3")
                ui.label(_("Things keep what they hold in them.")).classes("u-muted")
                for row in retired:
                    self._retired(row)
        self._preview.show([definition_of(row) for row in in_use])

    def _open_conversion(self, conversion: CustomConversion) -> None:
        _ = self._seat.translate
        row = next((row for row in self._rows if row.id == conversion.field_id), None)
        if row is None:
            return
        with ui.element("div").classes("u-note").mark("open-conversion"):
            ui.icon("swap_horiz")
            sentence = _("The type of “{field}” is being changed: {state}").format(
                field=definition_of(row).label(self._seat.lang), state=state_words(_)[conversion.state]
            )
            ui.label(sentence).classes("u-note__text")
            show = ui.button(_("Show"), color=None, on_click=lambda: self._follow(conversion.id))
            show.classes("u-button").mark("show-conversion")

    def _sortable(self, rows: Sequence[CustomField]) -> None:
        ids = [row.id for row in rows]
        level = ui.column(wrap=False).classes("u-field-list").mark("field-list")
        level.make_sortable(
            {"delay": 150, "delayOnTouchOnly": True}, handle=".u-reason__handle",
            on_end=lambda event: self._dropped(ids, event),
        )  # fmt: skip
        with level:
            for number, row in enumerate(rows):
                self._row(row, ids, number, before=rows[number - 1] if number else None)

    def _row(self, row: CustomField, ids: list[UUID], number: int, *, before: CustomField | None) -> None:
        _, lang, one = self._seat.translate, self._seat.lang, definition_of(row)
        section = in_language(one.section, lang)
        with ui.element("div").classes("u-field-row").mark("field-row"):
            if section and (before is None or in_language(before.section, lang) != section):
                ui.label(section).classes("u-field-row__section")
            with ui.element("div").classes("u-field-row__main"):
                ui.icon("drag_indicator").classes("u-reason__handle").props["aria-hidden"] = "true"
                edit = ui.button(color=None, on_click=lambda: self._ask(one))
                edit.classes("u-button u-button--flat u-field-row__name").mark("edit-field")
                with edit:
                    ui.icon(type_icons()[one.type])
                    with ui.element("span").classes("u-field-row__words"):
                        ui.label(one.label(lang) + (" *" if one.is_required else ""))
                        ui.label(self._about(one)).classes("u-muted")
                with ui.element("div").classes("u-field-row__buttons"):
                    self._move_button("arrow_upward", _("Move up"), ids, number, -1)
                    self._move_button("arrow_downward", _("Move down"), ids, number, 1)
                    with ui.button(icon="more_vert", color=None).classes("u-button u-button--flat") as more, ui.menu():
                        convert = ui.menu_item(_("Change the type …"), on_click=lambda: self._convert(one))
                        convert.classes("u-menu-item").mark("convert-field")
                        retire = ui.menu_item(_("Take out of use"), on_click=lambda: self._use(row, is_active=False))
                        retire.classes("u-menu-item").mark("retire-field")
                    more.props["aria-label"] = _("More")
                    more.mark("field-more")

    def _ask(self, one: FieldDefinition | None) -> None:
        with self._dialogs:
            ask_field(self._seat, self._entity, one, self._definitions)

    def _convert(self, one: FieldDefinition) -> None:
        with self._dialogs:
            ask_conversion(self._seat, self._entity, one, place=self._dialogs)

    def _follow(self, conversion_id: UUID) -> None:
        with self._dialogs:
            follow_conversion(self._seat, conversion_id)

    def _about(self, one: FieldDefinition) -> str:
        _ = self._seat.translate
        words = place_words(_)
        shown = ", ".join(words[place] for place in FieldPlace if place in one.shown_in)
        return f"{one.key} · {type_words(_)[one.type]}" + (f" · {shown}" if shown else "")

    def _retired(self, row: CustomField) -> None:
        _, one = self._seat.translate, definition_of(row)
        with ui.element("div").classes("u-field-row u-field-row--off u-field-row__main").mark("retired-field"):
            ui.icon(type_icons()[one.type])
            with ui.element("span").classes("u-field-row__words"):
                ui.label(one.label(self._seat.lang))
                ui.label(f"{one.key} · {type_words(_)[one.type]}").classes("u-muted")
            ui.space()
            again = ui.button(
                _("Use again"), icon="restore", color=None, on_click=lambda: self._use(row, is_active=True)
            )
            again.classes("u-button u-button--flat").mark("reuse-field")

    async def _use(self, row: CustomField, *, is_active: bool) -> None:
        _, changes = self._seat.translate, FieldChanges(is_active=is_active)
        saved = _("In use again") if is_active else _("Out of use; things keep what they hold")
        await act(
            self._seat,
            lambda work: edit_field(work, field_id=row.id, version=row.version, changes=changes),
            saved=saved,
        )

    async def _dropped(self, siblings: list[UUID], event: SortableEventArguments) -> None:
        order = list(siblings)
        order.insert(event.new_index, order.pop(event.old_index))
        await self._put_in_order(order)

    async def _put_in_order(self, order: list[UUID]) -> None:
        await act(self._seat, partial(_order, entity=self._entity, ids=order))
        await self.load()

    def _move_button(self, icon: str, label: str, ids: list[UUID], number: int, by: int) -> None:
        async def move() -> None:
            order = list(ids)
            order[number], order[number + by] = order[number + by], order[number]
            await self._put_in_order(order)

        button = ui.button(icon=icon, color=None, on_click=move).classes("u-button u-button--flat u-reason__move")
        button.mark(f"move-{'up' if by < 0 else 'down'}").props["aria-label"] = label
        button.set_enabled(0 <= number + by < len(ids))


class _Preview:
    """The form as people will meet it, in either language; what is typed here goes nowhere."""

    def __init__(self, seat: Seat, entity: str) -> None:
        self._seat, self._entity, self._fields = seat, entity, tuple[FieldDefinition, ...]()
        _ = seat.translate
        with ui.element("section").classes("u-card u-column u-fields__preview") as card:
            with ui.element("div").classes("u-row"):
                ui.label(_("Preview")).classes("u-subtitle").props("role=heading aria-level=3")
                ui.space()
                self._language = ui.toggle(language_words(_), value=seat.lang).props("no-caps")
                self._language.on_value_change(self._draw)
                self._language.classes("u-toggle").mark("preview-language")
            self._form = ui.element("div").classes("u-form__fields").mark("preview")
        card.props["aria-label"] = _("Preview")

    def show(self, fields: Sequence[FieldDefinition]) -> None:
        """Show the form that these fields make."""
        self._fields = tuple(one for one in fields if FieldPlace.FORM in one.shown_in)
        self._draw()

    def _draw(self) -> None:
        inputs = FieldInputs(self._seat, Form(self._seat), self._entity, zone="UTC", language=str(self._language.value))
        self._form.clear()
        with self._form:
            inputs.draw(self._fields, {one.key: one.default for one in self._fields if one.type is not FieldType.FILE})
            if not self._fields:
                ui.label(self._seat.translate("No field is shown in forms.")).classes("u-muted")


async def _order(work: Work, *, entity: str, ids: list[UUID]) -> bool:
    await order_fields(work, entity=entity, field_ids=ids)
    return True
