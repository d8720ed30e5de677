"""Health: how the installation is, and the settings with which it runs."""

from nicegui import ui

from domain.events import Event, JobMoved, TaskMoved
from domain.identity.roles import Permission
from services.db.health import QueueDepth
from services.db.work import read
from services.operations.health import Condition, Health, check_health
from services.operations.settings_in_force import settings_in_force
from services.plant.places import list_plants
from ui.kit.enter import Seat, screen
from ui.kit.formats import day_and_time, number_of_bytes, time_of_day, whole
from ui.kit.live_page import keep_fresh
from ui.kit.process import this_process
from ui.kit.translate import Translate
from ui.pages.admin_parts import heading, setup_page

AGAIN_S = 10.0
"""How often to look at what no event tells of: connections, sizes, free room, and what other organizations' jobs do to
queues and workers. Nothing is asked while the page is closed or its tab is in the background."""
PAUSE_S = 1.0
ICONS = {Condition.GOOD: "check_circle", Condition.WORTH_A_LOOK: "warning", Condition.BROKEN: "error"}


@screen("/admin/health", permission=Permission.INSPECT_SYSTEM)
async def admin_health(seat: Seat) -> None:
    """Look at the installation."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    with setup_page(seat, _("Health"), "/admin/health", plants=plants):
        heading(_("How the installation is"))
        page = _Page(seat, seat.zone_of(plants[0].time_zone if plants else "UTC"))
        heading(_("Settings in force"))
        _settings(seat)
    await keep_fresh(
        seat, load=page.load, concerns=_concerns, due_s=lambda: AGAIN_S, only_in_sight=True, pause_s=PAUSE_S
    )


def _concerns(event: Event) -> bool:
    return isinstance(event, JobMoved | TaskMoved)


class _Page:
    """One card per part; the cards stay, what they say changes."""

    def __init__(self, seat: Seat, zone: str) -> None:
        self._seat, self._zone = seat, zone
        _ = seat.translate
        with ui.element("div").classes("u-health"):
            self._database = _Card(_("Database"), "storage")
            self._queue = _Card(_("Jobs"), "pending_actions")
            self._workers = _Card(_("Workers"), "engineering")
            self._screens = _Card(_("Connected screens"), "tv")
            self._storage = _Card(_("Files"), "folder")
            self._schema = _Card(_("Migrations"), "schema")
            self._versions = _Card(_("Versions"), "sell")
        heading(_("Queues"))
        self._queues = _Queues(seat, zone)
        self._age = ui.label().classes("u-muted")

    async def load(self) -> None:
        """Look again."""
        health = await check_health(self._seat.scope())
        _, lang, numbers = self._seat.translate, self._seat.lang, self._seat.number_locale
        org_id = self._seat.viewer.scope.org_id
        self._database.show(
            _, health.database,
            _("Answers in {ms} ms").format(ms=whole(round(health.answer_ms, 1), numbers)),
            f"Postgres {health.database_version}, {number_of_bytes(health.database_bytes, numbers)}",
            _("{count} of {most} connections").format(count=health.connections, most=health.most_connections),
        )  # fmt: skip
        self._queue.show(
            _, health.queue,
            _("{count} waiting or running in the installation").format(count=whole(health.jobs.waiting, numbers)),
            _("{count} of yours failed for good").format(count=health.own_dead_letters),
        )  # fmt: skip
        self._workers.show(_, health.work, *_workers(health, self._zone, lang, _))
        self._screens.show(
            _, Condition.GOOD if this_process().hub.is_live else Condition.BROKEN,
            _("{count} of yours on this server process").format(count=this_process().screens.count_of(org_id)),
            _("{count} in the installation, on {processes} server processes").format(
                count=whole(health.screens, numbers), processes=health.processes
            ),
        )  # fmt: skip
        self._storage.show(_, health.storage, *_storage(health, numbers, _))
        missing = _("Missing: {names}").format(names=", ".join(health.missing)) if health.missing else _("All applied")
        self._schema.show(
            _, health.schema, missing, _("The database is at {revision}").format(revision=health.revision)
        )
        self._versions.show(_, Condition.GOOD, *(f"{part} {number}" for part, number in health.versions))
        self._queues.show(health.queues)
        self._age.set_text(_("Looked at {time}").format(time=day_and_time(health.at, self._zone, lang)))


class _Card:
    """A part of the installation: its condition in colour, icon and word, and what is known; sent when it changes."""

    def __init__(self, title: str, icon: str) -> None:
        with ui.element("section").classes("u-health__part") as self._card:
            with ui.element("div").classes("u-health__head"):
                ui.icon(icon)
                ui.label(title)
            with ui.element("div").classes("u-health__state"):
                self._icon = ui.icon("hourglass_empty")
                self._word = ui.label()
            self._facts = ui.label().classes("u-health__facts u-muted")
        self._shown: object = None
        self._card.props["aria-label"] = title

    def show(self, _: Translate, condition: Condition, *facts: str) -> None:
        if self._shown == (condition, facts):
            return
        self._shown = (condition, facts)
        self._card.props["data-condition"] = condition.value
        self._icon.set_name(ICONS[condition])
        self._word.set_text(condition_words(_)[condition])
        self._facts.set_text("\n".join(facts))


class _Queues:
    """Every queue of the installation, a row each; drawn again only when it changes."""

    def __init__(self, seat: Seat, zone: str) -> None:
        self._seat, self._zone = seat, zone
        self._shown: object = None
        _ = seat.translate
        with ui.element("div").classes("u-table-scroll"), ui.element("table").classes("u-table"):
            with ui.element("thead"), ui.element("tr"):
                for head in (_("Queue"), _("For"), _("Messages"), _("The oldest since"), _("Failed for good")):
                    with ui.element("th"):
                        ui.label(head)
            self._body = ui.element("tbody")

    def show(self, queues: tuple[QueueDepth, ...]) -> None:
        """Show these queues."""
        _, lang, numbers = self._seat.translate, self._seat.lang, self._seat.number_locale
        rows = [
            (
                queue.name, queue_words(queue.name, _), whole(queue.depth, numbers),
                day_and_time(queue.oldest_at, self._zone, lang) if queue.oldest_at else "–",
                whole(queue.archived, numbers),
            )
            for queue in queues
        ]  # fmt: skip
        if rows == self._shown:
            return
        self._shown = rows
        self._body.clear()
        with self._body:
            for row in rows:
                with ui.element("tr").mark("queue"):
                    for cell in row:
                        with ui.element("td"):
                            ui.label(cell).classes("u-mono" if cell == row[0] else "")


def queue_words(name: str, _: Translate) -> str:
    """Translate what a queue is for."""
    if name.startswith("live_"):
        return _("Changes for the screens of one server process")
    return {"jobs": _("Jobs of all organizations"), "webhook_events": _("Events for webhooks")}.get(name, "")


def _storage(health: Health, numbers: str, _: Translate) -> tuple[str, ...]:
    backends = {"folder": _("In a folder of the server"), "s3": _("In an S3 bucket"), "": _("Nothing keeps them")}
    free = () if health.free_bytes is None else (number_of_bytes(health.free_bytes, numbers),)
    return (
        backends[health.backend],
        *(_("{size} free").format(size=size) for size in free),
        _("{count} files of yours, {size}").format(
            count=whole(health.own_files, numbers), size=number_of_bytes(health.own_bytes, numbers)
        ),
        _("{count} files in the installation, {size}").format(
            count=whole(health.stored_files, numbers), size=number_of_bytes(health.stored_bytes, numbers)
        ),
    )


def condition_words(_: Translate) -> dict[Condition, str]:
    """Translate how a part is."""
    return {
        Condition.GOOD: _("Fine"),
        Condition.WORTH_A_LOOK: _("Worth a look"),
        Condition.BROKEN: _("Does not work"),
    }


def _workers(health: Health, zone: str, lang: str, _: Translate) -> tuple[str, ...]:
    if not health.workers:
        return (_("No worker lives: nothing is mailed, added up or exported."),)
    lines: list[str] = []
    for worker in health.workers:
        since = day_and_time(worker.started_at, zone, lang)
        lines.append(_("{host} ({pid}) since {time}").format(host=worker.host, pid=worker.pid, time=since))
        lines += [
            "· " + _("{job} since {time}").format(job=job.name, time=time_of_day(job.since, zone, lang))
            for job in worker.jobs
        ]
    return tuple(lines)


def _settings(seat: Seat) -> None:
    _ = seat.translate
    origins = {"environment": _("environment"), ".env": ".env", "command line": _("command"), "default": _("default")}
    words = {"set": _("set"), "not set": _("not set")}
    with ui.element("div").classes("u-table-scroll"), ui.element("table").classes("u-table"):
        with ui.element("thead"), ui.element("tr"):
            for head in (_("Setting"), _("Value"), _("From"), _("Meaning")):
                with ui.element("th"):
                    ui.label(head)
        with ui.element("tbody"):
            for one in settings_in_force(seat.viewer.scope, this_process().settings):
                with ui.element("tr").mark("setting"):
                    cells = (
                        (one.name, "u-mono"),
                        (words.get(one.value, one.value), "u-setting__value"),
                        (origins[one.origin.value], ""),
                    )
                    for cell, look in cells:
                        with ui.element("td"):
                            ui.label(cell).classes(look)
                    with ui.element("td").classes("u-setting__meaning"):
                        for number, part in enumerate(_(one.meaning).split("`")):  # between backticks stands code
                            if part:
                                ui.label(part).classes("u-mono" if number % 2 else "")
