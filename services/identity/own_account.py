"""What people change about themselves: their password, and how they read."""

from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from domain.checks import checked_choice
from domain.edits import UNCHANGED, Unchanged
from domain.errors import Conflict, Forbidden, Invalid, NotFound, marked
from domain.events import UserChanged
from domain.identity.preferences import NumberFormat, checked_language, checked_time_zone
from services.auth.attempts import SignInAttempts
from services.auth.passwords import check_password, hash_password
from services.db.tables import SignInSession, User
from services.db.work import Work
from services.identity.session_lists import end_sessions_of, is_own_sign_in
from services.identity.sign_in_policies import refuse_weak_password

JUST_NOW = timedelta(minutes=10)
"""How fresh a sign-in must be that stands for a password."""


class NotYourPassword(Invalid):
    """The present password that was typed is another one."""

    code: ClassVar[str] = "not_your_password"
    sentence: ClassVar[str] = marked("This is not your present password.")


class SignInAgain(Forbidden):
    """Something grave, wanted by somebody who signed in a while ago and has no password to confirm it with."""

    code: ClassVar[str] = "sign_in_again"
    sentence: ClassVar[str] = marked("Sign out and in again first, then repeat this within ten minutes.")


class OnlyYourself(Forbidden):
    """Something that people do for themselves, wanted by a program or a device."""

    code: ClassVar[str] = "only_yourself"
    sentence: ClassVar[str] = marked("Only somebody who has signed in themself can do this.")


async def change_password(work: Work, attempts: SignInAttempts, *, present: str, new: str) -> UUID:
    """Change the actor's own password, end their other sessions, and return who they are.

    Somebody without one, who comes in through a provider, has to ask for a link instead.

    Raises:
        OnlyYourself: the actor is nobody who signed in.
        TooManyAttempts: wrong passwords were tried too often.
        NotYourPassword: the present password is another one.
        InvalidPassword, ShortPassword, PasswordLacksKind, BreachedPassword: the new password cannot be kept.
    """
    user = await locked_own_user(work)
    await attempts.count(account=f"change {user.id}", address=f"change {user.id}")
    password = await refuse_weak_password(work, new)
    if not (await check_password(present, user.password_hash)).fits:
        raise NotYourPassword(field="present")
    user.password_hash = await hash_password(password)
    await work.session.flush()
    await end_sessions_of(work, user_id=user.id, because="password_changed", but=work.scope.session_id)
    work.emit(UserChanged(user_id=user.id))
    await attempts.forget_account(f"change {user.id}")
    return user.id


async def set_preferences(
    work: Work,
    *,
    version: int,
    language: str | None = None,
    time_zone: str | Unchanged | None = UNCHANGED,
    number_format: str | None = None,
) -> UUID:
    """Change how the actor reads and return who they are; what is not given stays.

    A time zone of None is that of the plant which they look at.

    Raises:
        OnlyYourself: the actor is nobody who signed in.
        Conflict: somebody changed the user since `version`.
        InvalidLanguage, InvalidTimeZone, InvalidChoice: a value cannot be kept.
    """
    user = await locked_own_user(work)
    if user.version != version:
        raise Conflict
    if language is not None:
        user.language = checked_language(language)
    if time_zone is not UNCHANGED:
        user.time_zone = checked_time_zone(time_zone)
    if number_format is not None:
        user.number_format = checked_choice(number_format, NumberFormat, field="number_format").value
    await work.session.flush()
    work.emit(UserChanged(user_id=user.id))
    return user.id


async def confirm_yourself(work: Work, attempts: SignInAttempts, *, password: str) -> UUID:
    """Make sure that it is really the actor who wants something grave, and return who they are.

    By their password; somebody without one, who comes in through a provider, must have done so just now.

    Raises:
        OnlyYourself: the actor is nobody who signed in.
        TooManyAttempts: wrong passwords were tried too often.
        NotYourPassword: it is another password.
        SignInAgain: they have no password, and signed in too long ago.
    """
    user = await own_user(work)
    if user.password_hash is None:
        session = await work.session.get(SignInSession, work.scope.session_id)
        if session is None or session.created_at < work.now - JUST_NOW:
            raise SignInAgain
        return user.id
    account = f"confirm {user.id}"
    await attempts.count(account=account, address=account)
    if not (await check_password(password, user.password_hash)).fits:
        raise NotYourPassword(field="password")
    await attempts.forget_account(account)
    return user.id


async def own_user(work: Work) -> User:
    """Return the actor, who signed in themself.

    Raises:
        OnlyYourself: the actor is nobody who signed in.
    """
    user_id: UUID | None = work.scope.user_id
    if user_id is None or not await is_own_sign_in(work):
        raise OnlyYourself(permission="")
    user = await work.session.get(User, user_id, populate_existing=True)
    if user is None:
        raise NotFound(what="user")
    return user


async def locked_own_user(work: Work) -> User:
    """Return the actor as `own_user` does, while nobody else changes them until the end of the transaction.

    Raises:
        OnlyYourself: the actor is nobody who signed in.
    """
    user = await own_user(work)
    await work.session.refresh(user, with_for_update={"key_share": True})
    return user
