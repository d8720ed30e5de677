"""The server's own application, once per worker, and people who click on its pages."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

import httpx
import pytest
from fastapi import FastAPI
from nicegui import ui
from nicegui.functions.download import download
from nicegui.functions.navigate import Navigate
from nicegui.functions.notify import notify
from nicegui.testing import User

import main
from domain.identity.roles import Role
from services.config import Settings
from services.db.engine import Database, use_database
from services.events.pump import Pump
from services.identity.sign_ins import Tokens
from tests.api.doors import BASE, KEY, Door
from tests.factories import Floor, Platform
from ui.api.browser_session import ACCESS_COOKIE, REFRESH_COOKIE
from ui.kit.process import Process

SignIn: TypeAlias = Callable[[Floor, Role], Awaitable[User]]

BROWSER = {"accept": "text/html,application/xhtml+xml", "accept-language": "en"}


@pytest.fixture(scope="session")
async def process(database: Database, app_url: str) -> AsyncIterator[Process]:
    """A server process as `main.py` makes it, with its pump on the real queue, for all tests of this worker."""
    settings = Settings(_env_file=None, secret_key=KEY, requests_per_minute=100_000)
    process = main.make_process(settings)
    app = main.make_app(process)
    live = asyncio.Event()
    process.hub.on_source(lambda is_live: live.set() if is_live else live.clear())
    async with app.router.lifespan_context(app):
        pump = asyncio.create_task(Pump(app_url, process.hub, count_screens=lambda: process.screens.count).run())
        await asyncio.wait_for(live.wait(), 10)
        _App.app = app
        yield process
        pump.cancel()
        with suppress(asyncio.CancelledError):
            await pump


@pytest.fixture
async def visitor(process: Process) -> AsyncIterator[User]:
    """Somebody who is not signed in, in front of a browser that prefers English."""
    yield User(browser())
    ui.navigate, ui.notify, ui.download = Navigate(), notify, download


@pytest.fixture
def door(process: Process) -> Door:
    """Opens sessions as the sign-in does."""
    return Door(process.settings, issuer=process.issuer, sessions=process.sessions, key_holders=process.key_holders)


@pytest.fixture
def sign_in(door: Door, visitor: User) -> SignIn:
    """Opens a session of somebody of a floor, and returns them in front of a browser that holds the cookies."""

    async def sign_in(floor: Floor, role: Role) -> User:
        return before_a_browser(await door.tokens(floor, role))

    return sign_in


@pytest.fixture
async def pat(door: Door, platform: Platform, visitor: User) -> User:
    """An admin of the platform in front of a browser."""
    return before_a_browser(await door.tokens_of(platform.scope.org_id, platform.user_id))


def before_a_browser(tokens: Tokens) -> User:
    """Return somebody in front of a browser that holds their cookies."""
    user = User(browser())
    user.http_client.cookies.set(ACCESS_COOKIE, tokens.access)
    user.http_client.cookies.set(REFRESH_COOKIE, tokens.refresh)
    return user


@pytest.fixture
async def operator(sign_in: SignIn, floor: Floor) -> User:
    """The operator of the floor."""
    return await sign_in(floor, Role.OPERATOR)


@pytest.fixture
async def supervisor(sign_in: SignIn, floor: Floor) -> User:
    """The supervisor of the floor."""
    return await sign_in(floor, Role.SUPERVISOR)


def browser(**headers: str) -> httpx.AsyncClient:
    """Return what a person's browser sends its requests with."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(_App.app), base_url=BASE, headers={**BROWSER, "origin": BASE, **headers}
    )


@asynccontextmanager
async def database_away(database: Database) -> AsyncIterator[asyncio.Event]:
    """Let every unit of work of the block find somebody who hangs up; yields what is set when one has tried."""
    tried = asyncio.Event()

    def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tried.set()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    away = Database(f"postgresql://unison_app@127.0.0.1:{server.sockets[0].getsockname()[1]}/unison")
    use_database(away)
    try:
        yield tried
    finally:
        use_database(database)
        await away.close()
        server.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, for at most ten seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - pages announce nothing
            await asyncio.sleep(0.02)


async def sees(user: User, text: str) -> None:
    """Wait until the page, or a message on it, says this; the patience is for a busy machine."""
    await user.should_see(text, retries=60)


class _App:
    app: FastAPI
