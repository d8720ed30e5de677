"""What is made: a list of materials, and one material with how each plant makes it."""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from nicegui import ui

from domain.custom_fields.filters import FieldSort
from domain.errors import NotFound
from domain.identity.roles import Permission
from services.db.tables import Material
from services.db.work import Work, read
from services.plant.places import PlantPlace, list_plants
from services.production.material_queries import MaterialView, list_work_centres, load_material
from services.production.material_tables import MaterialOrder, MaterialRow, list_material_rows
from services.production.materials import add_material, edit_material
from ui.kit.act import act
from ui.kit.custom_facts import CustomFacts
from ui.kit.custom_inputs import CustomInputs
from ui.kit.enter import Seat, screen
from ui.kit.forms import FormDialog
from ui.kit.framed import framed, framed_at
from ui.kit.server_tables import ServerTable, TableColumn, TableRows, TableSetting, TableWish, address_of
from ui.pages.admin_imports import import_buttons
from ui.pages.histories import history_section
from ui.pages.nothing_yet import nothing_yet
from ui.pages.plant_choice import plant_choice
from ui.pages.print_links import print_link
from ui.pages.routing import RoutingSections

# The address of a row stands in it; on a phone a row is a card.
NUMBER_CELL = '<q-td :props="props"><a class="u-link" :href="props.row.href">{{ props.value }}</a></q-td>'
WORD_CELL = """
<q-td :props="props"><span class="u-material__word"><q-icon :name="props.row.{name}_icon" aria-hidden="true" />
{{{{ props.value }}}}</span></q-td>
"""
CARD = """
<strong>{{ props.row.number }}</strong><span>{{ props.row.description }}</span>
<span class="u-material__word"><q-icon :name="props.row.routing_icon" aria-hidden="true" />
  {{ props.row.routing }} · {{ props.row.unit }} · {{ props.row.active }}</span>
"""


