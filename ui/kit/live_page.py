"""Pages that only one person sees: they load again after an event, at most one load running and one waiting."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from nicegui import background_tasks

from domain.errors import Unavailable, UnisonError
from domain.events import Event
from ui.components.page_sight import PageSight
from ui.kit.enter import Seat
from ui.kit.errors import show_error
from ui.kit.process import this_process

log = structlog.get_logger(__name__)

RETRY_S = 0.3


async def keep_fresh(
    seat: Seat,
    *,
    load: Callable[[], Awaitable[None]],
    concerns: Callable[[Event], bool],
    due_s: Callable[[], float | None] = lambda: None,
    only_in_sight: bool = False,
    pause_s: float = 0.0,
) -> None:
    """Call `load` now, after every event that concerns the page, and after every reconnection, while the page lives.

    Subscribes before the first load, so that nothing falls between. Where the page changes without an event because
    time passes, `due_s` says after a load in how many seconds it will; None never. `only_in_sight` lets a page that
    nobody can see rest, whatever happens, and loads it when it comes into sight again. `pause_s` is the shortest time
    from one load to the next.

    Raises:
        As `load`, the first time.
    """
    wanted = asyncio.Event()

    def hear(event: Event | None) -> None:
        if event is None or concerns(event):
            wanted.set()

    async def follow() -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(due_s()):
                    await wanted.wait()
            if sight is not None:
                await sight.until_seen()
            wanted.clear()
            try:
                with seat.client:
                    await load()
            except Unavailable:
                if this_process().hub.is_live:  # only this connection was lost: nobody else would ask again
                    await asyncio.sleep(RETRY_S)
                    wanted.set()
            except UnisonError as error:
                with seat.client:
                    show_error(error, seat.translate)
            except Exception:
                log.exception("a page could not be loaded again", path=seat.client.request.url.path)
            await asyncio.sleep(pause_s)

    sight = None
    if only_in_sight:
        with seat.client:
            sight = PageSight(seat.client, on_sight=wanted.set)
    unsubscribe = this_process().hub.subscribe(seat.viewer.scope.org_id, hear)
    seat.client.on_delete(unsubscribe)
    await load()
    following = background_tasks.create(follow(), name="keep a page fresh", context=seat.client)
    seat.client.on_delete(lambda: following.cancel())
    seat.client.on_connect(wanted.set)
