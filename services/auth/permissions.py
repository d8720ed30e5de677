"""From roles to permissions, by Casbin (RBAC, with the organization as its domain)."""

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

import casbin
from casbin.rbac.default_role_manager.role_manager import DomainManager
from casbin.util import glob_match

from domain.identity.roles import BUILT_IN, PLATFORM, Permission, is_of_platform

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


class Policies:
    """What the roles of one organization grant, and to whom, where their holders are told.

    Casbin weighs every policy at every check, which takes milliseconds. So the rules are handed to it in bulk, it
    answers who has which role, and what a role grants is added up once by the matcher's own function, which a test
    compares with Casbin's verdicts. After that, a check is a look-up in a set.
    """

    def __init__(
        self, org_id: UUID, *, grants: Mapping[str, Iterable[str]], holders: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Take the patterns of the organization's own roles by key, and pairs of a holder and a role."""
        self._domain = str(org_id)
        self._patterns = {**BUILT_IN, **{key: tuple(patterns) for key, patterns in grants.items()}}
        model = casbin.Model()
        model.load_model_from_text(MODEL)
        self._enforcer = casbin.Enforcer(model)
        self._enforcer.rm_map["g"] = _Domains()
        self._enforcer.set_adapter(_Rows(self._domain, self._patterns, holders))
        self._enforcer.load_policy()
        self._granted: dict[str, frozenset[str]] = {}

    def knows(self, role: str) -> bool:
        """Tell whether there is such a role."""
        return role in self._patterns

    def patterns_of(self, role: str) -> tuple[str, ...]:
        """Return the patterns of a role, none for one that is not there or switched off."""
        return self._patterns.get(role, ())

    def granted(self, role: str) -> frozenset[str]:
        """Return every permission that a role grants."""
        known = self._granted.get(role)
        if known is None:
            reached = frozenset[str]().union(*map(reached_by_pattern, self.patterns_of(role)))
            known = self._granted[role] = frozenset(
                permission for permission in reached if is_of_platform(permission) is (role == PLATFORM)
            )
        return known

    def roles_of(self, holder: str) -> list[str]:
        """Return the roles of one of the holders that were told."""
        roles: list[str] = self._enforcer.get_roles_for_user_in_domain(holder, self._domain)
        return roles

    def enforce(self, subject: str, permission: str) -> bool:
        """Return Casbin's own verdict on a role or a holder: slow, and what `granted` must agree with."""
        verdict: bool = self._enforcer.enforce(subject, self._domain, permission)
        return verdict


@lru_cache(maxsize=10_000)
def reached_by_pattern(pattern: str) -> frozenset[str]:
    """Return every permission that a pattern reaches, by the matcher's own function; `*` never reaches the platform."""
    return frozenset(
        permission.value
        for permission in Permission
        if is_of_platform(permission) is is_of_platform(pattern) and glob_match(permission.value, pattern)
    )


@cache
def permissions_of(roles: frozenset[str]) -> frozenset[str]:
    """Return every permission that built-in roles grant together."""
    return frozenset(permission for role in roles for permission in _BUILT_IN_POLICIES.granted(role))


class _Domains(DomainManager):  # type: ignore[misc]
    """Casbin's own manager of roles, without comparing each name with every other: nobody here is called by a pattern.

    With it 10,000 holders take forty milliseconds to load, and without it the better part of a minute.
    """

    def __init__(self) -> None:
        super().__init__()
        self.matching_func = None


class _Rows(casbin.persist.Adapter):  # type: ignore[misc]
    """Hands rules over in bulk: adding them one by one takes fifty times as long."""

    def __init__(self, domain: str, patterns: Mapping[str, Iterable[str]], holders: Iterable[tuple[str, str]]) -> None:
        self._domain, self._given, self._holders = domain, patterns, holders

    def load_policy(self, model: Any) -> None:
        """Fill the model."""
        rules, links = model["p"]["p"], model["g"]["g"]
        for role, patterns in self._given.items():
            domain = ANY_ORGANIZATION if role in BUILT_IN else self._domain
            rules.policy.extend([role, domain, pattern] for pattern in patterns)
        links.policy.extend([holder, role, self._domain] for holder, role in self._holders)


_BUILT_IN_POLICIES = Policies(UUID(int=0), grants={})
