"""Badges and PINs of people."""

import asyncio

import pytest
from sqlalchemy import select

from domain.errors import Forbidden, NotFound
from domain.events import UserChanged
from domain.identity.badges import BadgeKind, InvalidBadge, WeakPin
from domain.identity.roles import Role
from services.db.tables import UserBadge
from services.db.work import Work, begin, read
from services.identity.badges import BadgeKey, BadgeTaken, remove_badge, set_badge
from tests.factories import Floor

KEY = BadgeKey.of("k" * 40)
PIN, BADGE = BadgeKind.PIN, BadgeKind.BADGE


async def give(work: Work, floor: Floor, value: str = "2580", *, role: Role = Role.OPERATOR, kind: str = "pin") -> None:
    await set_badge(work, key=KEY, user_id=floor.user_ids[role], kind=BadgeKind(kind), value=value)


async def kept(floor: Floor) -> dict[tuple[object, str], bytes]:
    async with read(floor.scope) as work:
        rows = await work.session.execute(select(UserBadge.user_id, UserBadge.kind, UserBadge.digest))
        return {(row.user_id, row.kind): row.digest for row in rows}


class TestSetBadge:
    async def test_keeps_a_digest_and_never_the_number(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await give(work, floor)
            await give(work, floor, "UM-10442", kind="badge")
            assert work.events == [UserChanged(user_id=floor.user_ids[Role.OPERATOR])] * 2

        digests = await kept(floor)
        assert {kind for _, kind in digests} == {"pin", "badge"}
        assert all(len(digest) == 32 and b"2580" not in digest for digest in digests.values())

    async def test_replaces_the_one_that_was_there(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await give(work, floor, "2580")
        before = await kept(floor)

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await give(work, floor, "3691")

        after = await kept(floor)
        assert before.keys() == after.keys()
        assert before != after

    async def test_gives_a_number_to_one_person_only(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await give(work, floor)
            with pytest.raises(BadgeTaken):
                await give(work, floor, role=Role.SUPERVISOR)
            await give(work, floor, "2580", role=Role.SUPERVISOR, kind="badge")

    async def test_lets_one_of_two_win_who_want_the_same_at_once(self, floor: Floor) -> None:
        async def want(role: Role) -> None:
            async with begin(floor.acting_as(Role.ADMIN)) as work:
                await give(work, floor, role=role)

        results = await asyncio.gather(want(Role.OPERATOR), want(Role.SUPERVISOR), return_exceptions=True)

        assert [type(result) for result in results if result is not None] == [BadgeTaken]
        assert len(await kept(floor)) == 1

    async def test_refuses_what_is_easy_to_guess_or_no_number(self, work: Work, floor: Floor) -> None:
        with pytest.raises(WeakPin):
            await give(work, floor, "1234")
        with pytest.raises(InvalidBadge):
            await give(work, floor, "a", kind="badge")

    async def test_looks_different_in_another_organization_and_installation(self, floor: Floor, other: Floor) -> None:
        digests = {
            key.digest(org_id, kind, "2580")
            for key in (KEY, BadgeKey.of("x" * 40))
            for org_id in (floor.scope.org_id, other.scope.org_id)
            for kind in BadgeKind
        }

        assert len(digests) == 8


class TestRemoveBadge:
    async def test_takes_one_kind_and_leaves_the_other(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await give(work, floor)
            await give(work, floor, "UM-10442", kind="badge")

        for _ in range(2):
            async with begin(floor.acting_as(Role.ADMIN)) as work:
                await remove_badge(work, user_id=floor.user_ids[Role.OPERATOR], kind=PIN)

        assert {kind for _, kind in await kept(floor)} == {"badge"}


class TestPermission:
    @pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.OPERATOR, Role.VIEWER, Role.TERMINAL])
    async def test_belongs_to_who_edits_users(self, floor: Floor, role: Role) -> None:
        async with begin(floor.acting_as(role)) as work:
            with pytest.raises(Forbidden):
                await give(work, floor)
            with pytest.raises(Forbidden):
                await remove_badge(work, user_id=floor.user_ids[Role.OPERATOR], kind=BADGE)


class TestForeignOrganization:
    async def test_neither_gives_nor_takes_here(self, floor: Floor, other: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await give(work, floor)

        async with begin(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound, match="user"):
                await give(work, floor, "3691")
            with pytest.raises(NotFound, match="user"):
                await remove_badge(work, user_id=floor.user_ids[Role.OPERATOR], kind=PIN)
            await give(work, other)

        assert len(await kept(floor)) == 1
