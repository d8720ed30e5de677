"""The people of an organization: invited, edited, deactivated and let in again."""

from collections.abc import Collection, Sequence
from typing import ClassVar
from uuid import UUID

from sqlalchemy import delete, func, select

from domain.checks import checked_text
from domain.edits import UNCHANGED, Unchanged
from domain.errors import Conflict, NotFound, marked
from domain.events import UserChanged
from domain.identity.preferences import checked_language
from domain.identity.roles import Permission, Role
from services.custom_fields.values import Given, custom_of_edited
from services.db.tables import PasswordReset, Plant, User, UserInvitation, UserRole
from services.db.work import Work
from services.identity.assignments import refuse_losing_last_admin, refuse_stronger
from services.identity.invitations import invite_user
from services.identity.session_lists import end_sessions_of
from services.identity.users import add_user


class NotYourself(Conflict):
    """Somebody who would lock themself out."""

    code: ClassVar[str] = "not_yourself"
    sentence: ClassVar[str] = marked("You cannot deactivate yourself. Ask another admin.")


class NothingToWithdraw(Conflict):
    """An invitation that is used or was never made."""

    code: ClassVar[str] = "nothing_to_withdraw"
    sentence: ClassVar[str] = marked("There is no open invitation. Deactivate the user if they shall not come in.")


async def invite_person(
    work: Work,
    *,
    email: str,
    display_name: str,
    roles: Collection[str],
    base_url: str,
    plant_ids: Sequence[UUID] | None = None,
    language: str = "",
    custom: Given | None = None,
) -> tuple[UUID, str | None]:
    """Add somebody and invite them to choose a password; return who they are, and the link where no mail goes out.

    Raises:
        As `services.identity.users.add_user` and `services.identity.invitations.invite_user`.
        InvalidLanguage: the language is not translated.
    """
    user = await add_user(
        work,
        email=email,
        display_name=display_name,
        roles=roles,
        plant_ids=None if plant_ids is None else sorted(set(plant_ids)),
        language=checked_language(language),
        custom=custom,
    )
    return user.id, await invite_user(work, user_id=user.id, base_url=base_url)


async def edit_user(
    work: Work,
    *,
    user_id: UUID,
    version: int,
    display_name: str | None = None,
    language: str | None = None,
    plant_ids: Sequence[UUID] | Unchanged | None = UNCHANGED,
    custom: Given | None = None,
) -> int:
    """Change what is given and return the version of the user after it; plants of None stand for all.

    Raises:
        Forbidden: the actor may not edit users.
        NotFound: there is no such user or plant.
        Conflict: somebody changed the user since `version`.
        InvalidText, InvalidLanguage: the name or the language cannot be kept.
        RightsLacked: the user would get rights in plants where the actor lacks them.
        LastAdmin: nobody would be left who is admin of all plants.
        Invalid, UnknownField: a value of a custom field cannot be kept.
    """
    user = await _seen(work, user_id, version)
    with work.session.no_autoflush:  # one change is one version
        if display_name is not None:
            user.display_name = checked_text(display_name, field="display_name")
        if language is not None:
            user.language = checked_language(language)
        user.custom = await custom_of_edited(work, "user", custom, user.custom)
    if plant_ids is not UNCHANGED:
        await _move(work, user, None if plant_ids is None else sorted(set(plant_ids)))
    await work.session.flush()
    work.emit(UserChanged(user_id=user_id))
    return user.version


async def deactivate_user(work: Work, *, user_id: UUID, version: int) -> int:
    """Let somebody in no more: their sessions end and their screens close everywhere, their links and keys open
    nothing. What they did stays. Return the version of the user after it.

    Raises:
        Forbidden: the actor may not edit users.
        NotFound: there is no such user.
        Conflict: somebody changed the user since `version`.
        NotYourself: it is the actor.
        LastAdmin: nobody would be left who is admin of all plants.
    """
    user = await _seen(work, user_id, version)
    if user_id == work.scope.user_id:
        raise NotYourself
    if not user.is_active:
        return user.version
    user.is_active = False
    await work.session.flush()
    if await _is_admin(work, user_id):
        await refuse_losing_last_admin(work)
    await end_sessions_of(work, user_id=user_id, because="deactivated")
    for links in (UserInvitation, PasswordReset):
        await work.session.execute(delete(links).where(links.user_id == user_id))
    work.emit(UserChanged(user_id=user_id))
    return user.version


async def reactivate_user(work: Work, *, user_id: UUID, version: int) -> int:
    """Let somebody in again, with the password and the roles that they had; return the version of the user after it.

    Raises:
        Forbidden: the actor may not edit users.
        NotFound: there is no such user.
        Conflict: somebody changed the user since `version`.
        RightsLacked: the user would have rights that the actor lacks.
    """
    user = await _seen(work, user_id, version)
    if user.is_active:
        return user.version
    await refuse_stronger(work, user_id=user_id)
    user.is_active = True
    await work.session.flush()
    work.emit(UserChanged(user_id=user_id))
    return user.version


async def withdraw_invitation(work: Work, *, user_id: UUID, version: int) -> int:
    """Let an invitation open nothing; who never came in is deactivated with it. Return the user's version after it.

    Raises:
        Forbidden: the actor may not edit users.
        NotFound: there is no such user.
        Conflict: somebody changed the user since `version`.
        NothingToWithdraw: there is no invitation, or it was used.
    """
    user = await _seen(work, user_id, version)
    gone = await work.session.execute(
        delete(UserInvitation)
        .where(UserInvitation.user_id == user_id, UserInvitation.used_at.is_(None))
        .returning(UserInvitation.user_id)
    )
    if gone.first() is None:
        raise NothingToWithdraw
    if user.password_hash is None and user_id != work.scope.user_id:
        return await deactivate_user(work, user_id=user_id, version=user.version)
    return user.version


async def _seen(work: Work, user_id: UUID, version: int) -> User:
    """Return the user whom the actor may edit and who has not changed since they were seen."""
    await work.permit(Permission.EDIT_USERS)
    user = await work.session.get(User, user_id, with_for_update={"key_share": True}, populate_existing=True)
    if user is None:
        raise NotFound(what="user")
    if user.version != version:
        raise Conflict
    return user


async def _move(work: Work, user: User, plant_ids: list[UUID] | None) -> None:
    """Let a user see other plants than before."""
    if plant_ids == user.plant_ids:
        return
    if plant_ids is not None:
        with work.session.no_autoflush:
            known = await work.session.scalar(select(func.count()).where(Plant.id.in_(plant_ids)))
        if not plant_ids or known != len(plant_ids):
            raise NotFound(what="plant")
    user.plant_ids = plant_ids
    await work.session.flush()
    await refuse_stronger(work, user_id=user.id)
    if plant_ids is not None and await _is_admin(work, user.id):
        await refuse_losing_last_admin(work)


async def _is_admin(work: Work, user_id: UUID) -> bool:
    role = select(UserRole.role).where(UserRole.user_id == user_id, UserRole.role == Role.ADMIN.value)
    return await work.session.scalar(role) is not None
