"""The second factor: codes from an app (TOTP, RFC 6238), each once, and recovery codes for a lost app.

Secrets are encrypted at rest; a code proves nothing without the challenge that a right password was answered with.
"""

import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import ClassVar
from uuid import UUID

import pyotp
from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert

from domain.errors import Conflict, Forbidden, Invalid, NotFound, marked
from domain.events import UserChanged
from domain.identity.roles import Permission
from domain.scope import Scope
from services.audit.notes import note_attempt
from services.auth.attempts import SignInAttempts
from services.auth.passwords import check_password
from services.auth.secret_boxes import SecretBox
from services.auth.tokens import Claims, NotSignedIn, TokenIssuer
from services.db.tables import RecoveryCode, SecondFactor, User
from services.db.work import Work, begin
from services.identity.assignments import refuse_stronger
from services.identity.own_account import NotYourPassword, locked_own_user, own_user
from services.identity.sign_ins import Device, Tokens, asks_for_second_factor, open_session, told_device

PURPOSE = "second-factors"
RECOVERY_CODES = 10
MOMENT = timedelta(minutes=10)
"""How long after a sign-in with a new app the first codes are shown without the password."""
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
GROUPS, GROUP = 4, 4
"""A recovery code has 79 random bits, so that nothing slower than SHA-256 is needed."""

ORGANIZATION = text("""
SELECT users.email, organizations.name AS organization
FROM users JOIN organizations ON organizations.id = users.org_id WHERE users.id = :user_id AND users.is_active
""")
USE_STEP = text("""
UPDATE second_factors SET last_step = :step, confirmed_at = coalesce(confirmed_at, now())
WHERE user_id = :user_id AND last_step < :step RETURNING user_id
""")
USE_RECOVERY_CODE = text("""
UPDATE recovery_codes SET used_at = now() WHERE user_id = :user_id AND digest = :digest AND used_at IS NULL
RETURNING user_id
""")
HAD_CODES = text("SELECT EXISTS (SELECT FROM recovery_codes WHERE user_id = :user_id)")
LEFT = text("SELECT count(*) FROM recovery_codes WHERE user_id = :user_id AND used_at IS NULL")


class WrongCode(Invalid):
    """A code that is wrong, over, or was used before: the three look the same."""

    code: ClassVar[str] = "wrong_code"
    sentence: ClassVar[str] = marked("This code does not fit, or was used already. Wait for the next one.")


class AlreadyEnrolled(Conflict):
    """Somebody has a second factor."""

    code: ClassVar[str] = "already_enrolled"
    sentence: ClassVar[str] = marked("You have a second factor. Remove it first to set up another app.")


class NoFirstCodes(Conflict):
    """Somebody whom no recovery codes are shown without their password."""

    code: ClassVar[str] = "no_first_codes"
    sentence: ClassVar[str] = marked("Make recovery codes under your account; your password is asked for.")


class NotEnrolled(Conflict):
    """Somebody has no second factor."""

    code: ClassVar[str] = "not_enrolled"
    sentence: ClassVar[str] = marked("There is no second factor yet. Set one up first.")


class SecondFactorNeeded(Forbidden):
    """Somebody wants to go without a second factor where the organization asks for one."""

    code: ClassVar[str] = "second_factor_needed"
    sentence: ClassVar[str] = marked("Your organization asks for a second factor, so that you cannot remove it.")


@dataclass(frozen=True)
class Enrolment:
    """What an app has to know."""

    secret: str
    """In Base32, to be typed."""
    uri: str
    """The same for a QR code (otpauth)."""


@dataclass(frozen=True)
class OwnFactor:
    """What somebody has."""

    is_confirmed: bool
    codes_left: int
    """Recovery codes that were not used yet."""


def second_factor_box(secret: str) -> SecretBox:
    """Derive the box of the secrets of second factors from the installation's secret."""
    return SecretBox.of(secret, purpose=PURPOSE)


