"""Live screens belong to one organization and one session: nothing reaches others, and they end with the session."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import socketio
from socketio.exceptions import ConnectionError as Refused

from services.db.keys import new_id
from tests.product.installation import Installation
from tests.product.visitors import (
    V1,
    LiveScreen,
    Reporter,
    listed,
    live_screen,
    machine_ids,
    signed_in_browser,
    signed_in_program,
)

pytestmark = pytest.mark.xdist_group("product")
SUPERVISOR, RIVAL = "supervisor@demo.example", "admin@rival.example"
WALL = "/wall/andon/MILL"
"""Both organizations have a lane of this code."""


@pytest.fixture
async def ours(product: Installation) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in_browser(product, SUPERVISOR) as http:
        yield http


@pytest.fixture
async def theirs(product: Installation) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in_browser(product, RIVAL) as http:
        yield http


def rooms(screen: LiveScreen) -> set[str]:
    """Return the rooms whose messages a screen got since the last time."""
    return {body["room"] for name, body in screen.heard() if name.startswith("unison:") and "room" in body}


class TestOrganizations:
    async def test_share_no_patch(
        self, product: Installation, ours: httpx.AsyncClient, theirs: httpx.AsyncClient
    ) -> None:
        async with (
            signed_in_program(product, RIVAL) as program,
            live_screen(ours, WALL) as our_wall,
            live_screen(theirs, WALL) as their_wall,
        ):
            machine_id = (await machine_ids(program))["R-01"]
            await Reporter(program, machine_id).report(new_id())
            patch = await their_wall.hears("unison:patch", lambda patch: machine_id in str(patch))
            await our_wall.hears("unison:patch")
            heard = our_wall.heard()

        assert patch["room"] not in str(heard)
        assert machine_id not in str(heard)

    async def test_have_no_page_for_the_lane_of_another(self, product: Installation, theirs: httpx.AsyncClient) -> None:
        async with signed_in_program(product, SUPERVISOR) as program:
            lane = next(lane for lane in await listed(program, "/lanes/") if lane["code"] == "MILL")

        page = await theirs.get(f"/wall/andon/{lane['id']}")

        assert "There is no lane with this id." in page.text
        assert lane["name"] not in page.text

    async def test_cannot_talk_their_sockets_into_a_foreign_room(
        self, ours: httpx.AsyncClient, theirs: httpx.AsyncClient
    ) -> None:
        async with live_screen(ours, WALL) as our_wall, live_screen(theirs, "/wall") as intruder:
            room = (await our_wall.hears_of_its_board())["room"]
            for name in ("join", "enter_room", "subscribe", "room", "unison:beat", "unison:patch"):
                await intruder.socket.emit(name, room)
                await intruder.socket.emit(name, {"room": room})
            await our_wall.hears("unison:patch")
            await our_wall.hears("unison:patch")

            assert rooms(intruder) == set()


class TestDoors:
    @pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null"])
    async def test_are_shut_to_pages_of_other_sites(self, ours: httpx.AsyncClient, origin: str) -> None:
        with pytest.raises(Refused):
            async with live_screen(ours, WALL, origin=origin):
                pass

    async def test_are_open_to_programs_which_send_no_origin(self, ours: httpx.AsyncClient) -> None:
        async with live_screen(ours, WALL, origin=None) as wall:
            await wall.hears_of_its_board()

    @pytest.mark.parametrize("path", [WALL, "/plant", "/wall", "/sign-in", "/terminal/M-01"])
    async def test_let_no_cache_keep_a_page(self, ours: httpx.AsyncClient, path: str) -> None:
        page = await ours.get(path)

        assert page.status_code == 200
        assert page.headers["Cache-Control"] == "no-store"


async def sign_out_elsewhere(ours: httpx.AsyncClient, other_device: httpx.AsyncClient) -> None:
    bearer = {"Authorization": f"Bearer {ours.cookies['unison_access']}"}
    assert (await other_device.post(f"{V1}/auth/logout", headers=bearer)).status_code == 204


async def use_refresh_token_twice(ours: httpx.AsyncClient, other_device: httpx.AsyncClient) -> None:
    body = {"refresh_token": ours.cookies["unison_refresh"]}
    answers = [(await other_device.post(f"{V1}/auth/refresh", json=body)).status_code for _ in range(2)]
    assert answers == [200, 401]


class TestEndOfSession:
    @pytest.mark.parametrize("end", [sign_out_elsewhere, use_refresh_token_twice])
    async def test_closes_its_live_screens_within_two_seconds(
        self,
        product: Installation,
        ours: httpx.AsyncClient,
        theirs: httpx.AsyncClient,
        end: Callable[[httpx.AsyncClient, httpx.AsyncClient], Awaitable[None]],
    ) -> None:
        async with (
            httpx.AsyncClient(base_url=product.base_url) as other_device,
            live_screen(ours, WALL) as wall,
            live_screen(theirs, WALL) as bystander,
        ):
            await wall.hears_of_its_board()
            await end(ours, other_device)

            assert (await wall.hears("open", within_s=2))["path"] == "/sign-in"
            await wall.is_lost(within_s=2)
            await bystander.hears_of_its_board()
            with pytest.raises(Refused):
                await wall.connect()
        assert (await ours.get(WALL)).headers["Location"].startswith("/sign-in")


class TestForgedMessages:
    @pytest.mark.parametrize(
        "message",
        [
            ("event", {"client_id": "OTHER", "id": 4, "listener_id": "x", "args": []}),
            ("javascript_response", {"client_id": "OTHER", "request_id": "x", "result": 1}),
            ("handshake", {"client_id": "OTHER", "tab_id": "x", "document_id": "x"}),
            ("event", {}),
            ("event", None),
            ("ack", [1]),
            ("log", {"client_id": "OWN"}),
            ("event", {"client_id": "OWN", "id": 4, "listener_id": "x", "args": ["{"]}),
        ],
    )
    async def test_end_the_connection_and_disturb_nobody(
        self, product: Installation, ours: httpx.AsyncClient, message: tuple[str, Any]
    ) -> None:
        name, body = message
        before = len(product.log)
        async with live_screen(ours, "/wall") as intruder, live_screen(ours, WALL) as bystander:
            ids = {"OWN": intruder.client_id, "OTHER": bystander.client_id}
            if isinstance(body, dict) and "client_id" in body:
                body = {**body, "client_id": ids[body["client_id"]]}
            await intruder.socket.emit(name, body)

            await intruder.is_lost(within_s=5)
            await bystander.hears_of_its_board()
        assert "Traceback" not in product.log[before:]

    async def test_of_any_size_end_the_connection(self, product: Installation, ours: httpx.AsyncClient) -> None:
        async with live_screen(ours, "/wall") as intruder:
            await intruder.socket.emit("log", {"client_id": intruder.client_id, "message": "x" * 2_000_000})

            await intruder.is_lost(within_s=5)

    async def test_from_connections_without_a_page_are_refused(self, product: Installation) -> None:
        stranger = socketio.AsyncClient(reconnection=False)

        with pytest.raises(Refused):
            await stranger.connect(product.base_url, socketio_path="/_nicegui_ws/socket.io", transports=["websocket"])
