"""Tables of any length: the server finds each page, and search, filters, order, columns and page stand in the address.

The organization's own fields are columns and filters like the table's own.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from nicegui import events, ui

from domain.custom_fields.fields import PREFIX, UNSORTED, FieldDefinition, FieldPlace
from domain.custom_fields.filters import FieldFilter, FieldSort, filters_in
from domain.custom_fields.values import Values
from domain.errors import UnisonError
from domain.events import CustomFieldsChanged, Event
from services.custom_fields.fields import load_fields
from services.custom_fields.references import names_of
from services.custom_fields.shown import texts_of
from services.db.work import Work, read
from ui.kit.enter import Seat
from ui.kit.errors import show_error
from ui.kit.field_filters import FilterBar
from ui.kit.formats import number
from ui.kit.live_page import keep_fresh

ROWS = 50
FARTHEST_PAGE = 200
Address = Mapping[str, Sequence[str]]
# On a phone a row is a card: the table's own part, then what its own fields hold.
CARD = """
<div class="col-12 u-material__cell"><a class="u-card u-material" :href="props.row.href">{card}
<template v-for="col in props.cols.filter(one => one.name.startsWith('custom.') && props.row[one.name])"
  :key="col.name">
<span class="u-material__custom"><span class="u-muted">{{{{ col.label }}}}</span> {{{{ props.row[col.name] }}}}</span>
</template></a></div>
"""


@dataclass(frozen=True)
class TableColumn:
    """A column of the table's own."""

    key: str
    label: str
    is_number: bool = False
    can_sort: bool = True
    cell: str = ""
    """A Vue template for the cell; empty for the plain words."""


@dataclass(frozen=True)
class TableWish:
    """What somebody wants to see of a table."""

    words: str
    filters: tuple[FieldFilter, ...]
    order: str | FieldSort
    """The key of a column, or a field."""
    is_descending: bool
    offset: int
    limit: int = ROWS


@dataclass(frozen=True)
class TableRows:
    """A page of a table: its own cells by column, each with `href`, beside what the things hold in custom fields."""

    total: int
    has_more: bool
    cells: Sequence[Mapping[str, object]]
    custom: Sequence[Values]


@dataclass
class TableSetting:
    """What a table is of, and where it stands."""

    entity: str
    path: str
    usual_order: str
    is_usually_descending: bool
    columns: Sequence[TableColumn]
    load: Callable[[Work, TableWish], Awaitable[TableRows]]
    card: str
    """A Vue template for a row on a phone."""
    search_label: str
    nothing_yet: str
    nothing_yet_hint: str
    nothing_fits: str
    zone: str = "UTC"
    mark: str = "row"
    """What tests call one of the things."""
    kept: Callable[[], Mapping[str, str]] = field(default=dict)
    """What else stands in the address."""
    concerns: Callable[[Event], bool] = lambda _: False


