"""The composition root: which parts there are and how they are put together. `uv run main.py --help` tells the rest."""

# ruff: noqa: E402 - the collector rests while modules are imported
import gc

gc.disable()  # imports only add objects; looking through them again and again takes a quarter of the start

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from socket import socket

import structlog
from fastapi import FastAPI
from nicegui import core
from nicegui import ui as nicegui_ui

from domain.audit.chains import Anchor
from domain.scope import Scope
from services import demo, doctor
from services.adapters.file_stores import file_store_of
from services.adapters.komax import KomaxLog
from services.adapters.openid_connect import OpenIdConnect
from services.adapters.production_log_file import FOUR_TU, read_mapping, read_production_log
from services.adapters.simulator import SimulatedMachine, Simulator
from services.adapters.smtp_mail import mailer_of
from services.adapters.webhook_posts import WebhookPosts
from services.audit import chain  # noqa: F401 - importing it registers the job that links the audit
from services.auth.attempts import KioskAttempts, SignInAttempts
from services.auth.breached import breached_passwords_of, use_breached_passwords
from services.auth.tokens import TokenIssuer
from services.config import Settings
from services.db.engine import Database, use_database
from services.db.health import database_answers
from services.db.server import Server, database_of, postgres_of
from services.doctor import Finding
from services.events.hub import Hub
from services.events.pump import Pump
from services.file_store import use_file_store
from services.files import purges  # noqa: F401 - importing it registers the job that forgets orphans
from services.identity.badges import BadgeKey
from services.identity.key_holders import KeyHolders
from services.identity.organizations import find_organization
from services.identity.provider_sign_ins import ProviderDoor
from services.identity.sessions import Sessions
from services.jobs import upkeep  # noqa: F401 - importing it registers the recurring jobs
from services.jobs.worker import work_forever
from services.mail import use_mailer
from services.organizations import deletion_jobs, exports  # noqa: F401 - importing them registers their jobs
from services.plant import hourly_facts  # noqa: F401 - importing it registers the jobs that add hours up
from services.plant.places import find_machine_zone
from services.production.history_imports import ImportedHistory, LogPlace, import_log, zone_of_log
from services.production.sources import Followed, follow_source, replay_source
from services.webhooks.courier import tell_webhooks_forever
from services.webhooks.sending import WebhookDoor, use_webhooks
from ui import cli, pages  # noqa: F401 - importing the pages registers them
from ui.api.gate import install
from ui.api.metrics import watch_live_events, watch_live_screens
from ui.api.origins import names_us
from ui.kit.brands import Brands
from ui.kit.live_boards import LiveBoards
from ui.kit.live_messages import guard_live_messages
from ui.kit.live_screens import LiveScreens
from ui.kit.process import Process, use_process
from ui.listening import reserved_address
from ui.server import WebServer
from ui.theme import install_theme

gc.freeze()
gc.enable()

log = structlog.get_logger(__name__)

SIMULATORS = 3
"""That many share the machines, so that what the past of all has to tell is booked side by side."""


def make_process(settings: Settings) -> Process:
    """Put together what one server process holds."""
    hub, sessions, key_holders = Hub(), Sessions(), KeyHolders()
    screens = LiveScreens(sessions)
    hub.on_any_event(sessions.hear)
    hub.on_any_event(key_holders.hear)
    hub.on_any_event(screens.hear)
    issuer = TokenIssuer(
        key=settings.signing_key,
        access_lifetime=timedelta(minutes=settings.access_token_minutes),
        refresh_lifetime=timedelta(days=settings.refresh_token_days),
    )
    return Process(
        settings=settings,
        hub=hub,
        sessions=sessions,
        key_holders=key_holders,
        issuer=issuer,
        attempts=SignInAttempts(settings.sign_in_attempts, name="installation"),
        badge_key=BadgeKey.of(settings.signing_key),
        provider_door=ProviderDoor.of(settings.signing_key, OpenIdConnect(may_be_private=settings.private_providers)),
        kiosk_attempts=KioskAttempts(settings.sign_in_attempts, name="installation"),
        boards=LiveBoards(hub),
        screens=screens,
        brands=Brands(hub),
    )


def webhook_door_of(settings: Settings) -> WebhookDoor:
    """Put together what sends to webhooks."""
    may_be_private = settings.private_webhooks
    return WebhookDoor.of(
        settings.signing_key, WebhookPosts(may_be_private=may_be_private), may_be_private=may_be_private
    )


def make_app(process: Process) -> FastAPI:
    """Put together what answers requests: API, sign-in, pages."""
    use_process(process)
    use_webhooks(webhook_door_of(process.settings))
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    async def ready() -> Mapping[str, bool]:
        return {"database": await database_answers(), "live_events": process.hub.is_live}

    install(
        app,
        settings=process.settings,
        issuer=process.issuer,
        sessions=process.sessions,
        key_holders=process.key_holders,
        attempts=process.attempts,
        provider_door=process.provider_door,
        ready=ready,
    )
    watch_live_screens(lambda: process.screens.count)
    watch_live_events(lambda: process.hub.is_live)
    core.sio.eio.cors_allowed_origins = live_origins(process.settings.public_url)
    guard_live_messages()
    install_theme()
    nicegui_ui.run_with(
        app,
        title="Unison MES",
        favicon="🏭",
        dark=None,
        reconnect_timeout=process.settings.reconnect_timeout_s,
        show_welcome_message=False,
        binding_refresh_interval=None,
        tailwind=False,
    )
    return app


