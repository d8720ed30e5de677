"""Signing in through an organization's own provider, a real one that runs on this computer."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select, update

from domain.identity.roles import Role
from services.audit.notes import NOTES
from services.auth.secret_boxes import SecretBox
from services.db.tables import SignInProvider, User, UserIdentity, UserRole
from services.db.work import begin, read
from services.identity.provider_sign_ins import Departure
from services.identity.sign_in_providers import PURPOSE, add_provider
from tests.api.doors import BASE, KEY, V1, Door, make_door
from tests.factories import Floor
from tests.openid_provider import (
    Claims,
    Provider,
    running_provider,
    signed_by_another,
    signed_with_its_public_key,
    unsigned,
)
from tests.services.test_audit import trail
from ui.api.browser_session import ACCESS_COOKIE
from ui.api.provider_sign_in import COOKIE

BOX = SecretBox.of(KEY, purpose=PURPOSE)


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    """A provider for all tests of this module."""
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Iterator[Provider]:
    """The provider, honest and at home at the beginning of each test."""
    running.lie = running.sign = None
    running.is_away, running.claims_issuer = False, ""
    yield running
    running.lie = running.sign = None
    running.is_away, running.claims_issuer = False, ""


@pytest.fixture
def door(database: object) -> Door:
    """A server process that may ask providers of this computer."""
    return make_door(private_providers=True)


@dataclass
class Visit:
    """Somebody's browser on an organization's sign-in page."""

    client: httpx.AsyncClient
    start: str
    """Where the button leads."""

    async def leave(self, target: str = "/") -> str:
        """Press the button; returns where it leads."""
        answer = await self.client.get(self.start, params={"next": target})
        assert answer.status_code == 303
        return str(answer.headers["location"])

    async def arrive(self, address: str) -> httpx.Response:
        """Come back."""
        assert address.startswith(BASE), address
        return await self.client.get(address.removeprefix(BASE))

    async def me(self) -> dict[str, Any]:
        """Return who is signed in."""
        content: dict[str, Any] = (await self.client.get(f"{V1}/auth/me")).json()
        return content


async def set_up(floor: Floor, provider: Provider, **fields: Any) -> UUID:
    """Commit the provider as the floor's own."""
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        given = {
            "label": "Works account", "issuer": provider.issuer, "client_id": provider.client_id,
            "client_secret": provider.client_secret, "may_be_local": True, **fields,
        }  # fmt: skip
        return await add_provider(work, box=BOX, **given)


@asynccontextmanager
async def visiting(door: Door, floor: Floor, provider_id: UUID) -> AsyncIterator[Visit]:
    """Open a browser for the time of the block."""
    async with door.client(Origin=BASE, Accept="text/html") as client:
        yield Visit(client, f"/o/{floor.slug}/with/{provider_id}")


def told(answer: httpx.Response) -> str:
    """Return what the sign-in page is asked to say; nobody came in."""
    assert answer.status_code == 303
    target = urlsplit(answer.headers["location"])
    assert target.path == "/sign-in", answer.headers["location"]
    assert not any(ACCESS_COOKIE in cookie for cookie in answer.headers.get_list("set-cookie"))
    return parse_qs(target.query)["problem"][0]


def known(provider: Provider, floor: Floor, role: Role = Role.OPERATOR, *, claims: Claims | None = None) -> str:
    """Let the provider know the floor's user; returns their subject there."""
    subject = f"subject-{floor.user_ids[role].hex}"
    provider.knows(
        subject, **{"email": floor.emails[role], "email_verified": True, "name": "Olga O.", **(claims or {})}
    )
    return subject


