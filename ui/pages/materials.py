"""What is made: a list of materials, and one material with how each plant makes it."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote, urlencode

from nicegui import events, ui

from domain.errors import NotFound
from domain.identity.roles import Permission
from services.db.tables import Material
from services.db.work import Work, read
from services.plant.places import PlantPlace, list_plants
from services.production.material_queries import (
    MaterialOrder,
    MaterialRow,
    MaterialRows,
    MaterialView,
    list_material_rows,
    list_work_centres,
    load_material,
)
from services.production.materials import add_material, edit_material
from ui.kit.act import act
from ui.kit.custom_inputs import CustomInputs
from ui.kit.enter import Seat, screen
from ui.kit.forms import FormDialog
from ui.kit.framed import framed, framed_at
from ui.pages.plant_choice import plant_choice
from ui.pages.routing import RoutingSections

ROWS = 50
FARTHEST_PAGE = 10_000
# The address of a row stands in it; on a phone a row is a card.
NUMBER_CELL = '<q-td :props="props"><a class="u-link" :href="props.row.href">{{ props.value }}</a></q-td>'
WORD_CELL = """
<q-td :props="props"><span class="u-material__word"><q-icon :name="props.row.{name}_icon" aria-hidden="true" />
{{{{ props.value }}}}</span></q-td>
"""
CARD = """
<div class="col-12 u-material__cell"><a class="u-card u-material" :href="props.row.href">
  <strong>{{ props.row.number }}</strong><span>{{ props.row.description }}</span>
  <span class="u-material__word"><q-icon :name="props.row.routing_icon" aria-hidden="true" />
    {{ props.row.routing }} · {{ props.row.unit }} · {{ props.row.active }}</span>
</a></div>
"""


@screen("/materials", permission=Permission.READ_ORDERS)
async def materials(
    seat: Seat, plant: str | None = None, q: str = "", sort: str = "number", down: bool = False, page: int = 1
) -> None:
    """Show the materials, and whether a plant can make them, the first one unless its code is given."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    chosen = next((one for one in plants if plant in {None, one.code}), None)
    if chosen is None:
        if plant is not None:
            raise NotFound(what="plant")
        with framed(seat, _("Materials"), active="materials"), ui.element("div").classes("u-empty"):
            ui.icon("factory")
            ui.label(_("There is no plant yet")).classes("u-title")
        return
    order = MaterialOrder(sort) if sort in set(MaterialOrder) else MaterialOrder.NUMBER
    with framed(seat, _("Materials"), active="materials", plant=chosen.name, zone=chosen.time_zone):
        plant_choice(plants, chosen, path="/materials", by_query=True)
        table = _MaterialTable(seat, chosen, search=q, order=order, is_descending=down)
        await table.turn_to(min(max(page, 1), FARTHEST_PAGE))


