"""The commands of `main.py`."""

import asyncio
import getpass
import logging
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import structlog
from cyclopts import App, Parameter

from domain.audit.chains import Anchor
from domain.errors import UnisonError
from domain.identity.accounts import SHORTEST_PASSWORD
from domain.identity.roles import PLATFORM, Role
from domain.scope import Scope
from services import demo
from services.config import Settings, WrongSetting, load_settings, settings_table
from services.db.keys import new_id
from services.db.migrate import migrate
from services.db.server import database_of, postgres_of, reached_by
from services.db.work import begin
from services.doctor import Finding
from services.identity.badges import BadgeKey
from services.identity.organizations import any_organization
from services.identity.platform import PlatformFounded, find_platform, found_platform
from services.identity.users import add_user, found_organization
from services.production.history_bookings import ImportStep
from services.production.history_imports import ImportedHistory
from services.production.sources import Followed
from ui.findings import tell_findings

PROGRESS_EVERY = 50
IMPORT_STEPS = {
    ImportStep.ORDERS: "Adding orders and operations of reports",
    ImportStep.REPORTS: "Booking reports",
    ImportStep.TIMELINES: "Writing timelines of reports",
    ImportStep.FACTS: "Adding up the hours of machines",
}


@dataclass(frozen=True)
class ReplayWish:
    """What the replay command was asked for."""

    path: Path
    speed: float
    """How many times faster than it happened; 0 means without waiting."""
    organization: str
    """Slug."""
    machine: str | None
    """The machine's code where the log names none."""


@dataclass(frozen=True)
class ImportWish:
    """What the import command was asked for."""

    path: Path
    mapping: Path | None
    """A mapping file; None for the built-in mapping."""
    organization: str
    """Slug."""
    plant: str | None
    """Code of the plant that must exist; None for the log's own plant."""
    time_zone: str | None
    is_trial: bool


@dataclass(frozen=True)
class Commands:
    """What the composition root can do."""

    serve: Callable[[Settings], Awaitable[None]]
    work: Callable[[Settings], Awaitable[None]]
    seed_demo: Callable[[Settings], Awaitable[None]]
    replay: Callable[[Settings, ReplayWish], Awaitable[Followed]]
    import_production_log: Callable[[Settings, ImportWish], Awaitable[ImportedHistory]]
    examine: Callable[[Settings, str, Anchor | None], AsyncIterator[Finding]]


