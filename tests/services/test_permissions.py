"""From roles to permissions: what Casbin says, added up once."""

from uuid import UUID

import pytest

from domain.identity.rights import Assignment, rights_of
from domain.identity.roles import BUILT_IN, Permission, is_of_platform
from services.auth.permissions import Policies, reached_by_pattern

ORG = UUID(int=7)
NEAR, FAR = UUID(int=1), UUID(int=2)
OWN = {
    "planner": ("production.order.*", "plant.*.read"),
    "reader": ("*.*.read",),
    "all": ("*.*.*",),
    "single": ("andon.call.raise",),
    "nothing": (),
}


@pytest.fixture
def policies() -> Policies:
    holders = [(f"person-{key}", key) for key in (*OWN, "operator", "platform")]
    return Policies(ORG, grants=OWN, holders=[*holders, ("person-planner", "single")])


class TestPolicies:
    @pytest.mark.parametrize("role", [*OWN, "admin", "supervisor", "operator", "viewer", "terminal"])
    def test_grant_what_casbin_enforces(self, policies: Policies, role: str) -> None:
        enforced = {
            permission for permission in Permission
            if not is_of_platform(permission) and policies.enforce(role, permission)
        }  # fmt: skip

        assert policies.granted(role) == enforced

    def test_follow_people_to_all_their_roles(self, policies: Policies) -> None:
        assert sorted(policies.roles_of("person-planner")) == ["planner", "single"]
        assert policies.roles_of("nobody") == []
        assert policies.enforce("person-planner", Permission.EDIT_ORDERS)
        assert policies.enforce("person-planner", Permission.RAISE_ANDON)
        assert not policies.enforce("person-single", Permission.EDIT_ORDERS)

    def test_keep_the_platform_to_its_own_role(self, policies: Policies) -> None:
        assert {one for one in policies.granted("all") if is_of_platform(one)} == set()
        assert policies.granted("platform") == {one for one in Permission if is_of_platform(one)}
        assert reached_by_pattern("*.organization.read") == frozenset()

    def test_know_the_roles_there_are(self, policies: Policies) -> None:
        assert all(map(policies.knows, (*OWN, *BUILT_IN)))
        assert not policies.knows("manager")
        assert policies.granted("manager") == frozenset()


class TestRightsOf:
    def test_add_up_plants_by_permission(self, policies: Policies) -> None:
        rights = rights_of(
            [Assignment("operator", frozenset({NEAR})), Assignment("viewer", frozenset({FAR}))],
            granted=policies.granted, plant_ids=None,
        )  # fmt: skip

        assert rights.plant_ids == frozenset({NEAR, FAR})
        assert rights.plant_limits[Permission.REPORT_PRODUCTION] == frozenset({NEAR})
        assert Permission.READ_PLANT not in rights.plant_limits

    def test_let_a_role_without_limit_hold_everywhere(self, policies: Policies) -> None:
        rights = rights_of(
            [Assignment("operator", frozenset({NEAR})), Assignment("viewer")], granted=policies.granted, plant_ids=None
        )

        assert rights.plant_ids is None
        assert rights.plant_limits[Permission.REPORT_PRODUCTION] == frozenset({NEAR})
        assert Permission.READ_PLANT not in rights.plant_limits

    def test_grant_nothing_of_the_whole_organization_in_single_plants(self, policies: Policies) -> None:
        rights = rights_of([Assignment("admin", frozenset({NEAR}))], granted=policies.granted, plant_ids=None)

        assert Permission.EDIT_PLANT in rights.permissions
        assert not {Permission.EDIT_USERS, Permission.ASSIGN_ROLES, Permission.EDIT_BRANDING} & rights.permissions

    def test_never_reach_beyond_the_plants_of_the_person(self, policies: Policies) -> None:
        near = frozenset({NEAR})
        inside = rights_of([Assignment("operator", frozenset({NEAR, FAR}))], granted=policies.granted, plant_ids=near)
        outside = rights_of([Assignment("operator", frozenset({FAR}))], granted=policies.granted, plant_ids=near)

        assert inside.plant_ids == near
        assert inside.plant_limits == {}
        assert outside.permissions == frozenset()
