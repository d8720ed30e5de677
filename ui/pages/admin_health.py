"""Health: how the installation is, and the settings with which it runs."""

from nicegui import ui

from domain.events import Event
from domain.identity.roles import Permission
from services.db.work import read
from services.operations.health import Condition, Health, check_health
from services.operations.settings_in_force import settings_in_force
from services.plant.places import list_plants
from ui.kit.enter import Seat, screen
from ui.kit.formats import day_and_time, number_of_bytes, whole
from ui.kit.live_page import keep_fresh
from ui.kit.process import this_process
from ui.kit.translate import Translate
from ui.pages.admin_parts import heading, setup_page

AGAIN_S = 10.0
ICONS = {Condition.GOOD: "check_circle", Condition.WORTH_A_LOOK: "warning", Condition.BROKEN: "error"}


@screen("/admin/health", permission=Permission.INSPECT_SYSTEM)
async def admin_health(seat: Seat) -> None:
    """Look at the installation."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    with setup_page(seat, _("Health"), "/admin/health", plants=plants):
        heading(_("How the installation is"))
        page = _Page(seat, plants[0].time_zone if plants else "UTC")
        heading(_("Settings in force"))
        _settings(seat)
    await keep_fresh(seat, load=page.load, concerns=_concerns, due_s=lambda: AGAIN_S)


def _concerns(_: Event) -> bool:
    return False


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
        self._age = ui.label().classes("u-muted")

    async def load(self) -> None:
        """Look again."""
        health = await check_health(self._seat.scope())
        _, lang = self._seat.translate, self._seat.lang
        org_id = self._seat.viewer.scope.org_id
        self._database.show(
            _, health.database,
            _("Answers in {ms} ms").format(ms=whole(round(health.answer_ms, 1), lang)),
            f"Postgres {health.database_version}, {number_of_bytes(health.database_bytes, lang)}",
            _("{count} of {most} connections").format(count=health.connections, most=health.most_connections),
        )  # fmt: skip
        self._queue.show(
            _, health.queue,
            _("{count} waiting or running in the installation").format(count=health.jobs.waiting),
            _("The oldest is {seconds} s old").format(seconds=whole(round(health.jobs.oldest_s), lang)),
            _("{count} of yours failed for good").format(count=health.own_dead_letters),
        )  # fmt: skip
        self._workers.show(_, health.work, *_workers(health, self._zone, lang, _))
        self._screens.show(
            _, Condition.GOOD if this_process().hub.is_live else Condition.BROKEN,
            _("{count} of yours on this server process").format(count=this_process().screens.count_of(org_id)),
            _("{count} server processes").format(count=health.processes),
        )  # fmt: skip
        self._storage.show(
            _, health.storage,
            _("{count} files of yours, {size}").format(
                count=health.own_files, size=number_of_bytes(health.own_bytes, lang)
            ),
        )  # fmt: skip
        missing = _("Missing: {names}").format(names=", ".join(health.missing)) if health.missing else _("All applied")
        self._schema.show(_, health.schema, missing)
        self._versions.show(_, Condition.GOOD, *(f"{part} {number}" for part, number in health.versions))
        self._age.set_text(_("Looked at {time}").format(time=day_and_time(health.at, self._zone, lang)))


class _Card:
    """A part of the installation: its condition in colour, icon and word, and what is known of it."""

    def __init__(self, title: str, icon: str) -> None:
        with ui.element("section").classes("u-health__part") as self._card:
            with ui.element("div").classes("u-health__head"):
                ui.icon(icon)
                ui.label(title)
            with ui.element("div").classes("u-health__state"):
                self._icon = ui.icon("hourglass_empty")
                self._word = ui.label()
            self._facts = ui.label().classes("u-health__facts u-muted")
        self._card.props["aria-label"] = title

    def show(self, _: Translate, condition: Condition, *facts: str) -> None:
        self._card.props["data-condition"] = condition.value
        self._icon.set_name(ICONS[condition])
        self._word.set_text(condition_words(_)[condition])
        self._facts.set_text("\n".join(facts))


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
    return tuple(
        _("{host} ({pid}) since {time}, {count} jobs now").format(
            host=worker.host, pid=worker.pid, time=day_and_time(worker.started_at, zone, lang), count=worker.running
        )
        for worker in health.workers
    )


def _settings(seat: Seat) -> None:
    _ = seat.translate
    origins = {"environment": _("environment"), ".env": ".env", "command line": _("command"), "default": _("default")}
    words = {"set": _("set"), "not set": _("not set")}
    with ui.element("div").classes("u-table-scroll"), ui.element("table").classes("u-table"):
        with ui.element("thead"), ui.element("tr"):
            for head in (_("Setting"), _("Value"), _("From")):
                with ui.element("th"):
                    ui.label(head)
        with ui.element("tbody"):
            for one in settings_in_force(seat.viewer.scope, this_process().settings):
                with ui.element("tr").mark("setting"):
                    for cell in (one.name, words.get(one.value, one.value), origins[one.origin.value]):
                        with ui.element("td"):
                            ui.label(cell).classes("u-mono" if cell == one.name else "")
