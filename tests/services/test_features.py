"""Features: switched off, they leave everybody at once, on every process, and come back whole."""

import asyncio
import time
from dataclasses import replace

import pytest

from domain.checks import InvalidChoice
from domain.errors import Conflict, Forbidden
from domain.events import OrganizationChanged
from domain.identity.roles import Permission, Role
from domain.operations.features import PERMISSIONS, WORDS, Feature
from domain.scope import SwitchedOff
from services.auth.tokens import Claims
from services.db.tables import SignInSession
from services.db.work import begin, read
from services.events.hub import Hub
from services.identity.sessions import Sessions
from services.operations.features import list_features, switch_feature
from services.production.work_orders import hold_order
from tests.factories import Floor


async def switched(floor: Floor, feature: Feature, *, is_on: bool, version: int = 0) -> int:
    """Switch a feature as the admin; returns its version."""
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        return (await switch_feature(work, feature=feature.value, is_on=is_on, version=version)).version


async def claims_of(floor: Floor, role: Role) -> Claims:
    """Sign somebody in."""
    async with begin(floor.scope) as work:
        session = SignInSession(
            org_id=floor.scope.org_id, user_id=floor.user_ids[role], expires_at=work.now.replace(year=2100)
        )
        work.session.add(session)
        await work.session.flush()
    return Claims(floor.user_ids[role], floor.scope.org_id, session.id, session.id, 2**31)


class TestFeatures:
    def test_have_words_and_permissions(self) -> None:
        assert set(WORDS) == set(PERMISSIONS) == set(Feature)
        assert Permission.EDIT_FEATURES not in frozenset().union(*PERMISSIONS.values())

    async def test_are_on_until_somebody_switches_them(self, floor: Floor) -> None:
        async with read(floor.acting_as(Role.ADMIN)) as work:
            states = await list_features(work)

        assert [(state.feature, state.is_on, state.version) for state in states] == [
            (feature, True, 0) for feature in Feature
        ]

    async def test_take_their_rights_from_everybody_within_a_second_and_give_them_back(
        self, floor: Floor, hub: Hub
    ) -> None:
        sessions = Sessions()
        hub.on_any_event(sessions.hear)
        heard = asyncio.Event()
        hub.subscribe(floor.scope.org_id, lambda event: heard.set() if isinstance(event, OrganizationChanged) else None)
        claims = await claims_of(floor, Role.SUPERVISOR)
        before = (await sessions.viewer(claims)).scope
        began = time.monotonic()

        version = await switched(floor, Feature.ORDERS, is_on=False)
        await asyncio.wait_for(heard.wait(), 1)
        off = (await sessions.viewer(claims)).scope
        took_s = time.monotonic() - began
        heard.clear()
        await switched(floor, Feature.ORDERS, is_on=True, version=version)
        await asyncio.wait_for(heard.wait(), 1)
        after = (await sessions.viewer(claims)).scope

        assert took_s < 1
        assert (before.may(Permission.EDIT_ORDERS), off.may(Permission.EDIT_ORDERS)) == (True, False)
        assert off.may(Permission.READ_PLANT)
        assert after == before

    async def test_are_refused_with_a_sentence_of_their_own(self, floor: Floor) -> None:
        await switched(floor, Feature.ORDERS, is_on=False)
        viewer = await Sessions().viewer(await claims_of(floor, Role.ADMIN))

        with pytest.raises(SwitchedOff):
            async with begin(viewer.scope) as work:
                await hold_order(work, order_id=floor.machine_id, reason="x")

    async def test_stay_on_for_another_organization(self, floor: Floor, other: Floor) -> None:
        await switched(floor, Feature.ORDERS, is_on=False)

        theirs = await Sessions().viewer(await claims_of(other, Role.ADMIN))

        assert theirs.scope.may(Permission.EDIT_ORDERS)
        async with read(other.acting_as(Role.ADMIN)) as work:
            assert all(state.is_on for state in await list_features(work))

    async def test_are_switched_by_one_of_two_at_once(self, floor: Floor) -> None:
        both = await asyncio.gather(
            *(switched(floor, Feature.ANDON, is_on=False) for _ in range(2)), return_exceptions=True
        )

        assert sorted(type(one).__name__ for one in both) == ["Conflict", "int"]
        with pytest.raises(Conflict):
            await switched(floor, Feature.ANDON, is_on=True, version=7)

    async def test_are_switched_by_admins_only(self, floor: Floor) -> None:
        for role in set(Role) - {Role.ADMIN}:
            with pytest.raises(Forbidden):
                async with begin(floor.acting_as(role)) as work:
                    await switch_feature(work, feature="andon", is_on=False, version=0)

    async def test_must_exist(self, floor: Floor) -> None:
        with pytest.raises(InvalidChoice):
            async with begin(replace(floor.scope)) as work:
                await switch_feature(work, feature="nonsense", is_on=False, version=0)
