"""Signing in, staying signed in, signing out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select, text, update

from domain.checks import storable
from domain.errors import Forbidden, UnisonError, marked
from domain.events import SessionRevoked
from domain.identity.accounts import LONGEST_EMAIL
from domain.identity.sign_in_policies import SignInPolicy
from domain.scope import Scope
from services.audit.notes import note_attempt
from services.auth.attempts import SignInAttempts
from services.auth.passwords import check_password
from services.auth.tokens import Claims, NotSignedIn, TokenIssuer
from services.db.engine import without_tenant
from services.db.tables import Organization, RefreshToken, SignInSession, User
from services.db.work import Work, begin
from services.identity.sign_in_policies import load_sign_in_policy, lock_of_sign_in

CANDIDATES = text("SELECT user_id, org_id, password_hash FROM app.sign_in_candidates(:email, :slug)")


FACTOR = text("""
SELECT EXISTS (SELECT FROM second_factors WHERE user_id = :user_id AND confirmed_at IS NOT NULL) AS has_factor,
       ARRAY(SELECT role FROM user_roles WHERE user_id = :user_id) AS roles
""")


class WrongPassword(UnisonError):
    """The e-mail address and the password do not open an account; which of them is wrong stays unsaid."""

    code: ClassVar[str] = "wrong_password"
    sentence: ClassVar[str] = marked("E-mail address or password are wrong.")


class OrganizationSuspended(Forbidden):
    """Nobody of the organization comes in until the platform resumes it."""

    code: ClassVar[str] = "organization_suspended"
    sentence: ClassVar[str] = marked(
        "Your organization is suspended. Ask whoever runs this system; everything you entered is kept."
    )


class SecondFactorRequired(UnisonError):
    """The password is right, and a code is asked for as well; `challenge` stands for the password meanwhile."""

    code: ClassVar[str] = "second_factor_required"
    sentence: ClassVar[str] = marked("Enter the code of your app as well.")


@dataclass(frozen=True)
class SecondStep:
    """Whether somebody is asked for a second factor."""

    has_factor: bool
    must_have: bool
    """Whether their organization asks for one."""


@dataclass(frozen=True)
class Device:
    """Where a sign-in comes from."""

    address: str
    """IP address."""
    name: str = ""
    """User-Agent, shortened."""


@dataclass(frozen=True)
class Tokens:
    """A fresh pair of tokens."""

    access: str
    refresh: str
    access_claims: Claims
    refresh_expires_at: datetime
    """Aware UTC."""
    has_new_app: bool = False
    """Whether an app for codes was set up with this sign-in, and recovery codes are to be shown."""


async def sign_in(
    issuer: TokenIssuer,
    attempts: SignInAttempts,
    *,
    email: str,
    password: str,
    device: Device,
    organization: str | None = None,
    request_id: str = "",
) -> Tokens:
    """Open a session for the account that the e-mail address and password fit.

    `organization` (a slug) chooses where one address has accounts in several. Opens its own work: before it, nobody
    knows which organization it belongs to.

    Raises:
        TooManyAttempts: the account or the address failed too often.
        WrongPassword: nothing fits.
        OrganizationSuspended: the account fits, and its organization is suspended.
        SecondFactorRequired: the account fits, and a code is asked for as well.
        Unavailable: Postgres does not answer.
    """
    email = storable(email.strip().lower(), longest=LONGEST_EMAIL)
    organization = None if organization is None else storable(organization, longest=40)
    lock = await lock_of_sign_in(organization, attempts.lock)
    await attempts.count(account=email, address=device.address, lock=lock)
    async with without_tenant() as connection:
        candidates = (await connection.execute(CANDIDATES, {"email": email, "slug": organization})).all()
    if not candidates:
        await check_password(password, None)  # an unknown address takes as long as a wrong password
    for candidate in candidates:
        checked = await check_password(password, candidate.password_hash)
        if not checked.fits:
            continue
        await attempts.forget_account(email)
        scope = Scope(
            candidate.org_id,
            actor_kind="user",
            user_id=candidate.user_id,
            request_id=request_id,
            device=told_device(device),
        )
        async with begin(scope) as work:
            if checked.new_hash is not None:
                await work.session.execute(
                    update(User).where(User.id == candidate.user_id).values(password_hash=checked.new_hash)
                )
            tokens = await open_unless_challenged(work, issuer, user_id=candidate.user_id, device=device)
        return passed(tokens)
    await attempts.count_failure(address=device.address)
    for candidate in candidates:
        scope = Scope(candidate.org_id, request_id=request_id, device=told_device(device))
        note_attempt(scope, code=WrongPassword.code, what="sign_in", where="sign-in", user_id=candidate.user_id)
    raise WrongPassword


def told_device(device: Device) -> str:
    """Return address and device as the audit keeps them."""
    return f"{storable(device.address, longest=100)} {storable(device.name, longest=300)}".strip()


async def open_unless_challenged(
    work: Work, issuer: TokenIssuer, *, user_id: UUID, device: Device
) -> "Tokens | SecondFactorRequired":
    """Open a session for somebody who knew a password, or return what asks them for a second factor.

    Raises:
        OrganizationSuspended: nobody of the organization comes in for now.
    """
    step = await asks_for_second_factor(work, user_id=user_id)
    if not (step.has_factor or step.must_have):
        return await open_session(work, issuer, user_id=user_id, device=device)
    if not await _organization_is_active(work):
        raise OrganizationSuspended
    org_id = work.scope.org_id
    challenge, _ = issuer.issue("challenge", user_id=user_id, org_id=org_id, session_id=user_id, now=work.now)
    return SecondFactorRequired(challenge=challenge, must_enrol=not step.has_factor)


def passed(outcome: "Tokens | SecondFactorRequired") -> Tokens:
    """Return the tokens of a session that was opened.

    Raises:
        SecondFactorRequired: none was, and a code is asked for.
    """
    if isinstance(outcome, SecondFactorRequired):
        raise outcome
    return outcome


async def asks_for_second_factor(work: Work, *, user_id: UUID) -> SecondStep:
    """Return whether somebody has a second factor, and whether their organization asks for one."""
    row = (await work.session.execute(FACTOR, {"user_id": user_id})).one()
    policy = await load_sign_in_policy(work)
    return SecondStep(has_factor=row.has_factor, must_have=policy.needs_second_factor(row.roles))


async def open_session(work: Work, issuer: TokenIssuer, *, user_id: UUID, device: Device) -> Tokens:
    """Open a session for somebody who has proved who they are, with all that is asked for: every way in ends here.

    Raises:
        OrganizationSuspended: nobody of the organization comes in for now.
    """
    if not await _organization_is_active(work):
        raise OrganizationSuspended
    policy = await load_sign_in_policy(work)
    ends_at = None if policy.most_hours is None else work.now + timedelta(hours=policy.most_hours)
    session = SignInSession(
        org_id=work.scope.org_id,
        user_id=user_id,
        expires_at=_until(work, issuer, policy, ends_at),
        ends_at=ends_at,
        address=storable(device.address, longest=100),
        device=storable(device.name, longest=300),
    )
    work.session.add(session)
    await work.session.flush()
    return await _issue(work, issuer, session_id=session.id, user_id=user_id)


async def refresh(issuer: TokenIssuer, *, refresh_token: str, request_id: str = "") -> Tokens:
    """Exchange a refresh token for a new pair; a token that was exchanged before revokes its whole session.

    Raises:
        NotSignedIn: the token is not ours, is over, was used before, or its session has ended.
        Unavailable: Postgres does not answer.
    """
    claims = issuer.read(refresh_token, "refresh")
    scope = Scope(claims.org_id, actor_kind="user", user_id=claims.user_id, request_id=request_id)
    async with begin(scope) as work:
        token = await work.session.get(RefreshToken, claims.token_id, with_for_update=True)
        session = await work.session.get(SignInSession, claims.session_id)
        user = await work.session.get(User, claims.user_id)
        tokens = None
        if token is not None and token.used_at is not None:
            await end_session(work, session_id=claims.session_id, because="token_reused")
        elif token is None or session is None or user is None:
            pass
        elif _goes_on(work, session, user) and await _organization_is_active(work):
            token.used_at = work.now
            session.expires_at = _until(work, issuer, await load_sign_in_policy(work), session.ends_at)
            session.last_used_at = work.now
            tokens = await _issue(work, issuer, session_id=session.id, user_id=user.id)
    if tokens is None:
        raise NotSignedIn
    return tokens


async def end_session(work: Work, *, session_id: UUID, because: str = "signed_out") -> None:
    """End a session and every token that descends from it; its live screens close. Ending it again changes nothing.

    `because` is signed_out, token_reused, revoked, deactivated or password_changed.
    """
    ended = await work.session.execute(
        update(SignInSession)
        .where(SignInSession.id == session_id, SignInSession.revoked_at.is_(None))
        .values(revoked_at=work.now, revoked_because=because)
        .returning(SignInSession.id)
    )
    if ended.first() is not None:
        work.emit(SessionRevoked(session_id=session_id))


def _until(work: Work, issuer: TokenIssuer, policy: SignInPolicy, ends_at: datetime | None) -> datetime:
    """Return when a session ends that is used now."""
    until = work.now + policy.idle_of(issuer.refresh_lifetime)
    return until if ends_at is None else min(until, ends_at)


async def _organization_is_active(work: Work) -> bool:
    return bool(await work.session.scalar(select(Organization.is_active)))


def _goes_on(work: Work, session: SignInSession, user: User) -> bool:
    return user.is_active and session.revoked_at is None and session.expires_at > work.now


async def _issue(work: Work, issuer: TokenIssuer, *, session_id: UUID, user_id: UUID) -> Tokens:
    now, org_id = work.now, work.scope.org_id
    access, access_claims = issuer.issue("access", user_id=user_id, org_id=org_id, session_id=session_id, now=now)
    token, claims = issuer.issue("refresh", user_id=user_id, org_id=org_id, session_id=session_id, now=now)
    expires_at = now + timedelta(seconds=claims.expires_at - int(now.timestamp()))
    work.session.add(RefreshToken(id=claims.token_id, org_id=org_id, session_id=session_id, expires_at=expires_at))
    await work.session.flush()
    return Tokens(access=access, refresh=token, access_claims=access_claims, refresh_expires_at=expires_at)
