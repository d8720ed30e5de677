"""The real application on the real database, with ways in for every kind of caller."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI

from domain.identity.roles import Role
from domain.scope import Scope
from services.adapters.openid_connect import OpenIdConnect
from services.adapters.webhook_posts import WebhookPosts
from services.auth.attempts import SignInAttempts
from services.auth.tokens import TokenIssuer
from services.config import Settings
from services.db.keys import new_id
from services.db.work import begin
from services.identity.key_holders import KeyHolders
from services.identity.provider_sign_ins import ProviderDoor
from services.identity.sessions import Sessions
from services.identity.sign_ins import Device, Tokens, open_session
from services.webhooks.sending import WebhookDoor, use_webhooks
from tests.factories import Floor
from ui.api.gate import install

BASE = "http://mes.test"
V1 = "/api/v1"
KEY = "k" * 40
ISSUER = TokenIssuer(KEY, timedelta(minutes=30), timedelta(days=7))


@dataclass
class Door:
    """One server process's way in."""

    settings: Settings
    issuer: TokenIssuer = ISSUER
    sessions: Sessions = field(default_factory=Sessions)
    key_holders: KeyHolders = field(default_factory=KeyHolders)
    checks: dict[str, bool] = field(default_factory=lambda: {"database": True, "live": True})

    def __post_init__(self) -> None:
        self.app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        use_webhooks(WebhookDoor.of(KEY, WebhookPosts(may_be_private=False), may_be_private=False))
        install(
            self.app,
            settings=self.settings,
            issuer=self.issuer,
            sessions=self.sessions,
            key_holders=self.key_holders,
            attempts=SignInAttempts(self.settings.sign_in_attempts),
            provider_door=ProviderDoor.of(
                self.settings.signing_key, OpenIdConnect(may_be_private=self.settings.private_providers)
            ),
            ready=self._ready,
        )

    def client(self, *, bearer: str | None = None, address: str = "127.0.0.1", **headers: str) -> httpx.AsyncClient:
        """Return a client without a session, or with a bearer token."""
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        transport = httpx.ASGITransport(self.app, client=(address, 50_000))
        return httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers)

    async def tokens(self, floor: Floor, role: Role) -> Tokens:
        """Open a session for a floor's user without checking a password, which costs a quarter of a second."""
        return await self.tokens_of(floor.scope.org_id, floor.user_ids[role])

    async def tokens_of(self, org_id: UUID, user_id: UUID) -> Tokens:
        """Open a session for a user, likewise."""
        async with begin(Scope(org_id, actor_kind="user", user_id=user_id, request_id="test")) as work:
            return await open_session(work, self.issuer, user_id=user_id, device=Device("127.0.0.1"))

    async def caller(self, floor: Floor, role: Role = Role.ADMIN) -> httpx.AsyncClient:
        """Return a program that is signed in as a floor's user."""
        return self.client(bearer=(await self.tokens(floor, role)).access)

    async def _ready(self) -> dict[str, bool]:
        return self.checks


def make_door(**settings: Any) -> Door:
    """Return a way in with settings of its own; nothing comes from the environment."""
    given = {"secret_key": KEY, "requests_per_minute": 100_000, **settings}
    return Door(Settings(_env_file=None, **given))


def report(floor: Floor, **fields: object) -> dict[str, object]:
    """Return the JSON of a report of eight good pieces, with a fresh client key unless given."""
    return {"machine_id": str(floor.machine_id), "client_key": str(new_id()), "good": 8, **fields}


def refused(response: httpx.Response, status: int, code: str) -> bool:
    """Tell whether an answer is the problem that is expected; shows what it is instead."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    content = response.json()
    assert (response.status_code, content["code"]) == (status, code), response.text
    assert content["request_id"] == response.headers["x-request-id"]
    assert content["type"] == f"urn:unison:error:{code}"
    return True


async def all_pages(client: httpx.AsyncClient, path: str, **params: str) -> list[dict[str, Any]]:
    """Return the items of every page, and refuse a page that is longer than asked."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        asked = params if cursor is None else {**params, "cursor": cursor}
        content = (await client.get(f"{V1}/{path}", params=asked)).json()
        assert len(content["items"]) <= int(params["limit"])
        items += content["items"]
        cursor = content["next_cursor"]
        if cursor is None:
            return items