def live_origins(public_url: str | None) -> Callable[[str, Mapping[str, str]], bool] | None:
    """Return what decides whether a page of an origin may open a live connection behind a proxy; None without one."""
    if public_url is None:
        return None
    return lambda origin, environ: names_us(origin, host=environ.get("HTTP_HOST", ""), public_url=public_url)


@asynccontextmanager
async def background(
    process: Process, server: Server, *, simulate: Mapping[str, Decimal], past: timedelta
) -> AsyncIterator[None]:
    """Run everything that goes on beside the requests for the time of the block."""
    settings = process.settings
    pump = Pump(
        server.app_url,
        process.hub,
        throttle_ms=settings.notify_throttle_ms,
        count_screens=lambda: process.screens.count,
    )
    running = [pump.run(), process.boards.tell_status_forever()]
    if settings.worker:
        running += [work_forever(), tell_webhooks_forever()]
    if simulate:
        machines = [SimulatedMachine(code, float(cycle_time_s)) for code, cycle_time_s in simulate.items()]
        scope = Scope(demo.DEMO_ORG, actor_kind="machine", request_id="simulator")
        parts = [machines[part::SIMULATORS] for part in range(SIMULATORS)]
        running += [follow_source(scope, Simulator(part, seed=1, past=past)) for part in parts]
    tasks = [asyncio.create_task(coroutine) for coroutine in running]
    for task in tasks:
        task.add_done_callback(tell_of_failure)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def tell_of_failure(task: "asyncio.Task[None]") -> None:
    """Log at once that something ended which goes on as long as the server."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a background task failed", exc_info=error)


async def serve(settings: Settings) -> None:
    """Run the server until it is told to stop."""
    with reserved_address(settings) as sockets:
        await _serve(settings, sockets)


async def _serve(settings: Settings, sockets: list[socket]) -> None:
    use_mailer(mailer_of(settings))
    use_webhooks(webhook_door_of(settings))
    use_file_store(file_store_of(settings))
    use_breached_passwords(breached_passwords_of(settings))
    async with database_of(settings) as server:
        demo_password = await cli.prepare_demo(settings)
        process = make_process(settings)
        simulate = await demo.simulated_machines() if demo_password is not None else {}
        past = await demo.past_of_simulation() if simulate else timedelta()
        web = WebServer(make_app(process), settings, on_started=lambda: cli.announce(settings, demo_password))
        async with background(process, server, simulate=simulate, past=past):
            await web.serve(sockets)


async def work(settings: Settings) -> None:
    """Run the background worker alone until it is told to stop."""
    use_mailer(mailer_of(settings))
    use_webhooks(webhook_door_of(settings))
    use_file_store(file_store_of(settings))
    async with database_of(settings):
        cli.say("The worker is running. Stop it with Ctrl-C.")
        await cli.until_stopped(_work())


async def _work() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(work_forever())
        group.create_task(tell_webhooks_forever())


async def seed_demo(settings: Settings) -> None:
    """Add the demo organizations to a database that has none of them."""
    use_file_store(file_store_of(settings))
    await cli.seed_demo(settings)


async def examine(settings: Settings, organization: str, anchor: Anchor | None) -> AsyncIterator[Finding]:
    """Check the installation as it is, changing nothing of it."""
    use_file_store(file_store_of(settings))
    async with postgres_of(settings) as server:
        database = Database(server.app_url, pool_size=settings.database_pool_size)
        use_database(database)
        try:
            async for finding in doctor.examine(organization=organization, anchor=anchor):
                yield finding
        finally:
            use_database(None)
            await database.close()


async def replay(settings: Settings, wish: cli.ReplayWish) -> Followed:
    """Book the recorded log of a machine, faster than it happened."""
    async with database_of(settings):
        scope = Scope(await find_organization(wish.organization), actor_kind="machine", request_id="replay")
        zone = await find_machine_zone(scope, wish.machine or demo.KOMAX_MACHINE)
        source = KomaxLog(wish.path, zone, wish.machine)
        return await replay_source(scope, source, speed=wish.speed, on_report=cli.show_progress)


async def import_production_log(settings: Settings, wish: cli.ImportWish) -> ImportedHistory:
    """Import a report log of the past."""
    mapping = FOUR_TU if wish.mapping is None else await asyncio.to_thread(read_mapping, wish.mapping)
    place = LogPlace(
        plant_code=wish.plant or mapping.plant,
        plant_name=mapping.plant_name,
        time_zone=wish.time_zone or mapping.time_zone,
        is_given=wish.plant is not None,
        unit=mapping.unit,
    )
    async with database_of(settings):
        scope = Scope(await find_organization(wish.organization), request_id="import")
        zone, now = await zone_of_log(scope, place=place)
        reports = await asyncio.to_thread(read_production_log, wish.path, mapping=mapping, zone=zone, now=now)
        cli.say(f"Read {len(reports)} reports.")
        return await import_log(
            scope, reports=reports, place=place, on_progress=cli.show_import, is_trial=wish.is_trial
        )


if __name__ == "__main__":
    cli.run(
        cli.Commands(
            serve=serve,
            work=work,
            seed_demo=seed_demo,
            replay=replay,
            import_production_log=import_production_log,
            examine=examine,
        )
    )
