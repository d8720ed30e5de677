"""Answers of writes, kept under the key that their caller chose."""

import asyncio

import pytest

from domain.identity.roles import Role
from services.db.work import begin
from services.identity.idempotency import (
    IdempotencyKeyReused,
    InvalidIdempotencyKey,
    StoredAnswer,
    checked_key,
    claim,
    keep_answer,
)
from tests.factories import Floor

PRINT, OTHER_PRINT = b"the request", b"another request"


async def write(floor: Floor, *, role: Role = Role.OPERATOR, fingerprint: bytes = PRINT) -> StoredAnswer | None:
    """Do a write with the key “k”; returns the answer that stood, or None when this one was the first."""
    async with begin(floor.acting_as(role)) as work:
        stored = await claim(work, key="k", fingerprint=fingerprint)
        if stored is None:
            await asyncio.sleep(0.02)
            await keep_answer(work, key="k", status=201, body={"id": 1})
        return stored


class TestClaim:
    async def test_gives_a_repetition_the_first_answer(self, floor: Floor) -> None:
        assert await write(floor) is None
        assert await write(floor) == StoredAnswer(201, {"id": 1})

    async def test_lets_one_of_many_at_once_be_the_first(self, floor: Floor) -> None:
        answers = await asyncio.gather(*(write(floor) for _ in range(5)))

        assert sum(answer is None for answer in answers) == 1
        assert {answer for answer in answers if answer is not None and answer.status != 201} == set()

    async def test_refuses_the_key_for_another_request(self, floor: Floor) -> None:
        await write(floor)

        with pytest.raises(IdempotencyKeyReused):
            await write(floor, fingerprint=OTHER_PRINT)

    async def test_keeps_users_and_organizations_apart(self, floor: Floor, other: Floor) -> None:
        await write(floor)

        assert await write(floor, role=Role.SUPERVISOR, fingerprint=OTHER_PRINT) is None
        assert await write(other, fingerprint=OTHER_PRINT) is None

    async def test_of_a_write_that_failed_leaves_the_key_free(self, floor: Floor) -> None:
        async def fail() -> None:
            async with begin(floor.acting_as(Role.OPERATOR)) as work:
                await claim(work, key="k", fingerprint=PRINT)
                raise LookupError

        with pytest.raises(LookupError):
            await fail()

        assert await write(floor) is None


class TestCheckedKey:
    @pytest.mark.parametrize("key", ["a", "x" * 200, "6f9619ff-8b86-d011-b42d-00c04fc964ff", "a b"])
    def test_passes_printable_ascii(self, key: str) -> None:
        assert checked_key(key) == key

    @pytest.mark.parametrize("key", ["", "x" * 201, "ü", "a\nb", "\x00", "\ud800"])
    def test_refuses_everything_else(self, key: str) -> None:
        with pytest.raises(InvalidIdempotencyKey):
            checked_key(key)
