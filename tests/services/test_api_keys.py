"""Keys of programs: made, looked up, revoked."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete, select, text, update

from domain.errors import Forbidden, NotFound
from domain.events import ApiKeyRevoked, UserChanged
from domain.identity.api_keys import ScopeBeyondRights, is_well_formed
from domain.identity.roles import Permission, Role
from domain.scope import Scope
from services.auth.tokens import NotSignedIn
from services.db.keys import new_id
from services.db.tables import ApiKey, ApiKeyUse, AuditEntry, User, UserRole
from services.db.work import begin, read
from services.events.hub import Hub
from services.identity import key_holders as key_holders_module
from services.identity.api_keys import (
    KeyInfo,
    KeyMadeByKey,
    MadeKey,
    digest_of,
    get_api_key,
    list_api_keys,
    make_api_key,
    revoke_api_key,
)
from services.identity.key_holders import KeyHolders
from services.identity.policies import PolicyMemory
from services.plant.plant_models import add_plant
from tests.factories import Connection, Floor

READ_ORDERS = "production.order.read"


async def made(floor: Floor, *scopes: str, **fields: object) -> MadeKey:
    """Commit a key of the floor's admin."""
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        expires_at = work.now + timedelta(days=30)
        given = {"name": "ERP", "scopes": scopes or (READ_ORDERS,), "expires_at": expires_at, **fields}
        return await make_api_key(work, **given)  # type: ignore[arg-type]


async def revoked(floor: Floor, api_key_id: UUID) -> None:
    """Commit the end of a key."""
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        await revoke_api_key(work, api_key_id=api_key_id)


async def info(floor: Floor, api_key_id: UUID) -> KeyInfo:
    """Return what people may know of a key."""
    async with read(floor.acting_as(Role.ADMIN)) as work:
        return await get_api_key(work, api_key_id)


