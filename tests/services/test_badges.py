"""Badges and PINs of people."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import select

from domain.errors import Forbidden, NotFound
from domain.events import UserChanged
from domain.identity.badges import BadgeKind, InvalidBadge, WeakPin
from domain.identity.roles import Role
from services.db.tables import AuditEntry, User, UserBadge
from services.db.work import Work, begin, read
from services.identity.badges import BadgeKey, BadgeTaken, PinTaken, remove_badge, set_badge
from services.identity.queries import get_badge_holder, list_badge_holders
from tests.factories import Floor

KEY = BadgeKey.of("k" * 40)
PIN, BADGE = BadgeKind.PIN, BadgeKind.BADGE


async def give(work: Work, floor: Floor, value: str = "2580", *, role: Role = Role.OPERATOR, kind: str = "pin") -> None:
    await set_badge(work, key=KEY, user_id=floor.user_ids[role], kind=BadgeKind(kind), value=value)


async def kept(floor: Floor) -> dict[tuple[object, str], bytes]:
    async with read(floor.scope) as work:
        rows = await work.session.execute(select(UserBadge.user_id, UserBadge.kind, UserBadge.digest))
        return {(row.user_id, row.kind): row.digest for row in rows}


async def kept_in_audit(trail: Sequence[AuditEntry]) -> set[object]:
    """Return the digests that the audit log gives away."""
    rows = [row for entry in trail for row in (entry.before, entry.after) if isinstance(row, dict)]
    assert all(row["kind"] == "pin" for row in rows)
    return {row["digest"] for row in rows if "digest" in row}


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
            with pytest.raises(PinTaken) as refusal:
                await give(work, floor, role=Role.SUPERVISOR)
            await give(work, floor, "2580", role=Role.SUPERVISOR, kind="badge")

        assert "operator" not in str(refusal.value)

    async def test_says_whose_a_badge_is(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await give(work, floor, "UM-10442", kind="badge")
            with pytest.raises(BadgeTaken, match="This badge belongs to The operator"):
                await give(work, floor, "UM-10442", kind="badge", role=Role.SUPERVISOR)

        assert len(await kept(floor)) == 1

    async def test_gives_ones_own_number_again(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await give(work, floor)
            await give(work, floor)

        assert len(await kept(floor)) == 1

    async def test_is_audited_without_the_number_and_its_digest(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await give(work, floor)
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await give(work, floor, "3691")
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await remove_badge(work, user_id=floor.user_ids[Role.OPERATOR], kind=PIN)

        async with read(floor.scope) as work:
            statement = select(AuditEntry).filter_by(table_name="user_badges").order_by(AuditEntry.seq)
            trail = (await work.session.execute(statement)).scalars().all()
        assert [(entry.action, entry.user_id) for entry in trail] == [
            (action, floor.user_ids[Role.ADMIN]) for action in ("insert", "update", "delete")
        ]
        digests = await kept_in_audit(trail)
        assert not digests

    async def test_lets_one_of_two_win_who_want_the_same_at_once(self, floor: Floor) -> None:
        async def want(role: Role) -> None:
            async with begin(floor.acting_as(Role.ADMIN)) as work:
                await give(work, floor, role=role)

        results = await asyncio.gather(want(Role.OPERATOR), want(Role.SUPERVISOR), return_exceptions=True)

        assert [type(result) for result in results if result is not None] == [PinTaken]
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


class TestListBadgeHolders:
    async def test_names_people_with_what_they_hold(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await give(work, floor, "UM-10442", kind="badge")
            await give(work, floor, role=Role.SUPERVISOR)

        async with read(floor.acting_as(Role.ADMIN)) as work:
            people = (await list_badge_holders(work)).items

        assert [(one.name, one.roles, one.has_badge, one.has_pin) for one in people] == [
            ("The admin", ("admin",), False, False),
            ("The operator", ("operator",), True, False),
            ("The supervisor", ("supervisor",), False, True),
            ("The viewer", ("viewer",), False, False),
        ]

    async def test_finds_a_part_of_a_name_or_address(self, floor: Floor) -> None:
        async with read(floor.acting_as(Role.ADMIN)) as work:
            by_name = (await list_badge_holders(work, search=" SUPERV ")).items
            by_address = (await list_badge_holders(work, search=floor.emails[Role.VIEWER])).items
            nobody = [(await list_badge_holders(work, search=odd)).items for odd in ("%", "_", "\\", "\x00", "zz")]

        assert [one.name for one in by_name] == ["The supervisor"]
        assert [one.name for one in by_address] == ["The viewer"]
        assert nobody[0] == nobody[2] == nobody[4] == ()

    async def test_keeps_who_left_as_long_as_they_hold_something(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await give(work, floor)
            for role in (Role.OPERATOR, Role.VIEWER):
                (await work.session.get_one(User, floor.user_ids[role])).is_active = False

        async with read(floor.acting_as(Role.ADMIN)) as work:
            people = (await list_badge_holders(work)).items

        assert [(one.name, one.is_active) for one in people] == [
            ("The admin", True),
            ("The operator", False),
            ("The supervisor", True),
        ]

    async def test_comes_in_pages(self, floor: Floor) -> None:
        async with read(floor.acting_as(Role.ADMIN)) as work:
            first = await list_badge_holders(work, limit=3)
            last = first.items[-1]
            rest = await list_badge_holders(work, after=(last.name, last.user_id), limit=3)

        assert (first.has_more, rest.has_more) == (True, False)
        assert [one.name for one in rest.items] == ["The viewer"]

    @pytest.mark.parametrize("role", [Role.OPERATOR, Role.VIEWER, Role.TERMINAL])
    async def test_belongs_to_who_reads_users(self, floor: Floor, role: Role) -> None:
        async with read(floor.acting_as(role)) as work:
            with pytest.raises(Forbidden):
                await list_badge_holders(work)
            with pytest.raises(Forbidden):
                await get_badge_holder(work, floor.user_ids[Role.OPERATOR])


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
            with pytest.raises(NotFound, match="user"):
                await get_badge_holder(work, floor.user_ids[Role.OPERATOR])
            shown = {one.user_id for one in (await list_badge_holders(work)).items}
            assert shown <= set(other.user_ids.values())

        assert len(await kept(floor)) == 1
