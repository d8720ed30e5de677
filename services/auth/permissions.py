"""From roles to permissions, by Casbin (RBAC with domains)."""

from functools import cache

import casbin

from domain.identity.roles import GRANTS, PLATFORM, PLATFORM_GRANTS, Permission, Role

MODEL = """
[request_definition]
r = sub, dom, act

[policy_definition]
p = sub, dom, act

[role_definition]
g = _, _, _

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = (r.sub == p.sub || g(r.sub, p.sub, r.dom)) && (p.dom == "*" || p.dom == r.dom) && globMatch(r.act, p.act)
"""
ANY_ORGANIZATION = "*"


@cache
def permissions_of(roles: frozenset[str]) -> frozenset[str]:
    """Return every permission that the roles grant together.

    A Casbin check costs about a millisecond, so all permissions are asked once per set of roles; afterwards a check
    is a set look-up in the scope.
    """
    enforcer = _enforcer()
    return frozenset(
        permission
        for permission in Permission
        if any(
            (role == PLATFORM) is is_of_platform(permission)
            and enforcer.enforce(role, ANY_ORGANIZATION, permission.value)
            for role in roles
        )
    )


def is_of_platform(permission: str) -> bool:
    """Tell whether a permission belongs to the platform's area, which `*` does not reach."""
    return permission.startswith(f"{PLATFORM}.")


@cache
def _enforcer() -> casbin.Enforcer:
    model = casbin.Model()
    model.load_model_from_text(MODEL)
    enforcer = casbin.Enforcer(model)
    for role in Role:
        for pattern in GRANTS[role]:
            enforcer.add_policy(role.value, ANY_ORGANIZATION, pattern)
    for pattern in PLATFORM_GRANTS:
        enforcer.add_policy(PLATFORM, ANY_ORGANIZATION, pattern)
    return enforcer