class TestMakeApiKey:
    async def test_tells_the_key_once_and_keeps_its_digest(self, floor: Floor) -> None:
        key = await made(floor, "production.*.read", "*.*.read")

        assert is_well_formed(key.key)
        known = await info(floor, key.id)
        assert (known.prefix, known.state) == (key.key[:13], "valid")
        assert known.scopes == ("*.*.read", "production.*.read")
        assert (known.owner_id, known.last_used_at) == (floor.user_ids[Role.ADMIN], None)
        async with read(floor.scope) as work:
            row = await work.session.get_one(ApiKey, key.id)
            assert key.key not in str(vars(row))
            assert len(row.digest) == 32

    async def test_keeps_no_secret_in_the_audit(self, floor: Floor) -> None:
        key = await made(floor)

        async with read(floor.scope) as work:
            entry = (await work.session.execute(select(AuditEntry).where(AuditEntry.row_id == key.id))).scalar_one()
        assert isinstance(entry.after, dict)
        assert "digest" not in entry.after
        assert entry.after["scopes"] == [READ_ORDERS]

    async def test_refuses_what_its_maker_may_not(self, floor: Floor) -> None:
        scope = floor.acting_as(Role.ADMIN)
        lesser = replace(scope, permissions=scope.permissions - {Permission.EDIT_USERS.value})
        async with begin(lesser) as work:
            for wish in ("identity.user.edit", "identity.*.*", "*.*.*"):
                with pytest.raises(ScopeBeyondRights):
                    await make_api_key(work, name="x", scopes=[wish], expires_at=work.now + timedelta(days=1))

    async def test_refuses_who_may_not_edit_keys(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            with pytest.raises(Forbidden):
                await make_api_key(work, name="x", scopes=[READ_ORDERS], expires_at=work.now + timedelta(days=1))

    async def test_refuses_programs_that_want_keys_of_their_own(self, floor: Floor) -> None:
        scope = replace(floor.acting_as(Role.ADMIN), api_key_id=new_id())
        async with begin(scope) as work:
            with pytest.raises(KeyMadeByKey):
                await make_api_key(work, name="x", scopes=[READ_ORDERS], expires_at=work.now + timedelta(days=1))
            with pytest.raises(KeyMadeByKey):
                await revoke_api_key(work, api_key_id=new_id())

    async def test_refuses_the_system_because_a_key_needs_an_owner(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            with pytest.raises(Forbidden):
                await make_api_key(work, name="x", scopes=[READ_ORDERS], expires_at=work.now + timedelta(days=1))

    async def test_refuses_plants_that_its_maker_does_not_see(self, floor: Floor, other: Floor) -> None:
        async with begin(floor.scope) as work:
            second = await add_plant(work, code="P2", name="P2", time_zone="UTC")
        scope = floor.acting_as(Role.ADMIN, plant_ids=frozenset({floor.plant_id}))
        for plant_ids in ([other.plant_id], [second.id], []):
            async with begin(scope) as work:
                with pytest.raises(NotFound):
                    await make_api_key(
                        work, name="x", scopes=[READ_ORDERS], expires_at=work.now + timedelta(days=1),
                        plant_ids=plant_ids,
                    )  # fmt: skip


class TestRevokeApiKey:
    async def test_ends_it_and_says_so(self, floor: Floor) -> None:
        key = await made(floor)

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await revoke_api_key(work, api_key_id=key.id)
            assert work.events == [ApiKeyRevoked(api_key_id=key.id)]

        assert (await info(floor, key.id)).state == "revoked"
        with pytest.raises(NotSignedIn):
            await KeyHolders().holder(key.key)

    async def test_changes_nothing_the_second_time(self, floor: Floor) -> None:
        key = await made(floor)
        await revoked(floor, key.id)
        first = await info(floor, key.id)

        await revoked(floor, key.id)

        assert await info(floor, key.id) == first

    async def test_finds_no_key_of_another_organization(self, floor: Floor, other: Floor) -> None:
        key = await made(floor)

        async with begin(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound):
                await revoke_api_key(work, api_key_id=key.id)
            with pytest.raises(NotFound):
                await get_api_key(work, key.id)
            assert (await list_api_keys(work)).items == ()
        assert (await info(floor, key.id)).state == "valid"


class TestListApiKeys:
    async def test_shows_the_newest_first_in_pages(self, floor: Floor) -> None:
        ids = [(await made(floor, name=f"K{number}")).id for number in range(3)]

        async with read(floor.acting_as(Role.ADMIN)) as work:
            first = await list_api_keys(work, limit=2)
            last = first.items[-1]
            second = await list_api_keys(work, after=(last.created_at, last.id), limit=2)

        assert [key.id for key in (*first.items, *second.items)] == ids[::-1]
        assert (first.has_more, second.has_more) == (True, False)

    async def test_refuses_who_may_not_read_keys(self, floor: Floor) -> None:
        async with read(floor.acting_as(Role.OPERATOR)) as work:
            with pytest.raises(Forbidden):
                await list_api_keys(work)


class TestHolder:
    async def test_acts_for_the_owner_with_the_rights_that_both_have(self, floor: Floor) -> None:
        key = await made(floor, "production.*.read", "plant.model.*")

        viewer = await KeyHolders().holder(key.key)

        assert viewer.user_id == viewer.scope.user_id == floor.user_ids[Role.ADMIN]
        assert (viewer.scope.org_id, viewer.scope.actor_kind) == (floor.scope.org_id, "user")
        assert (viewer.scope.session_id, viewer.scope.api_key_id) == (None, key.id)
        assert viewer.scope.may(Permission.READ_ORDERS)
        assert viewer.scope.may(Permission.EDIT_PLANT)
        assert not viewer.scope.may(Permission.REPORT_PRODUCTION)
        assert not viewer.scope.may(Permission.EDIT_USERS)

    async def test_never_may_more_than_the_owner_may_now(self, floor: Floor) -> None:
        key = await made(floor, "*.*.*")
        async with begin(floor.scope) as work:
            await work.session.execute(delete(UserRole).where(UserRole.user_id == floor.user_ids[Role.ADMIN]))
            work.session.add(
                UserRole(org_id=floor.scope.org_id, user_id=floor.user_ids[Role.ADMIN], role=Role.VIEWER.value)
            )

        viewer = await KeyHolders().holder(key.key)

        assert viewer.scope.permissions == floor.acting_as(Role.VIEWER).permissions

    async def test_sees_the_plants_that_both_may_see(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            second = await add_plant(work, code="P2", name="P2", time_zone="UTC")
        key = await made(floor, plant_ids=[floor.plant_id, second.id])
        async with begin(floor.scope) as work:
            (await work.session.get_one(User, floor.user_ids[Role.ADMIN])).plant_ids = [second.id]

        assert (await KeyHolders().holder(key.key)).scope.plant_ids == frozenset({second.id})

    async def test_is_nobody_once_the_owner_left(self, floor: Floor) -> None:
        key = await made(floor)
        async with begin(floor.scope) as work:
            (await work.session.get_one(User, floor.user_ids[Role.ADMIN])).is_active = False

        with pytest.raises(NotSignedIn):
            await KeyHolders().holder(key.key)
        assert (await info(floor, key.id)).state == "ownerless"

    async def test_is_nobody_once_the_key_is_over(self, floor: Floor) -> None:
        key = await made(floor)
        async with begin(floor.scope) as work:
            await work.session.execute(update(ApiKey).values(expires_at=text("now() + interval '0.5 seconds'")))
        holders = KeyHolders()
        assert await holders.holder(key.key)

        await asyncio.sleep(0.6)

        with pytest.raises(NotSignedIn):
            await holders.holder(key.key)
        assert (await info(floor, key.id)).state == "expired"

    @pytest.mark.parametrize("key", ["unison_", "unison_" + "0" * 46, ""])
    async def test_is_nobody_for_what_is_no_key(self, key: str, floor: Floor) -> None:
        with pytest.raises(NotSignedIn):
            await KeyHolders().holder(key)

    async def test_is_remembered_until_something_is_heard(self, floor: Floor) -> None:
        key = await made(floor)
        holders = KeyHolders()
        viewer = await holders.holder(key.key)
        assert holders.remembered(key.key) is viewer

        for event in (ApiKeyRevoked(api_key_id=key.id), UserChanged(user_id=viewer.user_id), None):
            await holders.holder(key.key)
            holders.hear(floor.scope.org_id, event)

            assert holders.remembered(key.key) is None

    async def test_is_not_remembered_when_it_was_revoked_during_the_look_up(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = await made(floor)
        holders = KeyHolders()
        real = key_holders_module._look_up

        async def slow(policies: PolicyMemory, digest: bytes) -> object:
            found = await real(policies, digest)
            await revoked(floor, key.id)
            holders.hear(floor.scope.org_id, ApiKeyRevoked(api_key_id=key.id))
            return found

        monkeypatch.setattr(key_holders_module, "_look_up", slow)
        await holders.holder(key.key)

        assert holders.remembered(key.key) is None

    async def test_of_another_process_hears_of_the_end_within_a_second(self, floor: Floor, hub: Hub) -> None:
        key = await made(floor)
        elsewhere = KeyHolders()
        hub.on_any_event(elsewhere.hear)
        await elsewhere.holder(key.key)

        await revoked(floor, key.id)

        async with asyncio.timeout(1):
            while elsewhere.remembered(key.key) is not None:  # noqa: ASYNC110 - the hub tells its own listeners only
                await asyncio.sleep(0.01)
        with pytest.raises(NotSignedIn):
            await elsewhere.holder(key.key)


class TestNoteUse:
    async def test_writes_when_and_from_where_at_most_once_a_minute(self, floor: Floor) -> None:
        key = await made(floor)
        holders = KeyHolders()
        viewer = await holders.holder(key.key)

        await holders.note_use(viewer, address="192.0.2.1")
        await holders.note_use(viewer, address="192.0.2.2")
        await KeyHolders().note_use(viewer, address="192.0.2.3")

        known = await info(floor, key.id)
        assert known.last_used_at is not None
        assert known.last_address == "192.0.2.1"

    async def test_writes_again_a_minute_later(self, floor: Floor) -> None:
        key = await made(floor)
        viewer = await KeyHolders().holder(key.key)
        await KeyHolders().note_use(viewer, address="192.0.2.1")
        async with begin(floor.scope) as work:
            await work.session.execute(update(ApiKeyUse).values(last_used_at=text("now() - interval '2 minutes'")))

        await KeyHolders().note_use(viewer, address="192.0.2.2")

        assert (await info(floor, key.id)).last_address == "192.0.2.2"


class TestAudit:
    async def test_names_the_key_with_which_a_change_came(self, floor: Floor) -> None:
        key = await made(floor, "plant.model.edit")
        viewer = await KeyHolders().holder(key.key)

        async with begin(viewer.scope) as work:
            plant = await add_plant(work, code="P9", name="P9", time_zone="UTC")
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            other = await add_plant(work, code="P8", name="P8", time_zone="UTC")

        async with read(floor.scope) as work:
            rows = await work.session.execute(select(AuditEntry).where(AuditEntry.row_id.in_([plant.id, other.id])))
            named = {entry.row_id: (entry.actor_kind, entry.user_id, entry.api_key_id) for entry in rows.scalars()}
        admin = floor.user_ids[Role.ADMIN]
        assert named == {plant.id: ("user", admin, key.id), other.id: ("user", admin, None)}


class TestFindApiKey:
    async def test_tells_nothing_but_ids_to_who_knows_the_digest(
        self, floor: Floor, app_connection: Connection
    ) -> None:
        key = await made(floor)
        digest = digest_of(key.key)

        rows = await app_connection.fetch("SELECT * FROM app.find_api_key($1)", digest)

        assert [dict(row) for row in rows] == [{"api_key_id": key.id, "org_id": floor.scope.org_id}]
        assert await app_connection.fetch("SELECT * FROM app.find_api_key($1)", b"another") == []

    async def test_is_the_only_way_around_row_security(self, floor: Floor, other: Floor) -> None:
        await made(floor)

        async with read(Scope(other.scope.org_id)) as work:
            assert (await work.session.execute(select(ApiKey))).all() == []
