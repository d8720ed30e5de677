"""A room's messages on real websockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import orjson
import pytest
import socketio
import uvicorn
from nicegui import core, json

from ui.kit.rooms import NAMESPACE, tell_room
from ui.sockets import MOST_WAITING, ScreenSocket, socket_of

ROOM = "board:test"
PATIENCE_S = 10
KILOBYTES_64 = "x" * 65_536
TOO_MANY = 400


@pytest.fixture
async def address(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Where a socket.io server listens that lets everybody in, on sockets as our web server makes them."""
    monkeypatch.setattr(core, "sio", socketio.AsyncServer(async_mode="asgi", json=json))
    core.sio.eio.start_service_task = False
    app = socketio.ASGIApp(core.sio, socketio_path="/socket.io")
    config = uvicorn.Config(app, port=0, ws=ScreenSocket, ws_per_message_deflate=False, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn only sets a flag
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
    server.should_exit = True
    await asyncio.wait_for(task, PATIENCE_S)


@asynccontextmanager
async def screen(address: str) -> AsyncIterator[tuple[aiohttp.ClientWebSocketResponse, str]]:
    """Connect a screen, put it into the room, and yield its websocket with its socket.io id."""
    async with aiohttp.ClientSession() as http, http.ws_connect(address, max_msg_size=0) as websocket:
        assert (await websocket.receive_str()).startswith("0")
        await websocket.send_str("40")
        sid: str = orjson.loads((await websocket.receive_str())[2:])["sid"]
        await core.sio.enter_room(sid, ROOM)
        yield websocket, sid


async def heard(websocket: aiohttp.ClientWebSocketResponse) -> object:
    """Return the next event that a screen hears."""
    return orjson.loads((await asyncio.wait_for(websocket.receive_str(), PATIENCE_S))[2:])


class TestTellRoom:
    async def test_reaches_every_socket_of_the_room_and_no_other(self, address: str) -> None:
        async with screen(address) as (one, _), screen(address) as (two, _), screen(address) as (outside, sid):
            await core.sio.leave_room(sid, ROOM)

            tell_room(ROOM, "unison:patch", {"seq": 1})
            tell_room(sid, "unison:patch", {"seq": 2})

            assert await heard(one) == ["unison:patch", {"seq": 1}]
            assert await heard(two) == ["unison:patch", {"seq": 1}]
            assert await heard(outside) == ["unison:patch", {"seq": 2}]

    async def test_writes_without_waiting_for_a_task(self, address: str) -> None:
        async with screen(address) as (_, sid):
            engine_id = core.sio.manager.eio_sid_from_sid(sid, NAMESPACE)
            assert socket_of(core.sio.environ[engine_id]) is not None

            tell_room(ROOM, "unison:patch", {"seq": 1})

            assert core.sio.eio.sockets[engine_id].queue.empty()

    async def test_keeps_a_bounded_number_of_messages_for_a_screen_that_takes_none(self, address: str) -> None:
        async with screen(address) as (stuck, sid):
            socket = socket_of(core.sio.environ[core.sio.manager.eio_sid_from_sid(sid, NAMESPACE)])
            assert socket is not None
            for seq in range(TOO_MANY):
                tell_room(ROOM, "unison:patch", {"seq": seq, "ballast": KILOBYTES_64})
                await asyncio.sleep(0)

            assert len(socket.waiting) == MOST_WAITING

            seqs: list[int] = []
            while len(seqs) < MOST_WAITING:
                seqs.append(orjson.loads((await stuck.receive_str())[2:])[1]["seq"])
            assert seqs == list(range(MOST_WAITING))

    async def test_goes_on_in_order_when_a_stuck_screen_is_back(self, address: str) -> None:
        async with screen(address) as (stuck, _):
            for seq in range(TOO_MANY):
                tell_room(ROOM, "unison:patch", {"seq": seq, "ballast": KILOBYTES_64})
                await asyncio.sleep(0)
            received = orjson.loads((await stuck.receive_str())[2:])[1]["seq"]
            while received < MOST_WAITING:
                received = orjson.loads((await stuck.receive_str())[2:])[1]["seq"]

            tell_room(ROOM, "unison:patch", {"seq": TOO_MANY})

            while received < TOO_MANY:
                before, received = received, orjson.loads((await stuck.receive_str())[2:])[1]["seq"]
                assert before < received

    async def test_reaches_pages_that_poll(self, address: str) -> None:
        polling = address.replace("websocket", "polling")
        async with aiohttp.ClientSession() as http:
            opened = orjson.loads((await (await http.get(polling)).text())[1:])
            session = f"{polling}&sid={opened['sid']}"
            await (await http.post(session, data="40")).read()
            sid = orjson.loads((await (await http.get(session)).text())[2:])["sid"]
            await core.sio.enter_room(sid, ROOM)

            tell_room(ROOM, "unison:patch", {"seq": 1})

            assert (await (await http.get(session)).text())[2:] == '["unison:patch",{"seq":1}]'
