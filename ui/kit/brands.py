"""How organizations look, remembered by the process, and told to every open page of theirs when it changes."""

import time
from collections import defaultdict
from uuid import UUID

import structlog
from nicegui import Client, background_tasks, core

from domain.errors import Unavailable, UnisonError
from domain.events import BrandingChanged, Event
from domain.scope import Scope
from services.branding.queries import NOBODYS, Brand, load_brand
from services.db.work import read
from services.events.hub import Hub
from services.identity.organizations import OrganizationAddress
from ui.kit.live_boards import sockets_of
from ui.kit.rooms import tell_room
from ui.theme.brands import look_of

log = structlog.get_logger(__name__)

REMEMBER_S = 30.0
"""The longest that a process trusts what it knows without having heard an event."""
MESSAGE = "unison:brand"


class Brands:
    """The process's memory of how organizations look."""

    def __init__(self, hub: Hub) -> None:
        self._known: dict[UUID, tuple[float, Brand]] = {}
        self._pages: defaultdict[UUID, set[str]] = defaultdict(set)
        """Ids of the open pages by organization."""
        self._heard = 0
        hub.on_any_event(self.hear)

    async def of(self, org_id: UUID) -> Brand:
        """Return how an organization looks.

        Raises:
            NotFound: there is no such organization.
            Unavailable: Postgres does not answer, and nothing is remembered.
        """
        known = self._known.get(org_id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        heard = self._heard
        brand = await _loaded(org_id)
        if heard == self._heard:  # else it may have changed during the look-up
            self._known[org_id] = (time.monotonic() + REMEMBER_S, brand)
        return brand

    async def of_page(self, org_id: UUID, organization: str) -> Brand:
        """Return how an organization looks, and its bare name while Postgres is away."""
        try:
            return await self.of(org_id)
        except Unavailable:
            return Brand(org_id=org_id, slug="", organization=organization, version=0)

    def follow(self, client: Client, brand: Brand) -> None:
        """Let a page that wears a brand follow it until it is gone: its sockets join the room of the organization."""
        if brand.org_id is None:
            return
        org_id = brand.org_id
        shown = brand.version
        self._pages[org_id].add(client.id)

        async def join() -> None:
            for sid in sockets_of(client):
                await core.sio.enter_room(sid, room_of(org_id))
            now = await self.of_page(org_id, brand.organization)
            if now.version not in {0, shown}:
                tell_room(client.id, MESSAGE, look_of(now))

        def leave() -> None:
            self._pages[org_id].discard(client.id)
            if not self._pages[org_id]:
                del self._pages[org_id]

        client.on_connect(join)
        client.on_delete(leave)

    def hear(self, org_id: UUID | None, event: Event | None) -> None:
        """Forget what an event made untrue and tell the open pages, or all of them when events were missed."""
        if event is None:
            self._heard += 1
            self._known.clear()
            for followed in tuple(self._pages):
                background_tasks.create(self._tell(followed), name="tell pages their look again")
        elif isinstance(event, BrandingChanged) and org_id is not None:
            self._heard += 1
            self._known.pop(org_id, None)
            if org_id in self._pages:
                background_tasks.create(self._tell(org_id), name="tell pages their new look")

    async def _tell(self, org_id: UUID) -> None:
        try:
            brand = await self.of(org_id)
        except UnisonError as error:
            log.info("a look could not be told", error=error.code)  # the hub says when the database is back
            return
        tell_room(room_of(org_id), MESSAGE, look_of(brand))


def room_of(org_id: UUID) -> str:
    """Return the room of an organization's pages; only the server puts sockets into rooms."""
    return f"brand:{org_id}"


async def brand_of_address(organization: OrganizationAddress | None) -> Brand:
    """Return how the sign-in page looks: as the organization that its address names, else as nobody's."""
    if organization is None:
        return NOBODYS
    try:
        return await _loaded(organization.id)
    except Unavailable:
        return Brand(org_id=organization.id, slug=organization.slug, organization=organization.name, version=0)


async def _loaded(org_id: UUID) -> Brand:
    async with read(Scope(org_id, request_id="brand")) as work:
        return await load_brand(work)