class TestSignIn:
    async def test_lets_in_a_user_by_their_confirmed_address(
        self, door: Door, floor: Floor, provider: Provider
    ) -> None:
        provider_id, subject = await set_up(floor, provider), known(provider, floor)
        async with visiting(door, floor, provider_id) as visit:
            away = await visit.leave("/terminal")
            answer = await visit.arrive(provider.consent(away, subject))

            assert (answer.status_code, answer.headers["location"]) == (303, "/terminal")
            me = await visit.me()
            assert (me["email"], me["roles"]) == (floor.emails[Role.OPERATOR], ["operator"])

        asked = parse_qs(urlsplit(away).query)
        assert asked["response_type"] == ["code"]
        assert asked["code_challenge_method"] == ["S256"]
        assert asked["redirect_uri"] == [f"{BASE}/sign-in/callback"]
        assert asked["nonce"] != asked["state"]

    async def test_knows_them_afterwards_by_their_subject(self, door: Door, floor: Floor, provider: Provider) -> None:
        provider_id, subject = await set_up(floor, provider), known(provider, floor)
        for email in (floor.emails[Role.OPERATOR], f"married-{floor.emails[Role.OPERATOR]}"):
            known(provider, floor, claims={"email": email})
            async with visiting(door, floor, provider_id) as visit:
                await visit.arrive(provider.consent(await visit.leave(), subject))

                assert (await visit.me())["email"] == floor.emails[Role.OPERATOR]

    async def test_makes_users_of_newcomers_where_that_is_wanted(
        self, door: Door, floor: Floor, provider: Provider
    ) -> None:
        provider_id = await set_up(floor, provider, new_user_role="viewer", email_domains=["works.example"])
        provider.knows("nina", email="Nina@Works.example", email_verified=True, name="Nina N.")
        async with visiting(door, floor, provider_id) as visit:
            await visit.arrive(provider.consent(await visit.leave(), "nina"))

            me = await visit.me()
            assert (me["email"], me["display_name"], me["roles"]) == ("nina@works.example", "Nina N.", ["viewer"])

    async def test_by_two_browsers_at_once_makes_one_user(self, door: Door, floor: Floor, provider: Provider) -> None:
        provider_id = await set_up(floor, provider, new_user_role="viewer")
        provider.knows("nina", email=f"nina@{floor.slug}.example", email_verified=True)

        async def come() -> int:
            async with visiting(door, floor, provider_id) as visit:
                address = await asyncio.to_thread(provider.consent, await visit.leave(), "nina")
                await visit.arrive(address)
                return (await visit.client.get(f"{V1}/auth/me")).status_code

        assert list(await asyncio.gather(come(), come(), come())) == [200, 200, 200]
        async with read(floor.scope) as work:
            counted = select(func.count()).select_from(User).where(User.email == f"nina@{floor.slug}.example")
            assert await work.session.scalar(counted) == 1
            assert await work.session.scalar(select(func.count()).select_from(UserIdentity)) == 1

    async def test_audits_the_new_user_and_keeps_no_password(
        self, door: Door, floor: Floor, provider: Provider
    ) -> None:
        provider_id = await set_up(floor, provider, new_user_role="viewer")
        provider.knows("nina", email=f"nina@{floor.slug}.example", email_verified="true")
        async with visiting(door, floor, provider_id) as visit:
            await visit.arrive(provider.consent(await visit.leave(), "nina"))

        async with read(floor.scope) as work:
            user = (await work.session.execute(select(User).where(User.email.startswith("nina@")))).scalar_one()
            assert user.password_hash is None
            roles = await work.session.execute(select(UserRole.role).where(UserRole.user_id == user.id))
            assert roles.scalars().all() == ["viewer"]

    async def test_believes_a_token_that_was_signed_again_without_a_lie(
        self, door: Door, floor: Floor, provider: Provider
    ) -> None:
        provider_id, subject = await set_up(floor, provider), known(provider, floor)
        provider.lie = lambda claims: claims
        async with visiting(door, floor, provider_id) as visit:
            await visit.arrive(provider.consent(await visit.leave(), subject))

            assert (await visit.me())["email"] == floor.emails[Role.OPERATOR]

    async def test_asks_for_what_the_token_does_not_say(self, door: Door, floor: Floor, provider: Provider) -> None:
        provider_id, subject = await set_up(floor, provider), known(provider, floor)
        provider.lie = lambda claims: (claims.pop("email"), claims.pop("email_verified"))
        async with visiting(door, floor, provider_id) as visit:
            await visit.arrive(provider.consent(await visit.leave(), subject))

            assert (await visit.me())["email"] == floor.emails[Role.OPERATOR]
        assert "/userinfo" in provider.asked