class ServerTable:
    """A page of a table with its search, filters and columns; `head` and what is drawn into it stand beside them."""

    def __init__(self, seat: Seat, setting: TableSetting, address: Address) -> None:
        self._seat, self._setting, self._address = seat, setting, dict(address)
        self._fields: tuple[FieldDefinition, ...] = ()
        self._offered_columns: dict[str, str] = {}
        self._loads = 0
        self._page = max(1, _whole(self._said("page"), 1))
        self._order = self._said("sort") or setting.usual_order
        self._is_descending = self._said("down") == "1" if self._said("sort") else setting.is_usually_descending
        self._hidden = set(filter(None, self._said("hide").split(",")))
        _ = seat.translate
        with ui.element("div").classes("u-row u-table-bar"):
            self._search = ui.input(setting.search_label, value=self._said("q"), on_change=self.first)
            self._search.classes("u-field u-material__search").props("outlined clearable debounce=250 type=search")
            self._search.mark(f"{setting.mark}-search")
            self.head = ui.element("div").classes("u-row")
            ui.space()
            self._filters = FilterBar(seat, zone=setting.zone, on_change=self._filtered)
            button = ui.button(_("Columns"), icon="view_column", color=None).classes("u-button").mark("columns")
            with button, ui.menu().classes("u-columns") as self._columns_menu:
                pass
            self.tail = ui.element("div").classes("u-row")
        self._filters.draw_chips()
        self._table = ui.table(columns=[], rows=[], row_key="href", pagination=ROWS)
        self._table.classes("u-table u-materials").props("binary-state-sort")
        self._table.props[":grid"] = "window.innerWidth < 600"
        self._table.props["rows-per-page-options"] = [ROWS]
        self._table.mark(f"{setting.mark}s").on("request", self._asked)
        for column in setting.columns:
            if column.cell:
                self._table.add_slot(f"body-cell-{column.key}", column.cell)
        self._table.add_slot("item", CARD.format(card=setting.card))
        self._more = ui.label(_("Only the first {count} can be paged through. Search or filter to see others."))
        self._more.classes("u-muted").mark("more-rows")
        with ui.element("div").classes("u-empty").mark(f"no-{setting.mark}s") as self._nothing:
            ui.icon("search_off").classes("u-empty__icon")
            self._why = ui.label().classes("u-title")
            self._what_now = ui.label().classes("u-muted")

    async def follow(self) -> None:
        """Load the page of the address, and the present one again whenever what it shows changes."""
        await keep_fresh(self._seat, load=self._load, concerns=self._concerns)

    async def first(self, _changed: object = None) -> None:
        """Show the first page of what is wanted now."""
        self._page = 1
        await self._reload()

    def _said(self, name: str) -> str:
        return next(iter(self._address.get(name, ())), "")

    def _concerns(self, event: Event) -> bool:
        is_fields = isinstance(event, CustomFieldsChanged) and event.entity == self._setting.entity
        return is_fields or self._setting.concerns(event)

    async def _filtered(self, asked: Address) -> None:
        kept = {name: values for name, values in self._address.items() if not name.startswith(PREFIX)}
        self._address = {**kept, **asked}
        await self.first()

    async def _asked(self, event: events.GenericEventArguments) -> None:
        wanted: dict[str, Any] = event.args["pagination"]
        order, is_descending = str(wanted["sortBy"] or self._setting.usual_order), bool(wanted["descending"])
        is_sorted_anew = (order, is_descending) != (self._order, self._is_descending)
        self._order, self._is_descending = order, is_descending
        self._page = 1 if is_sorted_anew else max(1, int(wanted["page"]))
        await self._reload()

    async def _reload(self) -> None:
        try:
            await self._load()
        except UnisonError as error:
            show_error(error, self._seat.translate)

    async def _load(self) -> None:
        self._loads += 1
        this = self._loads
        async with read(self._seat.scope()) as work:
            self._fields = await load_fields(work, self._setting.entity)
            filters = self._usable_filters()
            page = min(self._page, FARTHEST_PAGE)
            rows = await self._setting.load(work, self._wish(filters, page))
            last = max(1, -(-rows.total // ROWS))
            if page > last:
                page = last
                rows = await self._setting.load(work, self._wish(filters, page))
            shown = self._shown_fields()
            asked = [{one.field.key: value} for one in filters for value in one.one_of]
            named = [*shown, *(one.field for one in filters)]
            names = await names_of(work, named, [*rows.custom, *asked])
        if this != self._loads:
            return  # something else was asked for meanwhile, and its rows are on their way
        self._page = page
        lang, zone = self._seat.lang, self._setting.zone
        self._table.columns = self._columns(shown)
        self._table.rows = [
            {**cells, **texts_of(shown, values, lang, zone=zone, names=names, numbers=self._seat.number_locale)}
            for cells, values in zip(rows.cells, rows.custom, strict=True)
        ]
        self._table.pagination = {
            "page": page, "rowsPerPage": ROWS, "rowsNumber": rows.total, "sortBy": self._order,
            "descending": self._is_descending,
        }  # fmt: skip
        self._filters.show(self._fields, filters, self._address, names)
        self._show_columns_menu()
        self._say_how_many(rows, has_filters=bool(filters))
        self._write_address()

    def _usable_filters(self) -> tuple[FieldFilter, ...]:
        """Return what the address asks for, without what fields in use cannot answer any more."""
        fields = [one for one in self._fields if FieldPlace.FILTER in one.shown_in]
        known = {one.name for one in fields}
        asked = {
            name: values
            for name, values in self._address.items()
            if name.startswith(PREFIX) and ".".join(name.split(".")[:2]) in known
        }
        try:
            return filters_in(fields, asked)
        except UnisonError as error:
            show_error(error, self._seat.translate)
            self._address = {name: values for name, values in self._address.items() if name not in asked}
            return ()

    def _wish(self, filters: tuple[FieldFilter, ...], page: int) -> TableWish:
        own = {column.key for column in self._setting.columns if column.can_sort}
        order: str | FieldSort = self._order
        if self._order not in own | {self._setting.usual_order}:
            sortable = [one for one in self._fields if one.type not in UNSORTED and FieldPlace.LIST in one.shown_in]
            field_order = next((one for one in sortable if one.name == self._order), None)
            order = self._setting.usual_order if field_order is None else FieldSort(field_order, self._is_descending)
            if field_order is None:
                self._order, self._is_descending = self._setting.usual_order, self._setting.is_usually_descending
        return TableWish(
            words=self._search.value or "",
            filters=filters,
            order=order,
            is_descending=self._is_descending,
            offset=(page - 1) * ROWS,
        )

    def _shown_fields(self) -> tuple[FieldDefinition, ...]:
        return tuple(one for one in self._fields if FieldPlace.LIST in one.shown_in and one.name not in self._hidden)

    def _columns(self, fields: Sequence[FieldDefinition]) -> list[dict[str, object]]:
        own: list[dict[str, object]] = [
            {
                "name": column.key, "label": column.label, "field": column.key, "sortable": column.can_sort,
                "align": "right" if column.is_number else "left",
            }
            for place, column in enumerate(self._setting.columns)
            if place == 0 or column.key not in self._hidden
        ]  # fmt: skip
        custom: list[dict[str, object]] = [
            {
                "name": one.name, "label": one.label(self._seat.lang), "field": one.name,
                "sortable": one.type not in UNSORTED, "align": "right" if one.type == "number" else "left",
            }
            for one in fields
        ]  # fmt: skip
        return [*own, *custom]

    def _show_columns_menu(self) -> None:
        offered = {column.key: column.label for column in self._setting.columns[1:]}
        offered |= {one.name: one.label(self._seat.lang) for one in self._fields if FieldPlace.LIST in one.shown_in}
        if offered == self._offered_columns:
            return
        self._offered_columns = offered
        self._columns_menu.clear()
        with self._columns_menu:
            for name, label in offered.items():
                box = ui.checkbox(
                    label, value=name not in self._hidden, on_change=lambda event, name=name: self._choose(name, event)
                )
                box.classes("u-columns__box").mark(f"column-{name}").props["data-column"] = name

    async def _choose(self, name: str, event: events.ValueChangeEventArguments[bool]) -> None:
        if event.value:
            self._hidden.discard(name)
        else:
            self._hidden.add(name)
        await self._reload()

    def _say_how_many(self, rows: TableRows, *, has_filters: bool) -> None:
        _, setting = self._seat.translate, self._setting
        self._table.visible, self._nothing.visible = bool(rows.cells), not rows.cells
        self._more.visible = rows.has_more
        sentence = _("Only the first {count} can be paged through. Search or filter to see others.")
        self._more.text = sentence.format(count=number(rows.total, self._seat.number_locale))
        if self._search.value or has_filters:
            self._why.text, self._what_now.text = (
                setting.nothing_fits,
                _("Search for other words, or take filters away."),
            )
        else:
            self._why.text, self._what_now.text = setting.nothing_yet, setting.nothing_yet_hint

    def _write_address(self) -> None:
        setting = self._setting
        usual = (setting.usual_order, setting.is_usually_descending)
        said: dict[str, object] = {**setting.kept(), "q": self._search.value or ""}
        if (self._order, self._is_descending) != usual:
            said |= {"sort": self._order, "down": int(self._is_descending)}
        said |= {"page": self._page if self._page > 1 else "", "hide": ",".join(sorted(self._hidden))}
        said |= {name: list(values) for name, values in self._address.items() if name.startswith(PREFIX)}
        query = urlencode({name: value for name, value in said.items() if value not in ("", [])}, doseq=True)
        ui.navigate.history.replace(f"{setting.path}?{query}" if query else setting.path)


def address_of(seat: Seat) -> Address:
    """Return what stands behind the question mark of the page's address."""
    params = seat.client.request.query_params
    return {name: params.getlist(name) for name in params}


def _whole(text: str, otherwise: int) -> int:
    return int(text) if text.isdecimal() and len(text) < 6 else otherwise
