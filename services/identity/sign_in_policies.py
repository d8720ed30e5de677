"""What an organization asks of a sign-in: read by every one of them, set by admins."""

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from domain.errors import Conflict, NotFound
from domain.identity.roles import Permission
from domain.identity.sign_in_policies import (
    BreachedPassword,
    CharacterKind,
    SecondFactorRule,
    SignInPolicy,
    checked_new_password,
    checked_policy,
)
from services.auth.attempts import Lock
from services.auth.breached import is_breached
from services.db.engine import without_tenant
from services.db.tables import SignInPolicyRow
from services.db.work import Work
from services.identity.policies import load_policies

LOCK = text("SELECT attempts, lock_minutes FROM app.lock_of_sign_in(:slug)")


async def load_sign_in_policy(work: Work) -> SignInPolicy:
    """Return what the organization asks; for whoever signs in, so that no right is needed."""
    row = (await work.session.execute(select(SignInPolicyRow))).scalar_one_or_none()
    if row is None:
        return SignInPolicy()
    return SignInPolicy(
        shortest_password=row.shortest_password,
        kinds=frozenset(map(CharacterKind, row.kinds)),
        refuses_breached=row.refuses_breached,
        attempts=row.attempts,
        lock_minutes=row.lock_minutes,
        idle_minutes=row.idle_minutes,
        most_hours=row.most_hours,
        second_factor=SecondFactorRule(row.second_factor),
        second_factor_roles=frozenset(row.second_factor_roles),
        version=row.version,
    )


async def read_sign_in_policy(work: Work) -> SignInPolicy:
    """Return what the organization asks.

    Raises:
        Forbidden: the actor may not read it.
    """
    await work.permit(Permission.READ_SIGN_IN_POLICY)
    return await load_sign_in_policy(work)


async def set_sign_in_policy(work: Work, *, policy: SignInPolicy) -> SignInPolicy:
    """Set what the organization asks from now on; `policy.version` is the one that was seen. Open sessions keep the
    end that they have, and are asked for a second factor at the next sign-in.

    Raises:
        Forbidden: the actor may not edit it.
        InvalidWholeNumber: a number is too small or too large.
        NotFound: a role does not exist.
        Conflict: somebody changed it since.
    """
    await work.permit(Permission.EDIT_SIGN_IN_POLICY)
    checked_policy(policy)
    policies = await load_policies(work, with_inactive=True)
    if not all(map(policies.knows, policy.second_factor_roles)):
        raise NotFound(what="role")
    values = {
        "shortest_password": policy.shortest_password,
        "kinds": sorted(policy.kinds),
        "refuses_breached": policy.refuses_breached,
        "attempts": policy.attempts,
        "lock_minutes": policy.lock_minutes,
        "idle_minutes": policy.idle_minutes,
        "most_hours": policy.most_hours,
        "second_factor": policy.second_factor.value,
        "second_factor_roles": sorted(policy.second_factor_roles),
        "version": policy.version + 1,
    }
    if (await load_sign_in_policy(work)).version != policy.version:
        raise Conflict
    row = insert(SignInPolicyRow).values(org_id=work.scope.org_id, **values)
    written = await work.session.execute(
        row.on_conflict_do_update(
            constraint="sign_in_policies_pk", set_=values, where=SignInPolicyRow.version == policy.version
        ).returning(SignInPolicyRow.version)
    )
    if written.first() is None:
        raise Conflict
    return await load_sign_in_policy(work)


async def refuse_weak_password(work: Work, password: str) -> str:
    """Return a password when somebody of the organization may choose it.

    Raises:
        InvalidPassword, ShortPassword, PasswordLacksKind: it is not what the organization asks for.
        BreachedPassword: it stands on the installation's list.
    """
    policy = await load_sign_in_policy(work)
    checked_new_password(password, policy)
    if policy.refuses_breached and await is_breached(password):
        raise BreachedPassword(field="password")
    return password


async def lock_of_sign_in(organization: str | None, usual: Lock) -> Lock:
    """Return after how many failures an account is locked, and for how long: as the organization of a short name wants,
    or as the strictest wants where none is named, so that a lock tells nothing of accounts.

    Raises:
        Unavailable: Postgres does not answer.
    """
    async with without_tenant() as connection:
        row = (await connection.execute(LOCK, {"slug": organization})).one()
    if row.attempts is None:
        return usual
    if organization is None:
        return Lock(min(row.attempts, usual.attempts), max(row.lock_minutes, usual.minutes))
    return Lock(row.attempts, row.lock_minutes)
