"""People as programs meet them."""

from datetime import UTC, datetime, timedelta

import httpx
import pyotp
import pytest

from domain.identity.roles import Role
from tests.api.doors import V1, Door, refused
from tests.factories import PASSWORD, Floor

NEW = {"email": "ada@test.example", "display_name": "Ada", "roles": ["operator"], "language": "de"}


@pytest.fixture
async def admin(door: Door, floor: Floor) -> httpx.AsyncClient:
    """The floor's admin."""
    return await door.caller(floor)


async def me(caller: httpx.AsyncClient) -> dict[str, object]:
    user_id = (await caller.get(f"{V1}/auth/me")).json()["id"]
    answer: dict[str, object] = (await caller.get(f"{V1}/users/{user_id}")).json()
    return answer


class TestUsers:
    async def test_are_invited_listed_and_deactivated(self, admin: httpx.AsyncClient) -> None:
        made = (await admin.post(f"{V1}/users/", json=NEW, headers={"idempotency-key": "once"})).json()
        again = (await admin.post(f"{V1}/users/", json=NEW, headers={"idempotency-key": "once"})).json()
        listed = (await admin.get(f"{V1}/users/", params={"state": "invited"})).json()["items"]
        where = f"{V1}/users/{made['id']}"
        gone = (await admin.post(f"{where}/deactivate", json={"version": made["version"]})).json()
        back = await admin.post(f"{where}/reactivate", headers={"if-match": f'"{gone["version"]}"'}, json={})

        assert made["link"].startswith("http://mes.test/invitation?token=")
        assert again == {**made, "link": None}
        assert [(one["id"], one["state"], one["language"]) for one in listed] == [(made["id"], "invited", "de")]
        assert gone["state"] == "deactivated"
        assert back.json()["version"] == 3

    async def test_get_links_to_choose_another_password(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        answer = await admin.post(f"{V1}/users/{floor.user_ids[Role.OPERATOR]}/password-reset")

        assert answer.json()["link"].startswith("http://mes.test/reset?token=")

    async def test_are_edited_with_the_version_that_was_seen(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        where = f"{V1}/users/{floor.user_ids[Role.OPERATOR]}"

        edited = await admin.patch(where, json={"version": 1, "plant_ids": [str(floor.plant_id)]})

        assert edited.json()["plant_ids"] == [str(floor.plant_id)]
        assert edited.headers["etag"] == '"2"'
        assert refused(await admin.patch(where, json={"version": 1, "display_name": "X"}), 409, "conflict")

    async def test_have_sessions_that_end(self, door: Door, admin: httpx.AsyncClient, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        operator_id = floor.user_ids[Role.OPERATOR]

        (session,) = (await admin.get(f"{V1}/users/{operator_id}/sessions")).json()["items"]
        assert (await admin.post(f"{V1}/sessions/{session['id']}/revoke")).json() == {"ended": 1}

        assert (await admin.get(f"{V1}/users/{operator_id}/sessions")).json()["items"] == []
        assert operator is not None


class TestOwnAccount:
    async def test_is_set_by_everybody(self, door: Door, floor: Floor) -> None:
        viewer = await door.caller(floor, Role.VIEWER)
        seen = await me(viewer)

        wish = {"version": seen["version"], "language": "de", "time_zone": "Asia/Tokyo", "number_format": "comma"}
        changed = (await viewer.patch(f"{V1}/users/me", json=wish)).json()

        assert {key: changed[key] for key in wish if key != "version"} == {
            "language": "de", "time_zone": "Asia/Tokyo", "number_format": "comma",
        }  # fmt: skip
        back = {"version": changed["version"], "time_zone": None}
        assert (await viewer.patch(f"{V1}/users/me", json=back)).json()["time_zone"] is None

    async def test_takes_a_new_password(self, door: Door, floor: Floor) -> None:
        viewer = await door.caller(floor, Role.VIEWER)
        where = f"{V1}/users/me/password"

        wrong = await viewer.post(where, json={"present": "wrong", "new": "another long password"})
        changed = await viewer.post(where, json={"present": PASSWORD, "new": "another long password"})

        assert refused(wrong, 422, "not_your_password")
        assert changed.status_code == 200

    async def test_is_not_that_of_others(self, door: Door, floor: Floor) -> None:
        viewer = await door.caller(floor, Role.VIEWER)

        answer = await viewer.get(f"{V1}/users/{floor.user_ids[Role.ADMIN]}")

        assert refused(answer, 403, "forbidden")


class TestSecondFactor:
    async def test_makes_the_sign_in_two_steps(self, door: Door, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        where = f"{V1}/users/me/second-factor"
        secret = (await operator.post(where)).json()["secret"]
        app = pyotp.TOTP(secret)
        now = datetime.now(UTC)
        confirmed = await operator.post(f"{where}/confirm", json={"code": app.at(now - timedelta(seconds=30))})
        codes = confirmed.json()["recovery_codes"]

        who = {"email": floor.emails[Role.OPERATOR], "password": PASSWORD}
        asked = await door.client().post(f"{V1}/auth/login", json=who)
        assert refused(asked, 401, "second_factor_required")
        answer = {"challenge": asked.json()["fields"]["challenge"], "code": codes[0]}
        passed = await door.client().post(f"{V1}/auth/second-factor", json=answer)
        again = await door.client().post(f"{V1}/auth/second-factor", json=answer)

        assert passed.json()["token_type"] == "Bearer"
        assert refused(again, 422, "wrong_code")
        removed = await operator.post(f"{where}/remove", json={"password": PASSWORD})
        assert removed.json()["has_second_factor"] is False

    async def test_is_reset_by_an_admin(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        answer = await admin.post(f"{V1}/users/{floor.user_ids[Role.OPERATOR]}/second-factor/reset")

        assert answer.json()["has_second_factor"] is False


class TestSignInPolicy:
    async def test_is_read_and_set(self, admin: httpx.AsyncClient) -> None:
        where = f"{V1}/organizations/own/sign-in-policy"
        seen = (await admin.get(where)).json()

        kept = await admin.put(where, json={**seen, "shortest_password": 14, "kinds": ["digit"]})

        assert (kept.json()["shortest_password"], kept.json()["kinds"], kept.json()["version"]) == (14, ["digit"], 1)
        assert refused(await admin.put(where, json=seen), 409, "conflict")
        assert refused(await admin.put(where, json={**seen, "attempts": 1}), 422, "invalid_request")