@screen("/materials", permission=Permission.READ_ORDERS)
async def materials(seat: Seat, plant: str | None = None) -> None:
    """Show the materials, and whether a plant can make them, the first one unless its code is given."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    chosen = next((one for one in plants if plant in {None, one.code}), None)
    if chosen is None:
        if plant is not None:
            raise NotFound(what="plant")
        with framed(seat, _("Materials"), active="materials"):
            nothing_yet(seat, _("There is no plant yet"), icon="inventory_2")
        return
    with framed(seat, _("Materials"), active="materials", plant=chosen.name, zone=chosen.time_zone):
        plant_choice(plants, chosen, path="/materials", by_query=True)
        table = _table(seat, chosen)
    await table.follow()


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
        history = history_section(seat, "materials", view.id, zone=plants[0].time_zone if plants else "UTC")

    async def load(_edited: object = None) -> None:
        found = await act(seat, lambda work: load_material(work, key=str(view.id)))
        if found is not None:
            show(found)
            await history.load()

    def show(found: MaterialView) -> None:
        head.clear()
        with head:
            _head(seat, found, load, plants[0].time_zone if plants else "UTC")
        sections.show(found)

    sections.on_change(load)
    show(view)
    await history.load()


def material_path(material: MaterialRow | MaterialView | Material) -> str:
    """Return the address of a material: its number, or its id where an address cannot hold the number."""
    can_stand = "/" not in material.number and material.number.strip(".")
    return f"/materials/{quote(material.number, safe='') if can_stand else material.id}"


def _table(seat: Seat, plant: PlantPlace) -> ServerTable:
    """Draw the materials, and whether a plant can make them."""
    _ = seat.translate

    async def load(work: Work, wish: TableWish) -> TableRows:
        order = wish.order if isinstance(wish.order, FieldSort) else MaterialOrder(wish.order)
        found = await list_material_rows(
            work,
            plant_id=plant.id,
            words=wish.words,
            filters=wish.filters,
            order=order,
            is_descending=wish.is_descending,
            offset=wish.offset,
            limit=wish.limit,
        )
        cells = [_cells(seat, row) for row in found.rows]
        return TableRows(found.total, found.has_more, cells, [row.custom for row in found.rows])

    routing = _("Routing in {plant}").format(plant=plant.name)
    setting = TableSetting(
        entity="material",
        path="/materials",
        usual_order=MaterialOrder.NUMBER.value,
        is_usually_descending=False,
        columns=(
            TableColumn(MaterialOrder.NUMBER.value, _("Number"), cell=NUMBER_CELL),
            TableColumn(MaterialOrder.DESCRIPTION.value, _("Description")),
            TableColumn(MaterialOrder.UNIT.value, _("Unit")),
            TableColumn(MaterialOrder.ACTIVE.value, _("Active"), cell=WORD_CELL.format(name="active")),
            TableColumn(MaterialOrder.ROUTING.value, routing, cell=WORD_CELL.format(name="routing")),
        ),
        load=load,
        card=CARD,
        search_label=_("Search materials"),
        nothing_yet=_("There is no material yet"),
        nothing_yet_hint=_("Add what you make first, then write down how it is made. Orders need both."),
        nothing_fits=_("No material fits"),
        zone=plant.time_zone,
        mark="material",
        kept=lambda: {"plant": plant.code},
    )
    table = ServerTable(seat, setting, address_of(seat))
    if seat.viewer.scope.may(Permission.EDIT_ORDERS):
        with table.tail:
            import_buttons(seat, ("materials",), then=table.first)
            add = ui.button(_("New material"), icon="add", color=None, on_click=lambda: _ask_new(seat, plant.time_zone))
            add.classes("u-button u-button--primary").mark("new-material")
    return table


def _cells(seat: Seat, row: MaterialRow) -> dict[str, object]:
    _ = seat.translate
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
        "active": _active_word(seat, row.is_active),
        "active_icon": "check" if row.is_active else "block",
        "routing": routing,
        "routing_icon": "route" if row.has_routing else "warning",
    }


def _active_word(seat: Seat, is_active: bool) -> str:
    return seat.translate("Active") if is_active else seat.translate("Not made any more")


def _head(seat: Seat, view: MaterialView, load: Callable[[object], Awaitable[None]], zone: str) -> None:
    _ = seat.translate
    with ui.element("div").classes("u-material__names"):
        ui.label(view.number).classes("u-title")
        if view.description:
            ui.label(view.description)
        with ui.element("span").classes("u-material__word"):
            ui.icon("check" if view.is_active else "block")
            ui.label(f"{_active_word(seat, view.is_active)} · {_('Unit')}: {view.unit}")
        CustomFacts(seat, "material", view.id, zone=zone)
    print_link(_("Labels"), "qr_code_2", f"/materials/{view.id}/labels.pdf", mark="print-labels")
    if seat.viewer.scope.may(Permission.EDIT_ORDERS):
        edit = ui.button(_("Edit"), icon="edit", color=None, on_click=lambda: _ask_edit(seat, view, load, zone))
        edit.classes("u-button").mark("edit-material")


def _ask_new(seat: Seat, zone: str) -> None:
    _ = seat.translate
    with FormDialog(seat, _("New material")) as form:
        form.text("number", _("Number"))
        form.text("unit", _("Unit"), value=_("pcs"), hint=_("Such as pcs, m or kg"))
        form.text("description", _("Description")).classes("u-form__wide")
        custom = CustomInputs(seat, form, "material", zone=zone)

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


def _ask_edit(seat: Seat, view: MaterialView, load: Callable[[object], Awaitable[None]], zone: str) -> None:
    _ = seat.translate
    with FormDialog(seat, _("Edit material")) as form:
        form.text("number", _("Number"), value=view.number)
        form.text("unit", _("Unit"), value=view.unit, hint=_("Orders keep the unit they were planned in."))
        form.text("description", _("Description"), value=view.description).classes("u-form__wide")
        is_active = form.switch("is_active", _("Is made; orders can be planned"), value=view.is_active)
        custom = CustomInputs(seat, form, "material", values=view.custom, zone=zone)

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