def run(commands: Commands) -> None:
    """Do what the command line asks for, and tell in one sentence what stands in the way."""
    app = App(name="main.py", help="Unison MES: live manufacturing execution for many organizations and plants.")

    @app.default
    def serve(*, demo: bool | None = None, host: str | None = None, port: int | None = None) -> None:
        """Run the server (the default).

        Parameters
        ----------
        demo: seed the demo organizations and simulate machines, also on a database that is not empty.
        host: address to listen on instead of UNISON_HOST.
        port: port to listen on instead of UNISON_PORT.
        """
        _go(lambda settings: commands.serve(settings), demo=demo, host=host, port=port)

    @app.command
    def worker() -> None:
        """Run the background worker alone."""
        _go(commands.work)

    @app.command(name="migrate")
    def migrate_database() -> None:
        """Bring the database to the shape of this version, as its owner."""
        _go(_migrate)

    @app.command
    def seed_demo() -> None:
        """Add the demo organizations to a database that has none of them."""
        _go(commands.seed_demo, demo=True)

    @app.command
    def create_admin(
        organization: str,
        email: str,
        *,
        name: str = "Administrator",
        platform: Annotated[bool, Parameter(negative=())] = False,
    ) -> None:
        """Found an organization and its first admin; the password is asked for.

        Parameters
        ----------
        organization: the organization's short name in addresses, for example acme.
        email: the admin's e-mail address.
        name: the admin's name.
        platform: found the platform's own organization, whose admins make, suspend and rename the others in the
            browser and read nothing of them; where there is one already, add an admin to it.
        """
        create = _create_platform_admin if platform else _create_admin
        _go(lambda settings: create(settings, slug=organization, email=email, name=name))

    @app.command
    def settings() -> None:
        """Print every setting with its default and meaning, as a Markdown table."""
        say(settings_table())

    @app.command
    def doctor(*, organization: str = "", anchor: str = "") -> None:
        """Check the installation and verify the audit of every organization; what is wrong makes it fail.

        Parameters
        ----------
        organization: verify the audit of this one only, by its short name.
        anchor: a position and hash that were noted down of its audit earlier, such as 17:ab12...
        """
        if anchor and not organization:
            sys.exit("An anchor belongs to one organization: name it with --organization.")

        async def examine(settings: Settings) -> None:
            given = Anchor.parse(anchor, field="anchor") if anchor else None
            await tell_findings(commands.examine(settings, organization, given), say)

        _go(examine)

    @app.command
    def replay(
        path: Path,
        *,
        source: Annotated[Literal["komax"], Parameter(help="the language of the log")] = "komax",
        speed: float = 600,
        organization: str = "demo",
        machine: str | None = None,
    ) -> None:
        """Book a machine's own log; booking the same log again changes nothing.

        Parameters
        ----------
        path: the directory with the machine's log files of a day.
        speed: how many times faster than it happened; 0 means without waiting.
        organization: short name of the organization that the machine belongs to.
        machine: the machine's code where the log names none.
        """
        wish = ReplayWish(path, speed, organization, machine)

        async def book(settings: Settings) -> None:
            followed = await commands.replay(settings, wish)
            say(f"\rRead to the end of the {source} log: {followed.booked} reports booked, {followed.known} known.")

        _go(book)

    imports = App(name="import", help="Bring in what happened before.")
    app.command(imports)

    @imports.command
    def production_log(
        file: Path,
        *,
        mapping: Path | None = None,
        organization: str = "demo",
        plant: str | None = None,
        time_zone: str | None = None,
        dry_run: Annotated[bool, Parameter(negative=())] = False,
    ) -> None:
        """Import a report log of the past; importing it again, or a longer one, adds only what is new.

        Parameters
        ----------
        file: a CSV file with one row per report; docs/production_log.md tells what it may look like.
        mapping: a TOML file that names the columns and letters; without it those of the 4TU log.
        organization: short name of the organization that the log belongs to.
        plant: code of an existing plant whose machines the log speaks of; without it the log gets its own plant.
        time_zone: zone of times without an offset, for example Europe/Berlin; the plant's when nobody says.
        dry_run: check everything and tell what would be added, but add nothing.
        """
        wish = ImportWish(file, mapping, organization, plant, time_zone, dry_run)

        async def bring_in(settings: Settings) -> None:
            imported = await commands.import_production_log(settings, wish)
            say(f"{'Would import' if dry_run else 'Imported'} {told_import(imported)}")

        _go(bring_in)

    app()


def say(words: str) -> None:
    """Write to the person who started the command."""
    print(words, flush=True)


def announce(settings: Settings, demo_password: str | None) -> None:
    """Tell where the server is, and how to sign in to the demo."""
    say(f"\nUnison MES is running at {settings.public_url or f'http://{_shown(settings.host)}:{settings.port}'}\n")
    if demo_password is not None:
        say("Demo sign-ins, all with the password  " + demo_password)
        for sign_in in demo.DEMO_SIGN_INS:
            say(f"  {sign_in}")
        pin, badge = demo.PINS[Role.OPERATOR], demo.BADGES[Role.OPERATOR]
        say(f"At the terminal's tablet Olga Operator enters the PIN {pin} or scans her badge {badge}.\n")
    say("Stop it with Ctrl-C.")


async def show_progress(followed: Followed, at: datetime) -> None:
    """Tell how far a replay has come."""
    if (followed.booked + followed.known) % PROGRESS_EVERY == 0:
        print(f"\r{at:%Y-%m-%d %H:%M:%S} UTC, {followed.booked} reports booked", end="", flush=True)


def told_import(imported: ImportedHistory) -> str:
    """Return what an import added, in a sentence."""
    return (
        f"{imported.added} new reports, {imported.known} known; {imported.orders} new orders, {imported.machines} new"
        f" machines; {imported.good:f} good, {imported.scrap:f} scrap, {imported.rework:f} rework."
    )


