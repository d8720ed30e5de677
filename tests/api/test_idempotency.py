"""The same Idempotency-Key, the same answer, one write."""

import asyncio

import pytest

from domain.identity.roles import Role
from services.db.engine import without_tenant
from services.db.keys import new_id
from services.jobs.upkeep import PurgeIdempotencyKeys, PurgeSignIns, purge_idempotency_keys, purge_sign_ins
from tests.api.doors import V1, Door, refused, report
from tests.factories import Connection, Floor, enter

LOGS = f"{V1}/production-logs/"


def states(floor: Floor) -> str:
    """Return the address of the floor's machine's timeline."""
    return f"{V1}/machines/{floor.machine_id}/states"


class TestIdempotencyKey:
    async def test_gets_the_first_answer_again(self, door: Door, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        key = {"Idempotency-Key": "order 7 / step 3"}
        asked = report(floor, scrap="0.000001", scrap_reason_id=str(floor.scrap_reason_id))

        first = await operator.post(LOGS, json=asked, headers=key)
        again = await operator.post(LOGS, json=asked, headers=key)

        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"

    @pytest.mark.parametrize("verb", ["andon-calls", "states"])
    async def test_works_for_every_write_at_once(self, door: Door, floor: Floor, verb: str) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        path = states(floor) if verb == "states" else f"{V1}/andon-calls/"
        body = {"state": "running"} if verb == "states" else {"machine_id": str(floor.machine_id), "category": "help"}
        key = {"Idempotency-Key": new_id().hex}

        answers = await asyncio.gather(*(operator.post(path, json=body, headers=key) for _ in range(6)))

        assert {answer.status_code for answer in answers} == {201}
        assert sum("idempotency-replayed" in answer.headers for answer in answers) == 5
        assert len({answer.text for answer in answers if "idempotency-replayed" in answer.headers}) == 1
        assert all(answer.json() == answers[0].json() for answer in answers)

    async def test_is_refused_for_another_request(self, door: Door, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        key = {"Idempotency-Key": "k"}
        asked = report(floor)
        await operator.post(LOGS, json=asked, headers=key)

        other_body = await operator.post(LOGS, json=report(floor), headers=key)
        other_path = await operator.post(states(floor), json={"state": "running"}, headers=key)

        assert refused(other_body, 422, "idempotency_key_reused")
        assert refused(other_path, 422, "idempotency_key_reused")
        assert len((await operator.get(LOGS)).json()["items"]) == 1

    async def test_belongs_to_its_user(self, door: Door, floor: Floor, other: Floor) -> None:
        key = {"Idempotency-Key": "mine"}
        for client, where in (
            (await door.caller(floor, Role.OPERATOR), floor),
            (await door.caller(floor, Role.SUPERVISOR), floor),
            (await door.caller(other, Role.OPERATOR), other),
        ):
            answer = await client.post(LOGS, json=report(where), headers=key)
            assert answer.status_code == 201

    async def test_is_free_again_after_a_refusal(self, door: Door, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        key = {"Idempotency-Key": "again"}

        refusal = await operator.post(LOGS, json=report(floor, good=0), headers=key)
        success = await operator.post(LOGS, json=report(floor), headers=key)

        assert refused(refusal, 422, "nothing_to_book")
        assert success.status_code == 201

    @pytest.mark.parametrize("key", ["", "x" * 201, "a\tb", "ü".encode(), b"\x7f"])
    async def test_must_be_printable(self, door: Door, floor: Floor, key: str | bytes) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        header = key if isinstance(key, bytes) else key.encode()

        answer = await operator.post(LOGS, json=report(floor), headers={b"Idempotency-Key": header})

        assert refused(answer, 422, "invalid_idempotency_key")


class TestPurge:
    async def test_forgets_old_answers_of_every_organization(
        self, door: Door, floor: Floor, other: Floor, superuser_connection: Connection
    ) -> None:
        for where in (floor, other):
            client = await door.caller(where, Role.OPERATOR)
            for key in ("old", "new"):
                await client.post(LOGS, json=report(where), headers={"Idempotency-Key": key})
        await superuser_connection.execute(
            "UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = 'old'"
        )

        async with without_tenant() as connection:
            await purge_idempotency_keys(connection, PurgeIdempotencyKeys())

        left = await superuser_connection.fetch(
            "SELECT key FROM idempotency_keys WHERE org_id = ANY ($1)", [floor.scope.org_id, other.scope.org_id]
        )
        assert sorted(row["key"] for row in left) == ["new", "new"]

    async def test_forgets_sessions_that_ended_long_ago(
        self, door: Door, floor: Floor, superuser_connection: Connection
    ) -> None:
        ended, alive = [(await door.tokens(floor, Role.VIEWER)).access_claims.session_id for _ in range(2)]
        async with superuser_connection.transaction():
            await enter(superuser_connection, floor.scope)
            await superuser_connection.execute(
                "UPDATE sign_in_sessions SET expires_at = now() - interval '31 days' WHERE id = $1", ended
            )

        async with without_tenant() as connection:
            await purge_sign_ins(connection, PurgeSignIns())

        left = await superuser_connection.fetch("SELECT id FROM sign_in_sessions WHERE id = ANY ($1)", [ended, alive])
        assert [row["id"] for row in left] == [alive]
