"""From a click to a use case: every click is authorized again, saved or refused in a sentence."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import structlog
from nicegui import ui

from domain.errors import Unavailable, UnisonError
from services.audit.notes import note_refusal
from services.auth.tokens import NotSignedIn
from services.db.keys import new_id
from services.db.work import Work, begin
from ui.kit.enter import Seat
from ui.kit.errors import show_error, show_fault
from ui.kit.process import this_process
from ui.kit.translate import Translate

log = structlog.get_logger(__name__)

T = TypeVar("T")
RETRY_S = 0.3


async def act(
    seat: Seat,
    do: Callable[[Work], Awaitable[T]],
    *,
    saved: str = "",
    repeat_for_s: float = 0.0,
    refuse: Callable[[UnisonError, Translate], None] = show_error,
) -> T | None:
    """Run a use case for the person on this page and return its result, or None after telling them why not.

    `saved` is what they read afterwards. `repeat_for_s` is how long to try again while Postgres is away; only for
    what a client key books once. `refuse` shows a refusal, where a message above the page is not the best place.
    """
    give_up_at = time.monotonic() + repeat_for_s
    request_id = new_id().hex
    while True:
        try:
            viewer = await this_process().sessions.again(seat.viewer)
            async with begin(replace(viewer.scope, request_id=request_id, language=seat.lang)) as work:
                result = await do(work)
        except Unavailable as error:
            if time.monotonic() < give_up_at:
                await asyncio.sleep(RETRY_S)
                continue
            show_error(error, seat.translate)
            return None
        except NotSignedIn:
            ui.navigate.to("/sign-in")
            return None
        except UnisonError as error:
            note_refusal(replace(seat.viewer.scope, request_id=request_id), error, where=seat.client.page.path)
            refuse(error, seat.translate)
            return None
        except Exception:
            log.exception("a click failed", request_id=request_id)
            show_fault(request_id, seat.translate)
            return None
        if saved:
            ui.notify(saved, type="positive", position="top", timeout=2_000, classes="u-notify")
        return result
