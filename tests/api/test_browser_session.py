"""How a browser signs in, stays signed in and signs out."""

import asyncio
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import Request

from domain.identity.roles import Role
from services.auth.tokens import NotSignedIn
from tests.api.doors import BASE, V1, Door, make_door, refused
from tests.factories import PASSWORD, Floor
from ui.api.browser_session import ACCESS_COOKIE, REFRESH_COOKIE
from ui.api.sign_in_forms import local_target

ME = f"{V1}/auth/me"


def cookies_of(answer: httpx.Response) -> SimpleCookie:
    """Return the cookies that an answer sets."""
    return SimpleCookie("\r\n".join(answer.headers.get_list("set-cookie")))


def browser(door: Door, *, access: str = "", refresh: str = "") -> httpx.AsyncClient:
    """Return a browser on our own pages, with cookies of its own."""
    client = door.client(Origin=BASE, Accept="text/html")
    for name, value in ((ACCESS_COOKIE, access), (REFRESH_COOKIE, refresh)):
        if value:
            client.cookies.set(name, value, domain="mes.test")
    return client


def paged_door() -> Door:
    """Return a way in with one page that tells who looks at it."""
    door = make_door()

    @door.app.get("/page")
    async def page(request: Request) -> dict[str, str | None]:
        viewer = request.scope["state"]["viewer"]
        return {"email": None if viewer is None else viewer.email}

    return door


class TestSignInForm:
    async def test_sets_cookies_and_leads_on(self, door: Door, floor: Floor) -> None:
        client = browser(door)
        form = {"email": floor.emails[Role.OPERATOR], "password": PASSWORD, "next": "/wall/andon/L1?dark=1"}

        answer = await client.post("/sign-in", data=form)

        assert (answer.status_code, answer.headers["location"]) == (303, "/wall/andon/L1?dark=1")
        cookies = cookies_of(answer)
        for name, max_age in ((ACCESS_COOKIE, "1800"), (REFRESH_COOKIE, "604800")):
            cookie = cookies[name]
            assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
            assert (cookie["max-age"], cookie["secure"]) == (max_age, "")
        assert (await client.get(ME)).json()["email"] == floor.emails[Role.OPERATOR]

    @pytest.mark.parametrize("organization", ["", "elsewhere\x00", "x" * 500])
    async def test_leads_back_when_it_fails(self, door: Door, organization: str) -> None:
        form = {"email": "nobody\x00@test.example", "password": "\x00", "organization": organization, "next": "/plant"}

        answer = await browser(door).post("/sign-in", data=form)

        target = urlsplit(answer.headers["location"])
        assert (answer.status_code, target.path) == (303, "/sign-in")
        assert parse_qs(target.query) == {"problem": ["wrong_password"], "next": ["/plant"]}
        assert "set-cookie" not in answer.headers

    async def test_refuses_forms_of_other_sites(self, door: Door, floor: Floor) -> None:
        form = {"email": floor.emails[Role.OPERATOR], "password": PASSWORD}

        for headers in ({"Origin": "http://evil.test"}, {"Sec-Fetch-Site": "cross-site"}, {}):
            answer = await door.client(**headers).post("/sign-in", data=form)
            assert "problem=foreign_site" in answer.headers["location"]
            assert "set-cookie" not in answer.headers

    async def test_marks_cookies_secure_behind_https(self, floor: Floor) -> None:
        door = make_door(public_url="https://mes.test")
        form = {"email": floor.emails[Role.OPERATOR], "password": PASSWORD}

        answer = await browser(door).post("/sign-in", data=form)

        assert all(cookie["secure"] for cookie in cookies_of(answer).values())

    @pytest.mark.parametrize("body", [b"", b"\xff\xfe=%ff%00", b"email=a&email=b&x", b"%"])
    async def test_survives_any_form(self, door: Door, body: bytes) -> None:
        answer = await browser(door).post(
            "/sign-in", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )

        assert answer.status_code == 303


class TestLocalTarget:
    @pytest.mark.parametrize("target", ["/", "/plant", "/wall/andon/L%201?x=//y", "/a#b"])
    def test_keeps_paths_of_ours(self, target: str) -> None:
        assert local_target(target) == target

    @pytest.mark.parametrize(
        "target",
        [
            "", "plant", "//evil.test", "/\\evil.test", "\\\\evil.test", "https://evil.test", "javascript:alert(1)",
            "/\t/evil.test", "/\n/evil.test", " //evil.test", "/sign-in?next=/", "/" + "a" * 3000,
        ],
    )  # fmt: skip
    def test_replaces_everything_else(self, target: str) -> None:
        assert local_target(target) == "/"


