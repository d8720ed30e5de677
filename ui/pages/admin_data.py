"""Your data: everything of the organization as one file, and its end."""

from datetime import datetime

from nicegui import ui

from domain.events import DeletionMoved, Event, TaskMoved
from domain.identity.roles import Permission
from domain.operations.exports import KEPT_FOR
from domain.operations.tasks import TaskState
from services.db.work import Work, read
from services.organizations.deletions import Deletion, find_deletion
from services.organizations.exports import Export, ExportOrganization, discard_export, list_exports, start_export
from services.plant.places import list_plants
from services.tasks.tasks import TaskInfo, cancel_task, list_tasks
from ui.kit.act import act
from ui.kit.enter import Seat, screen
from ui.kit.formats import day_and_time, day_of, number_of_bytes, whole
from ui.kit.framed import DATA_PAGE
from ui.kit.live_page import keep_fresh
from ui.pages.admin_parts import heading, setup_page
from ui.pages.deletion_forms import ask_deletion, ask_to_keep


@screen(DATA_PAGE, permission=Permission.OPEN_EXPORTS)
async def admin_data(seat: Seat) -> None:
    """Export everything of the organization, and have it deleted."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
        await list_exports(work)  # refuses who may in some plants only, before anything is drawn
    with setup_page(seat, _("Your data"), DATA_PAGE, plants=plants):
        page = _Page(seat, seat.zone_of(plants[0].time_zone if plants else "UTC"))
    await keep_fresh(seat, load=page.load, concerns=_concerns)


def _concerns(event: Event) -> bool:
    return isinstance(event, DeletionMoved) or (isinstance(event, TaskMoved) and event.kind == ExportOrganization.name)


class _Page:
    """How far the newest export is, those that can be fetched, and whether somebody wants it all gone."""

    def __init__(self, seat: Seat, zone: str) -> None:
        self._seat, self._zone = seat, zone
        self._shown: object = None
        _ = seat.translate
        heading(_("Export"))
        ui.label(
            _(
                "Everything that your organization has here, as of one instant: a line for each row of each table,"
                " and all files, in one zip file. Nobody can sign in with it. It can be fetched for {days} days."
            ).format(days=KEPT_FOR.days)
        ).classes("u-muted u-measure")
        with ui.element("div").classes("u-row"):
            self._start = ui.button(_("Export everything"), icon="archive", color=None, on_click=self._begin)
            self._start.classes("u-button").mark("start-export")
        self._progress = ui.element("div").classes("u-column").props("role=status").mark("export-progress")
        self._exports = ui.element("div").classes("u-table-scroll")
        self._end = ui.element("div").classes("u-column").mark("deletion")

    async def load(self, _edited: object = None) -> None:
        """Show what is now."""
        scope = self._seat.scope()
        may_delete = not scope.lacks_somewhere(Permission.DELETE_ORGANIZATION)
        async with read(scope) as work:
            tasks = await list_tasks(work, kind=ExportOrganization.name, limit=1)
            exports = await list_exports(work)
            deletion = await find_deletion(work, scope.org_id) if may_delete else None
        shown = (tasks, exports, deletion)
        if shown == self._shown:
            return
        self._shown = shown
        task = tasks[0] if tasks else None
        self._start.enabled = task is None or task.state.is_over
        self._show_task(task)
        self._show_exports(exports)
        if may_delete:
            self._show_end(deletion)

    def _show_task(self, task: TaskInfo | None) -> None:
        _, lang = self._seat.translate, self._seat.number_locale
        self._progress.clear()
        if task is None or task.state in {TaskState.DONE, TaskState.CANCELLED}:
            missing = [] if task is None else task.result.get("missing") or []
            if isinstance(missing, list) and missing:
                with self._progress, ui.element("div").classes("u-note"):
                    ui.icon("warning")
                    words = _("{count} files are missing in the newest export: their contents are gone or damaged.")
                    ui.label(words.format(count=whole(len(missing), lang)))
            return
        with self._progress:
            if task.state is TaskState.FAILED:
                with ui.element("div").classes("u-note").mark("export-failed"):
                    ui.icon("error")
                    ui.label(_("The export failed: {why}").format(why=task.error))
                return
            part = task.done / task.total if task.total else 0
            bar = ui.linear_progress(value=part, show_value=False).classes("u-progress")
            bar.props["aria-label"] = _("Export")
            with ui.element("div").classes("u-row"):
                words = _("Waits for a worker")
                if task.total:
                    words = _("{done} of {total} rows and files").format(
                        done=whole(task.done, lang), total=whole(task.total, lang)
                    )
                ui.label(words).classes("u-muted")
                ui.space()
                cancel = ui.button(_("Cancel"), icon="cancel", color=None, on_click=lambda: self._cancel(task))
                cancel.classes("u-button u-button--flat").mark("cancel-export")
                cancel.enabled = not task.cancel_requested

    def _show_exports(self, exports: tuple[Export, ...]) -> None:
        _ = self._seat.translate
        self._exports.clear()
        self._exports.visible = bool(exports)
        heads = (_("File"), _("Size"), _("Made"), _("By"), _("Until"), "")
        with self._exports, ui.element("table").classes("u-table"):
            with ui.element("thead"), ui.element("tr"):
                for words in heads:
                    with ui.element("th"):
                        ui.label(words)
            with ui.element("tbody"):
                for export in exports:
                    self._show_export(export)

    def _show_export(self, export: Export) -> None:
        _ = self._seat.translate
        with ui.element("tr").mark("export"):
            for words in (
                export.name, number_of_bytes(export.size, self._seat.number_locale), self._at(export.created_at),
                export.created_by or "–", self._at(export.expires_at),
            ):  # fmt: skip
                with ui.element("td"):
                    ui.label(words)
            with ui.element("td").classes("u-table__actions"):
                fetch = ui.button(_("Fetch"), icon="download", color=None)
                fetch.classes("u-button u-button--flat").mark("fetch-export")
                fetch.props["href"], fetch.props["download"] = f"/files/{export.file_id}", export.name
                forget = ui.button(_("Delete"), icon="delete", color=None, on_click=lambda: self._discard(export))
                forget.classes("u-button u-button--flat").mark("discard-export")

    def _show_end(self, deletion: Deletion | None) -> None:
        _ = self._seat.translate
        self._end.clear()
        with self._end:
            heading(_("Deletion"))
            if deletion is None:
                words = _("The organization and everything in it, on a day that you choose; until then it can be kept.")
                ui.label(words).classes("u-muted u-measure")
                with ui.element("div").classes("u-row"):
                    button = ui.button(
                        _("Delete this organization"), icon="delete_forever", color=None, on_click=self._ask
                    )
                    button.classes("u-button").mark("delete-organization")
                return
            day = day_of(deletion.due_at, self._zone, self._seat.lang)
            words = (
                _("The platform will delete it on {day}.").format(day=day)
                if deletion.by_platform
                else _("It will be deleted on {day}. {name} asked for it.").format(name=deletion.asked_by, day=day)
            )
            ui.label(words)
            if deletion.started_at is None:
                with ui.element("div").classes("u-row"):
                    keep = ui.button(_("Keep it"), icon="restore", color=None, on_click=self._ask_to_keep)
                    keep.classes("u-button u-button--primary").mark("keep-organization")

    async def _begin(self) -> None:
        await act(self._seat, start_export)
        await self.load()

    async def _cancel(self, task: TaskInfo) -> None:
        async def cancel(work: Work) -> TaskInfo:
            return await cancel_task(work, task_id=task.id)

        await act(self._seat, cancel)
        await self.load()

    async def _discard(self, export: Export) -> None:
        async def discard(work: Work) -> bool:
            await discard_export(work, file_id=export.file_id)
            return True

        await act(self._seat, discard, saved=self._seat.translate("Deleted"))
        await self.load()

    def _ask(self) -> None:
        viewer, brand = self._seat.viewer, self._seat.brand
        ask_deletion(
            self._seat, organization_id=viewer.scope.org_id, name=viewer.organization, slug=brand.slug, then=self.load
        )

    def _ask_to_keep(self) -> None:
        viewer = self._seat.viewer
        ask_to_keep(self._seat, organization_id=viewer.scope.org_id, name=viewer.organization, then=self.load)

    def _at(self, at: datetime) -> str:
        return day_and_time(at, self._zone, self._seat.lang)