class TestRefusals:
    @pytest.mark.parametrize(
        ("claims", "code"),
        [
            ({"email_verified": False}, "mail_not_confirmed"),
            ({"email_verified": None}, "mail_not_confirmed"),
            ({"email": ""}, "mail_not_confirmed"),
            ({"email": "no address"}, "mail_not_confirmed"),
            ({"email": "nobody@elsewhere.example"}, "no_account"),
        ],
    )
    async def test_of_people_who_are_not_known_here(
        self, door: Door, floor: Floor, provider: Provider, claims: Claims, code: str
    ) -> None:
        provider_id, subject = await set_up(floor, provider), known(provider, floor, claims=claims)
        async with visiting(door, floor, provider_id) as visit:
            assert told(await visit.arrive(provider.consent(await visit.leave(), subject))) == code

    async def test_of_addresses_outside_the_domains(self, door: Door, floor: Floor, provider: Provider) -> None:
        provider_id, subject = await set_up(floor, provider, email_domains=["other.example"]), known(provider, floor)
        async with visiting(door, floor, provider_id) as visit:
            assert told(await visit.arrive(provider.consent(await visit.leave(), subject))) == "no_account"

    async def test_are_noted_in_the_audit_like_wrong_passwords(
        self, door: Door, floor: Floor, other: Floor, provider: Provider
    ) -> None:
        provider_id, subject = await set_up(floor, provider), known(provider, other, Role.ADMIN)
        async with visiting(door, floor, provider_id) as visit:
            await visit.arrive(provider.consent(await visit.leave(), subject))

        await NOTES.written()
        async with read(floor.scope) as work:
            (entry,) = await trail(work, action="refused")
        assert (entry.table_name, entry.user_id) == ("provider_sign_in", None)
        assert entry.after == {"code": "no_account", "where": "sign-in provider", "times": 1}
        assert entry.device.startswith("127.0.0.1")

    async def test_of_users_of_another_organization(
        self, door: Door, floor: Floor, other: Floor, provider: Provider
    ) -> None:
        provider_id, subject = await set_up(floor, provider), known(provider, other, Role.ADMIN)
        async with visiting(door, floor, provider_id) as visit:
            assert told(await visit.arrive(provider.consent(await visit.leave(), subject))) == "no_account"

    async def test_of_users_who_left(self, door: Door, floor: Floor, provider: Provider) -> None:
        provider_id, subject = await set_up(floor, provider), known(provider, floor)
        async with begin(floor.scope) as work:
            await work.session.execute(update(User).values(is_active=False))
        async with visiting(door, floor, provider_id) as visit:
            assert told(await visit.arrive(provider.consent(await visit.leave(), subject))) == "no_account"

    async def test_of_somebody_else_who_got_the_address_of_a_user(
        self, door: Door, floor: Floor, provider: Provider
    ) -> None:
        provider_id, subject = await set_up(floor, provider), known(provider, floor)
        async with visiting(door, floor, provider_id) as visit:
            await visit.arrive(provider.consent(await visit.leave(), subject))
        provider.knows("an-heir", email=floor.emails[Role.OPERATOR], email_verified=True)
        async with visiting(door, floor, provider_id) as visit:
            assert told(await visit.arrive(provider.consent(await visit.leave(), "an-heir"))) == "no_account"

    @pytest.mark.parametrize(
        "lie",
        [
            lambda claims: claims.update(nonce="another"),
            lambda claims: claims.pop("nonce"),
            lambda claims: claims.update(aud="another"),
            lambda claims: claims.update(aud=[claims["aud"], "another"]),
            lambda claims: claims.pop("aud"),
            lambda claims: claims.update(iss="https://another.example"),
            lambda claims: claims.update(exp=int(time.time()) - 3600),
            lambda claims: claims.pop("exp"),
            lambda claims: claims.update(iat=int(time.time()) + 3600),
            lambda claims: claims.update(azp="another"),
            lambda claims: claims.update(at_hash="another"),
            lambda claims: claims.update(sub=""),
            lambda claims: claims.update(sub={"a": 1}),
        ],
        ids=["nonce", "no_nonce", "audience", "audiences", "no_audience", "issuer", "over", "endless", "early", "party",
             "hash", "nobody", "no_text"],
    )  # fmt: skip
    async def test_of_tokens_that_are_not_for_us_now(
        self, door: Door, floor: Floor, provider: Provider, lie: Any
    ) -> None:
        provider_id, subject = await set_up(floor, provider), known(provider, floor)
        provider.lie = lie
        async with visiting(door, floor, provider_id) as visit:
            assert told(await visit.arrive(provider.consent(await visit.leave(), subject))) == "provider_refused"

    @pytest.mark.parametrize("sign", [unsigned, signed_by_another, signed_with_its_public_key, lambda *_: "nonsense"])
    async def test_of_tokens_that_the_provider_did_not_sign(
        self, door: Door, floor: Floor, provider: Provider, sign: Any
    ) -> None:
        provider_id, subject = await set_up(floor, provider), known(provider, floor)
        provider.sign = sign
        async with visiting(door, floor, provider_id) as visit:
            assert told(await visit.arrive(provider.consent(await visit.leave(), subject))) == "provider_refused"

    async def test_of_a_way_back_that_was_used(self, door: Door, floor: Floor, provider: Provider) -> None:
        provider_id, subject = await set_up(floor, provider), known(provider, floor)
        async with visiting(door, floor, provider_id) as visit:
            address = provider.consent(await visit.leave(), subject)
            kept = visit.client.cookies.get(COOKIE)
            await visit.arrive(address)
            asked = len(provider.asked)

            assert told(await visit.arrive(address)) == "sign_in_over"
            visit.client.cookies.set(COOKIE, kept or "", domain="mes.test")
            assert told(await visit.arrive(address)) == "sign_in_over"
            assert len(provider.asked) == asked

    async def test_of_a_way_back_that_comes_twice_at_once(self, door: Door, floor: Floor, provider: Provider) -> None:
        provider_id, subject = await set_up(floor, provider), known(provider, floor)
        async with visiting(door, floor, provider_id) as visit:
            address = provider.consent(await visit.leave(), subject)
            answers = await asyncio.gather(*(visit.arrive(address) for _ in range(3)))

        leads = sorted(urlsplit(answer.headers["location"]).path for answer in answers)
        assert leads == ["/", "/sign-in", "/sign-in"]

    async def test_of_a_way_back_into_another_browser(self, door: Door, floor: Floor, provider: Provider) -> None:
        provider_id, subject = await set_up(floor, provider), known(provider, floor)
        async with visiting(door, floor, provider_id) as attacker, visiting(door, floor, provider_id) as victim:
            address = provider.consent(await attacker.leave(), subject)

            assert told(await victim.arrive(address)) == "sign_in_over"
            await victim.leave()
            assert told(await victim.arrive(address)) == "sign_in_over"

    @pytest.mark.parametrize(
        "cookie",
        ["", "nonsense", "ä", "a" * 5000, SecretBox.of("other" * 10, purpose="x").seal(b"[]").decode()],
        ids=["none", "nonsense", "letters", "long", "other_key"],
    )
    async def test_of_a_way_back_that_nobody_began(self, door: Door, floor: Floor, cookie: str) -> None:
        headers = [(b"cookie", f"{COOKIE}={cookie}".encode())]

        assert told(await door.client().get("/sign-in/callback?code=x&state=y", headers=headers)) == "sign_in_over"

    async def test_of_who_was_denied_at_the_provider(self, door: Door, floor: Floor, provider: Provider) -> None:
        provider_id = await set_up(floor, provider)
        async with visiting(door, floor, provider_id) as visit:
            await visit.leave()
            sealed = visit.client.cookies.get(COOKIE) or ""
            state = Departure.opened(SecretBox.of(KEY, purpose="provider-sign-ins"), sealed).errand.state

            answer = await visit.arrive(f"{BASE}/sign-in/callback?error=access_denied&state={state}")

        assert told(answer) == "provider_refused"

    async def test_of_a_code_that_was_made_up(self, door: Door, floor: Floor, provider: Provider) -> None:
        provider_id, subject = await set_up(floor, provider), known(provider, floor)
        async with visiting(door, floor, provider_id) as visit:
            address = provider.consent(await visit.leave(), subject)
            code = parse_qs(urlsplit(address).query)["code"][0]

            assert told(await visit.arrive(address.replace(code, "made-up"))) == "provider_refused"

    async def test_of_another_providers_answer(self, door: Door, floor: Floor, provider: Provider) -> None:
        provider_id, subject = await set_up(floor, provider), known(provider, floor)
        async with visiting(door, floor, provider_id) as visit:
            address = provider.consent(await visit.leave(), subject)

            assert told(await visit.arrive(f"{address}&iss=https://another.example")) == "provider_refused"

    async def test_do_not_come_from_a_provider_that_is_away(self, door: Door, floor: Floor, provider: Provider) -> None:
        provider_id, subject = await set_up(floor, provider), known(provider, floor)
        async with visiting(door, floor, provider_id) as visit:
            provider.is_away = True
            assert told(await visit.client.get(visit.start)) == "provider_away"
            provider.is_away = False
            address = provider.consent(await visit.leave(), subject)
            provider.is_away = True
            assert told(await visit.arrive(address)) == "provider_away"

    async def test_of_a_client_that_the_provider_does_not_know(
        self, door: Door, floor: Floor, provider: Provider
    ) -> None:
        provider_id, subject = await set_up(floor, provider, client_secret="wrong"), known(provider, floor)
        async with visiting(door, floor, provider_id) as visit:
            address = provider.consent(await visit.leave(), subject)

            assert told(await visit.arrive(address)) == "provider_misconfigured"

    async def test_of_a_provider_that_calls_itself_otherwise(self, floor: Floor, provider: Provider) -> None:
        door = make_door(private_providers=True)
        provider_id = await set_up(floor, provider)
        provider.claims_issuer = "https://another.example"
        async with visiting(door, floor, provider_id) as visit:
            assert told(await visit.client.get(visit.start)) == "provider_misconfigured"

    async def test_of_private_addresses_where_the_installation_does_not_allow_them(
        self, floor: Floor, provider: Provider
    ) -> None:
        door = make_door()
        provider_id = await set_up(floor, provider)
        async with visiting(door, floor, provider_id) as visit:
            asked = len(provider.asked)
            assert told(await visit.client.get(visit.start)) == "provider_misconfigured"
            assert len(provider.asked) == asked

    async def test_of_hosts_that_do_not_answer(self, door: Door, floor: Floor, provider: Provider) -> None:
        for issuer in ("https://nowhere.invalid", "https://127.0.0.1:1"):
            provider_id = await set_up(floor, provider, issuer=issuer)
            async with visiting(door, floor, provider_id) as visit:
                assert told(await visit.client.get(visit.start)) == "provider_away"

    async def test_when_the_installations_key_changed(self, floor: Floor, provider: Provider) -> None:
        door = make_door(private_providers=True, secret_key="another key of the installation, long enough")
        provider_id = await set_up(floor, provider)
        async with visiting(door, floor, provider_id) as visit:
            assert told(await visit.client.get(visit.start)) == "secret_lost"

    async def test_of_providers_that_are_not_the_organizations(
        self, door: Door, floor: Floor, other: Floor, provider: Provider
    ) -> None:
        provider_id = await set_up(floor, provider)
        async with door.client() as client:
            for slug, name in ((other.slug, provider_id), ("nowhere", provider_id), (floor.slug, "nothing")):
                assert told(await client.get(f"/o/{slug}/with/{name}")) == "not_found"
            async with begin(floor.scope) as work:
                await work.session.execute(update(SignInProvider).values(is_active=False))
            assert told(await client.get(f"/o/{floor.slug}/with/{provider_id}")) == "not_found"

    async def test_come_before_too_many_questions(self, floor: Floor, provider: Provider) -> None:
        door = make_door(private_providers=True, sign_in_attempts=2)
        provider_id, subject = await set_up(floor, provider), known(provider, floor)
        provider.lie = lambda claims: claims.update(aud="another")
        codes = []
        for _ in range(3):
            async with visiting(door, floor, provider_id) as visit:
                codes.append(told(await visit.arrive(provider.consent(await visit.leave(), subject))))

        assert codes == ["provider_refused", "provider_refused", "too_many_attempts"]

    async def test_lead_nowhere_else(self, door: Door, floor: Floor, provider: Provider) -> None:
        provider_id, subject = await set_up(floor, provider), known(provider, floor)
        async with visiting(door, floor, provider_id) as visit:
            answer = await visit.arrive(provider.consent(await visit.leave("https://evil.example/"), subject))

            assert answer.headers["location"] == "/"