class TestSignOutForm:
    async def test_ends_the_session_everywhere(self, door: Door, floor: Floor) -> None:
        tokens = await door.tokens(floor, Role.VIEWER)
        client = browser(door, access=tokens.access, refresh=tokens.refresh)

        answer = await client.post("/sign-out")

        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        assert {cookie["max-age"] for cookie in cookies_of(answer).values()} == {"0"}
        assert refused(await door.client(bearer=tokens.access).get(ME), 401, "not_signed_in")

    async def test_needs_the_refresh_cookie_only(self, door: Door, floor: Floor) -> None:
        tokens = await door.tokens(floor, Role.VIEWER)

        await browser(door, refresh=tokens.refresh).post("/sign-out")

        assert refused(await door.client(bearer=tokens.access).get(ME), 401, "not_signed_in")

    async def test_refuses_other_sites(self, door: Door, floor: Floor) -> None:
        tokens = await door.tokens(floor, Role.VIEWER)
        client = browser(door, access=tokens.access)

        answer = await client.post("/sign-out", headers={"Origin": "http://evil.test"})

        assert refused(answer, 403, "foreign_site")
        assert (await client.get(ME)).status_code == 200

    async def test_is_calm_without_a_session(self, door: Door) -> None:
        assert (await browser(door, access="x", refresh="y").post("/sign-out")).status_code == 303


class TestStayingSignedIn:
    async def test_keep_exchanges_the_cookie(self, door: Door, floor: Floor) -> None:
        tokens = await door.tokens(floor, Role.VIEWER)
        client = browser(door, refresh=tokens.refresh)

        answer = await client.post("/session/keep")

        assert answer.status_code == 204
        assert cookies_of(answer)[REFRESH_COOKIE].value != tokens.refresh
        assert (await client.get(ME)).status_code == 200

    async def test_keep_refuses_what_is_over(self, door: Door, floor: Floor) -> None:
        tokens = await door.tokens(floor, Role.VIEWER)

        for cookie in ("", "x", tokens.access):
            assert refused(await browser(door, refresh=cookie).post("/session/keep"), 401, "not_signed_in")

    async def test_tabs_that_wake_together_share_one_exchange(self, floor: Floor) -> None:
        door = paged_door()
        tokens = await door.tokens(floor, Role.VIEWER)
        tabs = [browser(door, refresh=tokens.refresh) for _ in range(6)]

        keeping = [tab.post("/session/keep") for tab in tabs[:3]]
        looking = [tab.get("/page") for tab in tabs[3:]]
        answers = await asyncio.gather(*keeping, *looking)
        late = await browser(door, refresh=tokens.refresh).get("/page")

        assert {cookies_of(answer)[REFRESH_COOKIE].value for answer in [*answers, late]} == {
            cookies_of(late)[REFRESH_COOKIE].value
        }
        assert late.json() == {"email": floor.emails[Role.VIEWER]}

    async def test_the_api_stays_strict_about_reuse(self, floor: Floor) -> None:
        door = paged_door()
        tokens = await door.tokens(floor, Role.VIEWER)
        client = browser(door, refresh=tokens.refresh)
        await client.post("/session/keep")

        stolen = await door.client().post(f"{V1}/auth/refresh", json={"refresh_token": tokens.refresh})

        assert refused(stolen, 401, "not_signed_in")
        assert (await client.get("/page")).json() == {"email": None}

    async def test_a_navigation_exchanges_an_expired_cookie(self, floor: Floor) -> None:
        door = paged_door()
        tokens = await door.tokens(floor, Role.VIEWER)
        client = browser(door, access="over", refresh=tokens.refresh)

        answer = await client.get("/page")
        again = await client.get("/page")

        assert answer.json() == again.json() == {"email": floor.emails[Role.VIEWER]}
        assert "set-cookie" in answer.headers
        assert "set-cookie" not in again.headers

    async def test_nothing_but_a_navigation_does(self, floor: Floor) -> None:
        door = paged_door()
        tokens = await door.tokens(floor, Role.VIEWER)
        client = browser(door, refresh=tokens.refresh)

        answer = await client.get("/page", headers={"Accept": "image/png"})

        assert answer.json() == {"email": None}
        assert "set-cookie" not in answer.headers

    async def test_a_failed_exchange_is_not_remembered(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        door = paged_door()
        tokens = await door.tokens(floor, Role.VIEWER)
        client = browser(door, refresh=tokens.refresh)

        async def fail(*_: object, **__: object) -> None:
            raise NotSignedIn

        with monkeypatch.context() as patched:
            patched.setattr("ui.api.browser_session.refresh", fail)
            assert (await client.get("/page")).json() == {"email": None}

        assert (await client.get("/page")).json() == {"email": floor.emails[Role.VIEWER]}
