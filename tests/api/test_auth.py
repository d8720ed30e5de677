"""Signing in and out, for programs."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.identity.roles import Role
from services.auth.tokens import TokenIssuer
from services.db.keys import new_id
from tests.api.doors import V1, Door, make_door, refused
from tests.factories import PASSWORD, Floor

LOGIN = f"{V1}/auth/login"
REFRESH = f"{V1}/auth/refresh"
ME = f"{V1}/auth/me"


class TestSignIn:
    async def test_opens_a_session(self, door: Door, floor: Floor) -> None:
        answer = await door.client().post(LOGIN, json={"email": floor.emails[Role.OPERATOR], "password": PASSWORD})

        content = answer.json()
        assert answer.status_code == 200
        assert content["token_type"] == "Bearer"
        assert 1790 <= content["expires_in"] <= 1800
        assert 604_790 <= content["refresh_expires_in"] <= 604_800
        me = (await door.client(bearer=content["access_token"]).get(ME)).json()
        assert me["email"] == floor.emails[Role.OPERATOR]
        assert me["organization"]["id"] == str(floor.scope.org_id)
        assert me["roles"] == ["operator"]
        assert "production.log.report" in me["permissions"]

    async def test_ignores_an_old_token_in_the_header(self, door: Door, floor: Floor) -> None:
        asked = {"email": floor.emails[Role.OPERATOR], "password": PASSWORD, "organization": floor.slug}

        answer = await door.client(bearer="old").post(LOGIN, json=asked)

        assert answer.status_code == 200

    @pytest.mark.parametrize("organization", [None, "elsewhere"])
    async def test_does_not_say_what_is_wrong(self, door: Door, floor: Floor, organization: str | None) -> None:
        wrong = {"email": floor.emails[Role.VIEWER], "password": PASSWORD if organization else "wrong"}

        answer = await door.client().post(LOGIN, json={**wrong, "organization": organization})
        unknown = await door.client().post(LOGIN, json={"email": "nobody@test.example", "password": "x"})

        assert refused(answer, 401, "wrong_password")
        assert refused(unknown, 401, "wrong_password")
        assert answer.json()["detail"] == unknown.json()["detail"]

    async def test_stops_guessing(self, floor: Floor) -> None:
        door = make_door(sign_in_attempts=2)
        client = door.client()
        asked = {"email": floor.emails[Role.VIEWER], "password": "x" * 1025}
        for _ in range(2):
            await client.post(LOGIN, json={**asked, "password": "wrong"})

        answer = await client.post(LOGIN, json={**asked, "password": PASSWORD})

        assert refused(answer, 429, "too_many_attempts")
        assert int(answer.headers["retry-after"]) > 0


class TestRefresh:
    async def test_gives_a_new_pair_and_ends_the_session_on_reuse(self, door: Door, floor: Floor) -> None:
        first = await door.tokens(floor, Role.VIEWER)
        client = door.client()
        second = (await client.post(REFRESH, json={"refresh_token": first.refresh})).json()
        assert (await door.client(bearer=second["access_token"]).get(ME)).status_code == 200

        reused = await client.post(REFRESH, json={"refresh_token": first.refresh})

        assert refused(reused, 401, "not_signed_in")
        assert refused(await door.client(bearer=second["access_token"]).get(ME), 401, "not_signed_in")
        follower = await client.post(REFRESH, json={"refresh_token": second["refresh_token"]})
        assert refused(follower, 401, "not_signed_in")

    async def test_refuses_other_tokens(self, door: Door, floor: Floor) -> None:
        tokens = await door.tokens(floor, Role.VIEWER)

        for token in (tokens.access, "x", "a.b.c", tokens.refresh[:-2], "\x00", "é"):
            answer = await door.client().post(REFRESH, json={"refresh_token": token})
            assert refused(answer, 401, "not_signed_in")


class TestSignOut:
    async def test_stops_the_token_at_once(self, door: Door, floor: Floor) -> None:
        tokens = await door.tokens(floor, Role.VIEWER)
        client = door.client(bearer=tokens.access)
        assert (await client.get(ME)).status_code == 200

        answer = await client.post(f"{V1}/auth/logout")

        assert (answer.status_code, answer.content) == (204, b"")
        assert refused(await client.get(ME), 401, "not_signed_in")
        refreshed = await door.client().post(REFRESH, json={"refresh_token": tokens.refresh})
        assert refused(refreshed, 401, "not_signed_in")


class TestBearer:
    async def test_must_be_ours_and_fresh(self, door: Door, floor: Floor) -> None:
        tokens = await door.tokens(floor, Role.VIEWER)
        claims = tokens.access_claims
        ids = {"user_id": claims.user_id, "org_id": claims.org_id, "session_id": claims.session_id}
        now = datetime.now(UTC)
        forged, _ = TokenIssuer("f" * 40, timedelta(1), timedelta(1)).issue("access", **ids, now=now)
        over, _ = door.issuer.issue("access", **ids, now=now - timedelta(hours=1))
        elsewhere, _ = door.issuer.issue("access", **{**ids, "org_id": new_id()}, now=now)

        for token in (forged, over, elsewhere, tokens.refresh, "", "none"):
            answer = await door.client(bearer=token).get(ME)
            assert refused(answer, 401, "not_signed_in")
            assert answer.headers["www-authenticate"].startswith("Bearer")

    async def test_is_the_only_scheme(self, door: Door) -> None:
        answer = await door.client(Authorization="Basic YTpi").get(ME)

        assert refused(answer, 401, "not_signed_in")
