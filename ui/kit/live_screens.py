"""Which pages belong to which sign-in, so that a revoked session loses its screens."""

import asyncio
from collections import defaultdict
from uuid import UUID

from nicegui import Client, background_tasks, core

from domain.errors import Unavailable
from domain.events import Event, OrganizationChanged, OrganizationEdited, RolesChanged, SessionRevoked, UserChanged
from services.auth.tokens import NotSignedIn
from services.identity.sessions import Sessions, Viewer
from ui.kit.live_boards import sockets_of

SIGN_IN = "/sign-in"
GOODBYE_S = 0.5
"""Time for a page to hear where it leads now, before its socket is closed."""
AT_ONCE = 8
"""How many people are looked up at a time: fewer than the process has connections to Postgres."""

Looked = UserChanged | RolesChanged | OrganizationChanged | OrganizationEdited
"""Events after which screens are looked at again."""


class LiveScreens:
    """The pages of this process by session."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._by_session: defaultdict[UUID, dict[Client, Viewer]] = defaultdict(dict)

    def add(self, viewer: Viewer, client: Client) -> None:
        """Remember a page until it is gone."""
        self._by_session[viewer.session_id][client] = viewer

        def forget() -> None:
            clients = self._by_session.get(viewer.session_id)
            if clients is not None:
                clients.pop(client, None)
                if not clients:
                    del self._by_session[viewer.session_id]

        client.on_delete(forget)

    def count_of(self, org_id: UUID) -> int:
        """How many pages of an organization's people are open."""
        everybody = (viewer for clients in self._by_session.values() for viewer in clients.values())
        return sum(viewer.scope.org_id == org_id for viewer in everybody)

    @property
    def count(self) -> int:
        """How many pages are open."""
        return sum(len(clients) for clients in self._by_session.values())

    def hear(self, org_id: UUID | None, event: Event | None) -> None:
        """Close the pages of a session that was revoked, and look again where that may have been missed."""
        match event:
            case SessionRevoked():
                for client in tuple(self._by_session.get(event.session_id, ())):
                    background_tasks.create(_close(client, SIGN_IN), name="close a revoked screen")
            case UserChanged() | RolesChanged() | OrganizationChanged() | OrganizationEdited() | None:
                background_tasks.create(self._look_again(org_id, event), name="look at the sessions of screens again")

    async def _look_again(self, org_id: UUID | None, event: Looked | None) -> None:
        """Close pages whose session has ended, and build anew those whose person may see something else now."""
        turns = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(
            *(
                self._look_at(client, viewer, turns)
                for clients in tuple(self._by_session.values())
                for client, viewer in tuple(clients.items())
                if _may_concern(org_id, event, viewer)
            )
        )

    async def _look_at(self, client: Client, viewer: Viewer, turns: asyncio.Semaphore) -> None:
        try:
            async with turns:
                now = await self._sessions.again(viewer)
        except NotSignedIn:
            await _close(client, SIGN_IN)
        except Unavailable:
            return  # the hub says when the database is back
        else:
            if _shown(now) != _shown(viewer):
                await _close(client, client.request.url.path)


def _shown(viewer: Viewer) -> tuple[object, ...]:
    """Return what decides how a page looks: what the person may see, how they read, and what they are warned of."""
    return viewer.scope, viewer.language, viewer.time_zone, viewer.number_format, viewer.ends_at


def _may_concern(org_id: UUID | None, event: Looked | None, viewer: Viewer) -> bool:
    match event:
        case UserChanged():
            return event.user_id == viewer.user_id
        case RolesChanged() | OrganizationChanged():
            return org_id == viewer.scope.org_id
        case OrganizationEdited():
            return event.organization_id == viewer.scope.org_id
    return True


async def _close(client: Client, leads_to: str) -> None:
    for sid in sockets_of(client):
        for room in tuple(core.sio.rooms(sid)):
            if room not in {sid, client.id}:
                await core.sio.leave_room(sid, room)
    client.open(leads_to)
    await asyncio.sleep(GOODBYE_S)
    for sid in sockets_of(client):
        await core.sio.disconnect(sid)
    if not client.is_deleted:
        client.delete()
    for document in tuple(client._delete_tasks):  # noqa: SLF001 - else NiceGUI deletes it again, which is an error
        client._cancel_delete_task(document)  # noqa: SLF001