def show_import(step: ImportStep, done: int, of: int) -> None:
    """Tell how far an import has come."""
    if step is ImportStep.FACTS:
        print(f"\r{IMPORT_STEPS[step]}: {done} of {of}", end="\n" if done == of else "", flush=True)
    else:
        say(f"{IMPORT_STEPS[step]}: {of}")


async def prepare_demo(settings: Settings) -> str | None:
    """Seed the demo where it is wanted; returns the password of its sign-ins, or None where there is no demo."""
    wanted = settings.demo
    if wanted is None:
        wanted = settings.embedded and (not await any_organization() or _kept(settings).exists())
    if not wanted:
        return None
    kept = _kept(settings)
    before = kept.read_text().strip() if kept.exists() else None
    given = None if settings.demo_password is None else settings.demo_password.get_secret_value()
    password = given or before or secrets.token_urlsafe(9)
    if password != before:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.touch(mode=0o600)
        kept.write_text(password)
    if before is None or not await any_organization():
        await demo.seed_demo(password, BadgeKey.of(settings.signing_key))
    else:
        if await find_platform() is None:
            await demo.seed_platform(password)
        if before != password:
            await demo.open_demo_with(password)
    return password


async def until_stopped(endless: Coroutine[object, object, None]) -> None:
    """Run what never ends by itself until SIGINT or SIGTERM comes."""
    task = asyncio.create_task(endless)
    if sys.platform != "win32":  # there Ctrl-C interrupts the program itself
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


def _go(command: Callable[[Settings], Awaitable[None]], **overrides: object) -> None:
    try:
        settings = load_settings(**overrides)
        _start_logging(settings)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_awaited(command(settings)))
    except (WrongSetting, UnisonError) as error:
        sys.exit(f"{error}")
    except KeyboardInterrupt:
        sys.exit(130)


async def _awaited(result: Awaitable[None]) -> None:
    await result


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return None
    return uvloop.new_event_loop


def _start_logging(settings: Settings) -> None:
    level = logging.getLevelNamesMapping()[settings.log_level]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor
    if settings.log_json:
        shared.append(structlog.processors.format_exc_info)
        renderer = structlog.processors.JSONRenderer()
    else:
        # Plain tracebacks: the pretty ones print local variables, which may hold tokens and passwords.
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


async def _migrate(settings: Settings) -> None:
    async with postgres_of(settings) as server:
        if server.owner_url is None:
            raise WrongSetting("The setting UNISON_DATABASE_OWNER_URL is missing: migrations run as the owner.")
        with reached_by("UNISON_DATABASE_OWNER_URL"):
            applied = await migrate(server.owner_url)
    say(f"Applied: {', '.join(applied)}." if applied else "The database is up to date.")


async def seed_demo(settings: Settings) -> None:
    """Add the demo organizations to a database that has none of them."""
    async with database_of(settings):
        say(f"The demo sign-ins open with the password {await prepare_demo(settings)}")


async def _create_platform_admin(settings: Settings, *, slug: str, email: str, name: str) -> None:
    password = _asked_password()
    async with database_of(settings):
        known = await find_platform()
        async with begin(Scope(known or new_id(), request_id="create-admin")) as work:
            if known is None and not await found_platform(work, slug=slug, name=slug):
                raise PlatformFounded
            roles = {Role.ADMIN, PLATFORM}
            await add_user(work, email=email, display_name=name, roles=roles, password=password)
    say(f"{email} can sign in now and make organizations.")


def _asked_password() -> str:
    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if len(password) < SHORTEST_PASSWORD:
        raise WrongSetting(f"The password must have at least {SHORTEST_PASSWORD} characters.")
    return password


async def _create_admin(settings: Settings, *, slug: str, email: str, name: str) -> None:
    password = _asked_password()
    async with database_of(settings), begin(Scope(new_id(), request_id="create-admin")) as work:
        await found_organization(work, slug=slug, name=slug)
        await add_user(work, email=email, display_name=name, roles=frozenset({Role.ADMIN}), password=password)
    say(f"{email} can sign in to {slug} now.")


def _kept(settings: Settings) -> Path:
    return settings.data_dir / "demo_password"


def _shown(host: str) -> str:
    return "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not listened on