async def pass_second_factor(
    issuer: TokenIssuer,
    attempts: SignInAttempts,
    box: SecretBox,
    *,
    challenge: str,
    code: str,
    device: Device,
    request_id: str = "",
) -> Tokens:
    """Open a session for who answered a challenge with a code of their app or a recovery code. Who has just set their
    app up proves with it that the app has the secret.

    Raises:
        NotSignedIn: the challenge is not ours, or is over.
        TooManyAttempts: too many codes were wrong.
        WrongCode: the code does not fit, or was used.
        SecretLost: the installation's key changed since.
        OrganizationSuspended: nobody of the organization comes in for now.
        Unavailable: Postgres does not answer.
    """
    claims = issuer.read(challenge, "challenge")
    account = f"second factor {claims.user_id}"
    await attempts.count(account=account, address=device.address)
    try:
        async with begin(_scope(claims, request_id)) as work:
            await _refuse_gone(work, claims.user_id)
            factor = await work.session.get(SecondFactor, (claims.org_id, claims.user_id))
            is_new = factor is not None and factor.confirmed_at is None
            await _use_code(work, box, claims.user_id, code)
            tokens = await open_session(work, issuer, user_id=claims.user_id, device=device)
    except WrongCode:
        await attempts.count_failure(address=device.address)
        scope = Scope(claims.org_id, request_id=request_id, device=told_device(device))
        note_attempt(scope, code=WrongCode.code, what="second_factor", where="sign-in", user_id=claims.user_id)
        raise
    await attempts.forget_account(account)
    return replace(tokens, has_new_app=is_new)


async def enrol_by_challenge(issuer: TokenIssuer, box: SecretBox, *, challenge: str) -> Enrolment | None:
    """Return what to set an app up with, for who has a right password and needs a second factor; None for who has one.

    Raises:
        NotSignedIn: the challenge is not ours, or is over.
        SecretLost: the installation's key changed since.
        Unavailable: Postgres does not answer.
    """
    claims = issuer.read(challenge, "challenge")
    async with begin(_scope(claims, "")) as work:
        await _refuse_gone(work, claims.user_id)
        try:
            return await _begin(work, box, claims.user_id)
        except AlreadyEnrolled:
            return None


async def begin_enrolment(work: Work, box: SecretBox) -> Enrolment:
    """Return what the actor sets their app up with; the same until they have confirmed it.

    Raises:
        OnlyYourself: the actor is nobody who signed in.
        AlreadyEnrolled: they have a second factor.
        SecretLost: the installation's key changed since.
    """
    return await _begin(work, box, (await locked_own_user(work)).id)


async def confirm_enrolment(work: Work, attempts: SignInAttempts, box: SecretBox, *, code: str) -> tuple[str, ...]:
    """Have the actor prove that their app has the secret, and return their recovery codes, this once.

    Raises:
        OnlyYourself: the actor is nobody who signed in.
        AlreadyEnrolled, NotEnrolled: there is nothing to confirm.
        TooManyAttempts: too many codes were wrong.
        WrongCode: the code does not fit.
    """
    user = await locked_own_user(work)
    factor = await work.session.get(SecondFactor, (work.scope.org_id, user.id))
    if factor is None:
        raise NotEnrolled
    if factor.confirmed_at is not None:
        raise AlreadyEnrolled
    await attempts.count(account=f"second factor {user.id}", address=f"second factor {user.id}")
    await _use_code(work, box, user.id, code)
    await attempts.forget_account(f"second factor {user.id}")
    work.emit(UserChanged(user_id=user.id))
    return await _renewed_codes(work, user.id)


async def first_recovery_codes(work: Work) -> tuple[str, ...]:
    """Return the recovery codes of who set their app up at the sign-in a moment ago and has none yet, this once.

    Raises:
        OnlyYourself: the actor is nobody who signed in.
        NoFirstCodes: they have codes or had some, have no app, or set it up some time ago.
    """
    user = await locked_own_user(work)
    factor = await work.session.get(SecondFactor, (work.scope.org_id, user.id))
    if factor is None or factor.confirmed_at is None or work.now - factor.confirmed_at > MOMENT:
        raise NoFirstCodes
    if await work.session.scalar(HAD_CODES, {"user_id": user.id}):
        raise NoFirstCodes
    return await _renewed_codes(work, user.id)


async def renew_recovery_codes(work: Work, attempts: SignInAttempts, *, password: str) -> tuple[str, ...]:
    """Return new recovery codes of the actor, this once; those of before open nothing any more.

    Raises:
        OnlyYourself: the actor is nobody who signed in.
        TooManyAttempts, NotYourPassword: the password is not theirs.
        NotEnrolled: they have no second factor.
    """
    user = await locked_own_user(work)
    await _refuse_other_password(attempts, user, password)
    factor = await work.session.get(SecondFactor, (work.scope.org_id, user.id))
    if factor is None or factor.confirmed_at is None:
        raise NotEnrolled
    return await _renewed_codes(work, user.id)


async def remove_own_factor(work: Work, attempts: SignInAttempts, *, password: str) -> UUID:
    """Let the actor go without a second factor, and return who they are.

    Raises:
        OnlyYourself: the actor is nobody who signed in.
        TooManyAttempts, NotYourPassword: the password is not theirs.
        SecondFactorNeeded: the organization asks for one.
    """
    user = await locked_own_user(work)
    await _refuse_other_password(attempts, user, password)
    if (await asks_for_second_factor(work, user_id=user.id)).must_have:
        raise SecondFactorNeeded(permission="")
    await _remove(work, user.id)
    return user.id


