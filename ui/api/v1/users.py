"""The people of an organization, their sessions, and what they set for themselves."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, StringConstraints, TypeAdapter

from domain.edits import UNCHANGED
from domain.identity.accounts import LONGEST_EMAIL, LONGEST_PASSWORD
from domain.identity.preferences import NumberFormat
from services.auth.attempts import SignInAttempts
from services.db.work import Work, read
from services.identity import people, session_lists
from services.identity.badges import BadgeKey
from services.identity.invitations import invite_user
from services.identity.own_account import change_password, set_preferences
from services.identity.password_resets import reset_password
from services.identity.user_queries import UserFilter, UserState, get_user, list_users
from ui.api.v1.callers import Caller
from ui.api.v1.custom_values import CustomAnswer, GivenCustom, given_custom, list_with_custom, with_custom
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, Instant, RequestBody, Version
from ui.api.v1.lists import CodeText, Cursors, Listed, Paging
from ui.api.v1.writes import Done, Write
from ui.kit.addresses import base_url_of

USERS = Cursors("users", TypeAdapter(tuple[CodeText, UUID]))
SESSIONS = Cursors("sessions", TypeAdapter(tuple[Instant, UUID]))

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
RoleText = Annotated[str, StringConstraints(min_length=1, max_length=60)]
LanguageText = Annotated[str, StringConstraints(max_length=20)]
PasswordText = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_PASSWORD)]
Plants = Annotated[list[UUID], Field(min_length=1, max_length=1000)]


class User(CustomAnswer):
    """A person or device of the organization."""

    id: UUID
    email: str
    display_name: str
    language: str = Field(description="BCP 47 tag; empty means whatever the browser asks for.")
    time_zone: str | None = Field(description="IANA zone in which they read times; null means the plant's.")
    number_format: NumberFormat = Field(
        description="`point` 1,234.5, `comma` 1.234,5, `space` 1 234,5; empty as the language writes them."
    )
    plant_ids: list[UUID] | None = Field(description="Plants that they may see; null means all.")
    roles: list[str] = Field(description="Keys of roles; `users/{user_id}/roles` says in which plants each holds.")
    state: UserState
    invitation_expires_at: datetime | None = Field(description="When the open invitation ends, or ended.")
    has_second_factor: bool
    has_badge: bool
    has_pin: bool
    signed_in_at: datetime | None = Field(description="The newest sign-in of the last month.")
    created_at: datetime
    version: int


class InvitedUser(User):
    """A user and, this once, the link with which they come in."""

    link: str | None = Field(
        description="To be handed over, shown this once; null where it went by mail or the request is repeated."
    )


class Link(Answer):
    """A link to be handed over."""

    link: str | None = Field(description="Shown this once; null where it went by mail or the request is repeated.")


class UserFilters(Paging):
    """Filters of people."""

    search: Annotated[str, StringConstraints(max_length=200)] = Field(
        default="", description="Words of the name, the address or a field for searches."
    )
    state: UserState | None = None
    role: RoleText | None = Field(default=None, description="Key of a role that they have.")
    plant_id: UUID | None = Field(default=None, description="A plant that they may see.")


class NewUser(RequestBody):
    """Somebody who is invited."""

    email: Annotated[str, StringConstraints(min_length=3, max_length=LONGEST_EMAIL)]
    display_name: Name
    roles: list[RoleText] = Field(
        min_length=1, max_length=100, description="Keys of roles, all within your own rights."
    )
    plant_ids: Plants | None = Field(default=None, description="Plants that they may see; null means all.")
    language: LanguageText = ""
    custom: GivenCustom = {}


class UserChange(RequestBody):
    """What changes of a user; what is missing stays."""

    version: Version
    display_name: Name | None = None
    language: LanguageText | None = None
    plant_ids: Plants | None = Field(default=None, description="Null means all.")
    custom: GivenCustom | None = None


class SeenUser(RequestBody):
    """Which state of a user is meant."""

    version: Version


class Preferences(RequestBody):
    """How you read; what is missing stays."""

    version: Version
    language: LanguageText | None = None
    time_zone: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        default=None, description="IANA zone; null means the plant's."
    )
    number_format: NumberFormat | None = None


class PasswordChange(RequestBody):
    """A new password of your own."""

    present: PasswordText
    new: PasswordText


class Session(Answer):
    """One sign-in that is still open."""

    id: UUID
    user_id: UUID
    created_at: datetime
    last_used_at: datetime = Field(description="When it was kept open last, which pages do every ten minutes.")
    expires_at: datetime = Field(description="When it ends unless it is kept open.")
    address: str
    device: str = Field(description="User-Agent.")
    is_this: bool = Field(description="Whether it is the session that asks.")


class Revoked(Answer):
    """How many sessions ended."""

    ended: int


def users_router(*, attempts: SignInAttempts, badge_key: BadgeKey, public_url: str | None) -> APIRouter:
    """Return the routes of people; links lead to `public_url`, or to the host that was asked."""
    router = APIRouter(tags=["users"], route_class=ExactJsonRoute)

    @router.get("/users/", operation_id="listUsers", summary="People", responses=READING)
    async def get_users(caller: Caller, asked: Annotated[UserFilters, Query()]) -> Listed[User]:
        """Return people and devices by name."""
        wanted = UserFilter(words=asked.search, state=asked.state, role=asked.role, plant_id=asked.plant_id)
        async with read(caller) as work:
            page = await list_users(work, wanted=wanted, after=USERS.read(asked.cursor), limit=asked.limit)
            users = USERS.listed(page, User, lambda user: (user.display_name, user.id))
            return await list_with_custom(work, "user", users)

    @router.get("/users/{user_id}", operation_id="getUser", summary="One person", responses=READING)
    async def get_one(caller: Caller, user_id: UUID) -> User:
        """Return one person; yourself without any right."""
        async with read(caller) as work:
            return await shown_user(work, user_id)

    @router.post("/users/", operation_id="inviteUser", summary="Invite somebody", status_code=201,
                 response_model=InvitedUser, responses=WRITING)  # fmt: skip
    async def post_user(body: NewUser, write: Write, request: Request) -> Response:
        """Add somebody and invite them to choose a password, within seven days: by mail where the installation sends
        any, else with the link in this answer."""

        async def invite(work: Work) -> Done:
            user_id, link = await people.invite_person(
                work,
                email=body.email,
                display_name=body.display_name,
                roles=body.roles,
                plant_ids=body.plant_ids,
                language=body.language,
                custom=await given_custom(work, "user", body.custom),
                base_url=base_url_of(request, public_url=public_url),
            )
            return _linked(await shown_user(work, user_id), link, 201)

        return await write.once(invite)

    @router.patch("/users/me", operation_id="setPreferences", summary="How you read", response_model=User,
                  responses=WRITING)  # fmt: skip
    async def patch_me(body: Preferences, write: Write) -> Response:
        """Change your language, time zone and number format."""

        async def change(work: Work) -> Done:
            is_given = "time_zone" in body.model_fields_set
            user_id = await set_preferences(
                work,
                version=body.version,
                language=body.language,
                time_zone=body.time_zone if is_given else UNCHANGED,
                number_format=None if body.number_format is None else body.number_format.value,
            )
            return Done(await shown_user(work, user_id))

        return await write.once(change)

    @router.post("/users/me/password", operation_id="changePassword", summary="Change your password",
                 response_model=User, responses=WRITING)  # fmt: skip
    async def post_password(body: PasswordChange, write: Write) -> Response:
        """Change your own password; your other sessions end."""

        async def change(work: Work) -> Done:
            user_id = await change_password(work, attempts, present=body.present, new=body.new)
            return Done(await shown_user(work, user_id))

        return await replace(write, fingerprint=badge_key.seal(write.fingerprint)).once(change)

    @router.patch("/users/{user_id}", operation_id="editUser", summary="Edit a user", response_model=User,
                  responses=WRITING)  # fmt: skip
    async def patch_user(user_id: UUID, body: UserChange, write: Write) -> Response:
        """Change a user's name, language, plants and custom fields; roles are set at `users/{user_id}/roles`."""

        async def change(work: Work) -> Done:
            is_given = "plant_ids" in body.model_fields_set
            await people.edit_user(
                work,
                user_id=user_id,
                version=body.version,
                display_name=body.display_name,
                language=body.language,
                plant_ids=body.plant_ids if is_given else UNCHANGED,
                custom=await given_custom(work, "user", body.custom),
            )
            return Done(await shown_user(work, user_id))

        return await write.once(change)

    @router.post("/users/{user_id}/deactivate", operation_id="deactivateUser", summary="Deactivate a user",
                 response_model=User, responses=WRITING)  # fmt: skip
    async def post_deactivation(user_id: UUID, body: SeenUser, write: Write) -> Response:
        """Let a user in no more: their sessions end and their screens close everywhere within a second."""

        async def deactivate(work: Work) -> Done:
            await people.deactivate_user(work, user_id=user_id, version=body.version)
            return Done(await shown_user(work, user_id))

        return await write.once(deactivate)

    @router.post("/users/{user_id}/reactivate", operation_id="reactivateUser", summary="Reactivate a user",
                 response_model=User, responses=WRITING)  # fmt: skip
    async def post_reactivation(user_id: UUID, body: SeenUser, write: Write) -> Response:
        """Let a user in again, with the password and the roles that they had."""

        async def reactivate(work: Work) -> Done:
            await people.reactivate_user(work, user_id=user_id, version=body.version)
            return Done(await shown_user(work, user_id))

        return await write.once(reactivate)

    @router.post("/users/{user_id}/invitation", operation_id="inviteUserAgain", summary="Invite a user again",
                 response_model=InvitedUser, responses=WRITING)  # fmt: skip
    async def post_invitation(user_id: UUID, write: Write, request: Request) -> Response:
        """Make another link for a user to choose a password with; the one of before opens nothing any more."""

        async def invite(work: Work) -> Done:
            link = await invite_user(work, user_id=user_id, base_url=base_url_of(request, public_url=public_url))
            return _linked(await shown_user(work, user_id), link, 200)

        return await write.once(invite)

    @router.post("/users/{user_id}/invitation/withdraw", operation_id="withdrawInvitation",
                 summary="Withdraw an invitation", response_model=User, responses=WRITING)  # fmt: skip
    async def post_withdrawal(user_id: UUID, body: SeenUser, write: Write) -> Response:
        """Let an open invitation open nothing; who never came in is deactivated with it."""

        async def withdraw(work: Work) -> Done:
            await people.withdraw_invitation(work, user_id=user_id, version=body.version)
            return Done(await shown_user(work, user_id))

        return await write.once(withdraw)

    @router.post("/users/{user_id}/password-reset", operation_id="resetPassword", summary="Reset a password",
                 response_model=Link, responses=WRITING)  # fmt: skip
    async def post_reset(user_id: UUID, write: Write, request: Request) -> Response:
        """Make a link with which a user chooses another password, within an hour: by mail where the installation sends
        any, else in this answer. Their old password works until they have chosen."""

        async def reset(work: Work) -> Done:
            link = await reset_password(work, user_id=user_id, base_url=base_url_of(request, public_url=public_url))
            return Done(Link(link=link), kept=Link(link=None))

        return await write.once(reset)

    @router.get("/users/{user_id}/sessions", operation_id="listSessions", summary="Sessions of a user",
                responses=READING)  # fmt: skip
    async def get_sessions(caller: Caller, user_id: UUID, asked: Annotated[Paging, Query()]) -> Listed[Session]:
        """Return where a user is signed in, the newest sign-in first; your own without any right."""
        async with read(caller) as work:
            page = await session_lists.list_sessions(
                work, user_id=user_id, after=SESSIONS.read(asked.cursor), limit=asked.limit
            )
        return SESSIONS.listed(page, Session, lambda one: (one.created_at, one.id))

    @router.post("/users/{user_id}/sessions/revoke", operation_id="revokeSessions", summary="Sign a user out",
                 response_model=Revoked, responses=WRITING)  # fmt: skip
    async def post_end_of_all(user_id: UUID, write: Write) -> Response:
        """End every session of a user but the one that asks; your own without any right."""

        async def revoke(work: Work) -> Done:
            return Done(Revoked(ended=await session_lists.revoke_sessions(work, user_id=user_id)))

        return await write.once(revoke)

    @router.post("/sessions/{session_id}/revoke", operation_id="revokeSession", summary="End a session",
                 response_model=Revoked, responses=WRITING)  # fmt: skip
    async def post_end(session_id: UUID, write: Write) -> Response:
        """End one session: its tokens stop working and its live screens close. Ending it again changes nothing."""

        async def revoke(work: Work) -> Done:
            await session_lists.revoke_session(work, session_id=session_id)
            return Done(Revoked(ended=1))

        return await write.once(revoke)

    return router


async def shown_user(work: Work, user_id: UUID) -> User:
    """Return one person with the custom fields that programs may see."""
    return await with_custom(work, "user", User.model_validate(await get_user(work, user_id)))


def _linked(user: User, link: str | None, status: int) -> Done:
    shown = user.model_dump()
    return Done(InvitedUser(**shown, link=link), status, kept=InvitedUser(**shown, link=None))