@screen("/materials/{key}", permission=Permission.READ_ORDERS)
async def material(seat: Seat, key: str) -> None:
    """Show one material by its number or id."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        view = await load_material(work, key=key)
        plants = await list_plants(work)
        centres = await list_work_centres(work)
    with framed_at(seat, view.number, active="materials", plants=plants):
        with ui.link(target="/materials").classes("u-link u-material__back"):
            ui.icon("arrow_back")
            ui.label(_("All materials"))
        head = ui.element("section").classes("u-card u-material__head").mark("material-head")
        sections = RoutingSections(seat, plants, centres)

    async def load(_edited: object = None) -> None:
        found = await act(seat, lambda work: load_material(work, key=str(view.id)))
        if found is not None:
            show(found)

    def show(found: MaterialView) -> None:
        head.clear()
        with head:
            _head(seat, found, load)
        sections.show(found)

    sections.on_change(load)
    show(view)


def material_path(material: MaterialRow | MaterialView | Material) -> str:
    """Return the address of a material: its number, or its id where an address cannot hold the number."""
    can_stand = "/" not in material.number and material.number.strip(".")
    return f"/materials/{quote(material.number, safe='') if can_stand else material.id}"


class _MaterialTable:
    """A page of materials, its search and its order; all of it stands in the address."""

    def __init__(
        self, seat: Seat, plant: PlantPlace, *, search: str, order: MaterialOrder, is_descending: bool
    ) -> None:
        self._seat, self._plant = seat, plant
        self._order, self._is_descending = order, is_descending
        _ = seat.translate
        with ui.element("div").classes("u-row"):
            self._search = ui.input(_("Search materials"), value=search, on_change=self._first)
            self._search.classes("u-field u-material__search").props("outlined clearable debounce=250 type=search")
            self._search.mark("material-search")
            ui.space()
            if seat.viewer.scope.may(Permission.EDIT_ORDERS):
                add = ui.button(_("New material"), icon="add", color=None, on_click=lambda: _ask_new(seat))
                add.classes("u-button u-button--primary").mark("new-material")
        self._table = ui.table(columns=self._columns(), rows=[], row_key="number", pagination=ROWS)
        self._table.classes("u-table u-materials").props("binary-state-sort")
        self._table.props[":grid"] = "window.innerWidth < 600"
        self._table.props["rows-per-page-options"] = [ROWS]
        self._table.mark("materials").on("request", self._asked)
        self._table.add_slot("body-cell-number", NUMBER_CELL)
        for name in ("active", "routing"):
            self._table.add_slot(f"body-cell-{name}", WORD_CELL.format(name=name))
        self._table.add_slot("item", CARD)
        with ui.element("div").classes("u-empty").mark("no-materials") as self._nothing:
            ui.icon("inventory_2").classes("u-empty__icon")
            self._why = ui.label().classes("u-title")
            self._what_now = ui.label().classes("u-muted")

    async def turn_to(self, page: int) -> None:
        """Show a page of what the search finds, or the last one where there are not so many."""
        found = await self._found(page)
        if found is None:
            return
        last = max(1, -(-found.total // ROWS))
        if page > last:
            await self.turn_to(last)
            return
        self._table.rows = [self._row(row) for row in found.rows]
        self._table.pagination = {
            "page": page, "rowsPerPage": ROWS, "rowsNumber": found.total,
            "sortBy": self._order.value, "descending": self._is_descending,
        }  # fmt: skip
        self._table.visible, self._nothing.visible = bool(found.rows), not found.rows
        self._say_why_nothing()
        self._write_address(page)

    async def _found(self, page: int) -> MaterialRows | None:
        async def do(work: Work) -> MaterialRows:
            return await list_material_rows(
                work,
                plant_id=self._plant.id,
                words=self._search.value or "",
                order=self._order,
                is_descending=self._is_descending,
                offset=(page - 1) * ROWS,
                limit=ROWS,
            )

        return await act(self._seat, do)

    async def _first(self) -> None:
        await self.turn_to(1)

    async def _asked(self, event: events.GenericEventArguments) -> None:
        wanted: dict[str, Any] = event.args["pagination"]
        order, is_descending = MaterialOrder(wanted["sortBy"] or MaterialOrder.NUMBER), bool(wanted["descending"])
        is_sorted_anew = (order, is_descending) != (self._order, self._is_descending)
        self._order, self._is_descending = order, is_descending
        await self.turn_to(1 if is_sorted_anew else max(1, int(wanted["page"])))

    def _write_address(self, page: int) -> None:
        said = {"q": self._search.value or "", "sort": self._order.value, "down": int(self._is_descending)}
        usual = {"q": "", "sort": MaterialOrder.NUMBER.value, "down": 0, "page": 1}
        query = {key: value for key, value in {**said, "page": page}.items() if value != usual[key]}
        ui.navigate.history.replace(f"/materials?{urlencode({'plant': self._plant.code, **query})}")

    def _say_why_nothing(self) -> None:
        _ = self._seat.translate
        if self._search.value:
            self._why.text = _("No material fits")
            self._what_now.text = _("Search for other words: a part of the number or of the description is enough.")
        else:
            self._why.text = _("There is no material yet")
            self._what_now.text = _("Add what you make first, then write down how it is made. Orders need both.")

    def _columns(self) -> list[dict[str, object]]:
        _ = self._seat.translate
        words = {
            MaterialOrder.NUMBER: _("Number"),
            MaterialOrder.DESCRIPTION: _("Description"),
            MaterialOrder.UNIT: _("Unit"),
            MaterialOrder.ACTIVE: _("Active"),
            MaterialOrder.ROUTING: _("Routing in {plant}").format(plant=self._plant.name),
        }
        return [
            {"name": key.value, "label": word, "field": key.value, "align": "left", "sortable": True}
            for key, word in words.items()
        ]

    def _row(self, row: MaterialRow) -> dict[str, object]:
        _ = self._seat.translate
        if not row.has_routing:
            routing = _("No active routing")
        elif row.operations == 1:
            routing = _("1 operation")
        else:
            routing = _("{count} operations").format(count=row.operations)
        return {
            "number": row.number,
            "href": material_path(row),
            "description": row.description,
            "unit": row.unit,
            "active": _active_word(self._seat, row.is_active),
            "active_icon": "check" if row.is_active else "block",
            "routing": routing,
            "routing_icon": "route" if row.has_routing else "warning",
        }


def _active_word(seat: Seat, is_active: bool) -> str:
    return seat.translate("Active") if is_active else seat.translate("Not made any more")


def _head(seat: Seat, view: MaterialView, load: Callable[[object], Awaitable[None]]) -> None:
    _ = seat.translate
    with ui.element("div").classes("u-material__names"):
        ui.label(view.number).classes("u-title")
        if view.description:
            ui.label(view.description)
        with ui.element("span").classes("u-material__word"):
            ui.icon("check" if view.is_active else "block")
            ui.label(f"{_active_word(seat, view.is_active)} · {_('Unit')}: {view.unit}")
    if seat.viewer.scope.may(Permission.EDIT_ORDERS):
        edit = ui.button(_("Edit"), icon="edit", color=None, on_click=lambda: _ask_edit(seat, view, load))
        edit.classes("u-button").mark("edit-material")


def _ask_new(seat: Seat) -> None:
    _ = seat.translate
    with FormDialog(seat, _("New material")) as form:
        form.text("number", _("Number"))
        form.text("unit", _("Unit"), value=_("pcs"), hint=_("Such as pcs, m or kg"))
        form.text("description", _("Description")).classes("u-form__wide")
        custom = CustomInputs(seat, form, "material")

    async def do(work: Work) -> Material:
        return await add_material(
            work,
            number=form.text_of("number"),
            unit=form.text_of("unit"),
            description=form.text_of("description"),
            custom=await custom.values(work),
        )

    async def open_it(added: Material) -> None:
        ui.navigate.to(material_path(added))

    form.open_with(do, then=open_it)


def _ask_edit(seat: Seat, view: MaterialView, load: Callable[[object], Awaitable[None]]) -> None:
    _ = seat.translate
    with FormDialog(seat, _("Edit material")) as form:
        form.text("number", _("Number"), value=view.number)
        form.text("unit", _("Unit"), value=view.unit, hint=_("Orders keep the unit they were planned in."))
        form.text("description", _("Description"), value=view.description).classes("u-form__wide")
        is_active = form.switch("is_active", _("Is made; orders can be planned"), value=view.is_active)
        custom = CustomInputs(seat, form, "material", values=view.custom)

    async def do(work: Work) -> Material:
        return await edit_material(
            work,
            material_id=view.id,
            version=view.version,
            number=form.text_of("number"),
            unit=form.text_of("unit"),
            description=form.text_of("description"),
            is_active=bool(is_active.value),
            custom=await custom.values(work),
        )

    form.open_with(do, then=load)