async def reset_second_factor(work: Work, *, user_id: UUID) -> None:
    """Take somebody's second factor away, whose app and recovery codes are lost; where it is asked for, they set up
    another one at their next sign-in.

    Raises:
        Forbidden: the actor may not edit users.
        NotFound: there is no such user.
        RightsLacked: the actor lacks rights of the user.
    """
    await work.permit(Permission.EDIT_USERS)
    if await work.session.get(User, user_id) is None:
        raise NotFound(what="user")
    await refuse_stronger(work, user_id=user_id)
    await _remove(work, user_id)


async def own_factor(work: Work) -> OwnFactor:
    """Return what the actor has.

    Raises:
        OnlyYourself: the actor is nobody who signed in.
    """
    user = await own_user(work)
    factor = await work.session.get(SecondFactor, (work.scope.org_id, user.id))
    left = int(await work.session.scalar(LEFT, {"user_id": user.id}) or 0)
    return OwnFactor(is_confirmed=factor is not None and factor.confirmed_at is not None, codes_left=left)


async def _begin(work: Work, box: SecretBox, user_id: UUID) -> Enrolment:
    values = {"secret": box.seal(pyotp.random_base32().encode()), "org_id": work.scope.org_id, "user_id": user_id}
    await work.session.execute(insert(SecondFactor).values(**values).on_conflict_do_nothing())
    factor = await work.session.get(SecondFactor, (work.scope.org_id, user_id), populate_existing=True)
    if factor is None:
        raise NotFound(what="user")
    if factor.confirmed_at is not None:
        raise AlreadyEnrolled
    secret = box.open(factor.secret).decode()
    named = (await work.session.execute(ORGANIZATION, {"user_id": user_id})).one()
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=named.email, issuer_name=named.organization))


async def _use_code(work: Work, box: SecretBox, user_id: UUID, code: str) -> None:
    """Use a code up, of two that come at once one.

    Raises:
        WrongCode: it does not fit, or was used.
        SecretLost: the installation's key changed since.
    """
    typed = "".join(one for one in code.lower() if one.isalnum() and one.isascii())[:64]
    factor = await work.session.get(SecondFactor, (work.scope.org_id, user_id))
    if factor is None:
        raise WrongCode(field="code")
    if typed.isdecimal() and len(typed) == 6:
        step = _step_of(box.open(factor.secret).decode(), typed, work.now)
        used = None if step is None else await work.session.execute(USE_STEP, {"user_id": user_id, "step": step})
    elif factor.confirmed_at is None:
        used = None
    else:
        used = await work.session.execute(USE_RECOVERY_CODE, {"user_id": user_id, "digest": _digest(typed)})
    if used is None or used.first() is None:
        raise WrongCode(field="code")


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the 30-second step whose code this is: the present one or a neighbour, as clocks differ."""
    app = pyotp.TOTP(secret)
    present = int(now.timestamp()) // app.interval
    fits = [step for step in (present - 1, present, present + 1) if hmac.compare_digest(app.generate_otp(step), code)]
    return fits[-1] if fits else None


async def _renewed_codes(work: Work, user_id: UUID) -> tuple[str, ...]:
    await work.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = tuple(
        "-".join("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(GROUPS))
        for _ in range(RECOVERY_CODES)
    )
    work.session.add_all(
        RecoveryCode(org_id=work.scope.org_id, user_id=user_id, digest=_digest(code.replace("-", ""))) for code in codes
    )
    await work.session.flush()
    return codes


async def _remove(work: Work, user_id: UUID) -> None:
    await work.session.execute(delete(SecondFactor).where(SecondFactor.user_id == user_id))
    work.emit(UserChanged(user_id=user_id))


async def _refuse_other_password(attempts: SignInAttempts, user: User, password: str) -> None:
    await attempts.count(account=f"change {user.id}", address=f"change {user.id}")
    if not (await check_password(password, user.password_hash)).fits:
        raise NotYourPassword(field="password")
    await attempts.forget_account(f"change {user.id}")


async def _refuse_gone(work: Work, user_id: UUID) -> None:
    """Refuse a challenge of somebody who was deactivated meanwhile."""
    user = await work.session.get(User, user_id)
    if user is None or not user.is_active:
        raise NotSignedIn


def _scope(claims: Claims, request_id: str) -> Scope:
    return Scope(claims.org_id, actor_kind="user", user_id=claims.user_id, request_id=request_id)


def _digest(code: str) -> bytes:
    return sha256(code.encode()).digest()
