"""Import and export of tables: a dry run first, whose problems stand by row."""

from collections.abc import Awaitable, Callable, Sequence

from nicegui import background_tasks, events, ui

from domain.errors import UnisonError
from services.custom_fields.columns import CustomColumns
from services.db.work import read
from services.plant.plant_exports import COLUMNS, ENTITIES_OF, TableKind, export_cells, export_table
from services.plant.plant_imports import ImportReport, import_table
from services.plant.plant_tables import MOST_CHARACTERS, Lines, UnreadableTable, decoded
from services.plant.workbooks import LARGEST_WORKBOOK, is_workbook, read_workbook, write_workbook
from ui.kit.act import act
from ui.kit.enter import Seat
from ui.kit.errors import show_error
from ui.kit.translate import Translate, sentence_of

MOST_SHOWN = 200
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def import_buttons(seat: Seat, kinds: Sequence[str], *, then: Callable[[object], Awaitable[None]]) -> None:
    """Draw the buttons that export and import tables of some kinds; `then` runs after an import."""
    _ = seat.translate
    with ui.button(_("Tables"), icon="table_view", color=None).classes("u-button").mark("tables"), ui.menu():
        words = table_words(_)
        for kind in map(TableKind, kinds):
            export = ui.menu_item(
                _("Export {table} (CSV)").format(table=words[kind]), on_click=lambda kind=kind: _export(seat, kind)
            )
            export.classes("u-menu-item").mark(f"export-{kind}")
            excel = ui.menu_item(
                _("Export {table} (Excel)").format(table=words[kind]),
                on_click=lambda kind=kind: _export_workbook(seat, kind),
            )
            excel.classes("u-menu-item").mark(f"export-xlsx-{kind}")
            start = ui.menu_item(
                _("Import {table} …").format(table=words[kind]),
                on_click=lambda kind=kind: _ImportDialog(seat, kind, then),
            )
            start.classes("u-menu-item").mark(f"import-{kind}")


def table_words(_: Translate) -> dict[TableKind, str]:
    """Translate what tables hold."""
    return {
        TableKind.PLANTS: _("plants"),
        TableKind.DEPARTMENTS: _("departments"),
        TableKind.LANES: _("lanes"),
        TableKind.MACHINES: _("machines"),
        TableKind.REASONS: _("reasons"),
        TableKind.SHIFTS: _("shift templates"),
        TableKind.MATERIALS: _("materials"),
        TableKind.ORDERS: _("orders"),
    }


async def _export(seat: Seat, kind: TableKind) -> None:
    async with read(seat.scope()) as work:
        text = await export_table(work, kind=kind)
    ui.download.content("\ufeff" + text, f"{kind}.csv", "text/csv")


async def _export_workbook(seat: Seat, kind: TableKind) -> None:
    async with read(seat.scope()) as work:
        columns, rows = await export_cells(work, kind=kind)
    content = await write_workbook(kind.value, columns, rows)
    ui.download.content(content, f"{kind}.xlsx", XLSX)


class _ImportDialog:
    """Takes a file, tries it out, shows what would happen, and imports it when asked to."""

    def __init__(self, seat: Seat, kind: TableKind, then: Callable[[object], Awaitable[None]]) -> None:
        self._seat, self._kind, self._then = seat, kind, then
        self._table: str | Lines = ""
        _ = seat.translate
        with ui.dialog().props("persistent") as self._dialog, ui.card().classes("u-dialog u-form"):
            title = _("Import {table}").format(table=table_words(_)[kind])
            ui.label(title).classes("u-title").props("role=heading aria-level=2")
            self._columns = ui.label().classes("u-muted")
            self._name_columns()
            upload = ui.upload(
                label=_("Choose a file"), auto_upload=True, max_files=1, max_file_size=LARGEST_WORKBOOK,
                on_upload=self._take,
            )  # fmt: skip
            upload.props('accept=".csv,.xlsx,text/csv" flat').classes("u-upload").mark("file")
            self._result = ui.element("div").classes("u-column").mark("import-result")
            with ui.element("div").classes("u-dialog__actions"):
                ui.button(_("Close"), color=None, on_click=self._dialog.close).classes("u-button u-button--flat")
                self._go = ui.button(_("Import"), color=None, on_click=self._apply)
                self._go.classes("u-button u-button--primary").mark("apply-import")
                self._go.disable()
        self._dialog.on("hide", self._dialog.delete)
        self._dialog.open()
        background_tasks.create(self._load_columns(), name="name the columns", context=self._dialog)

    def _name_columns(self, names: Sequence[str] = ()) -> None:
        sentence = self._seat.translate("A CSV or Excel file whose first row names the columns: {columns}")
        self._columns.text = sentence.format(columns=", ".join([*COLUMNS[self._kind], *names]))

    async def _load_columns(self) -> None:
        async with read(self._seat.scope()) as work:
            custom = await CustomColumns.of(work, ENTITIES_OF.get(self._kind))
        self._name_columns(custom.names)

    async def _take(self, event: events.UploadEventArguments) -> None:
        content = await event.file.read()
        try:
            if is_workbook(content):
                self._table = await read_workbook(content)
            elif len(content) > MOST_CHARACTERS:
                raise UnreadableTable
            else:
                self._table = decoded(content)
        except UnisonError as error:
            show_error(error, self._seat.translate)
            return
        report = await self._run(dry_run=True)
        self._go.set_enabled(report is not None and not report.problems)
        if report is not None:
            self._show(report)

    async def _apply(self) -> None:
        report = await self._run(dry_run=False)
        if report is None:
            return
        if report.is_applied:
            ui.notify(
                self._seat.translate("Imported"), type="positive", position="top", classes="u-notify", timeout=2_000
            )
            self._dialog.close()
            await self._then(report)
        else:
            self._show(report)

    async def _run(self, *, dry_run: bool) -> ImportReport | None:
        return await act(
            self._seat, lambda work: import_table(work, kind=self._kind, table=self._table, dry_run=dry_run)
        )

    def _show(self, report: ImportReport) -> None:
        _ = self._seat.translate
        self._result.clear()
        with self._result:
            if not report.problems:
                with ui.element("div").classes("u-note u-note--good"):
                    ui.icon("check_circle")
                    ui.label(
                        _("Ready: {added} new, {updated} existing rows.").format(
                            added=report.added, updated=report.updated
                        )
                    )
                return
            with ui.element("div").classes("u-note"):
                ui.icon("error_outline")
                ui.label(
                    _("{count} rows cannot be imported. Mend the file and choose it again.").format(
                        count=len(report.problems)
                    )
                )
            with ui.element("div").classes("u-table-scroll"), ui.element("table").classes("u-table"):
                with ui.element("thead"), ui.element("tr"):
                    for words in (_("Row"), _("Column"), _("Problem")):
                        with ui.element("th"):
                            ui.label(words)
                with ui.element("tbody"):
                    for problem in report.problems[:MOST_SHOWN]:
                        with ui.element("tr"):
                            for cell in (str(problem.row), problem.column, sentence_of(problem.error, _)):
                                with ui.element("td"):
                                    ui.label(cell)
