"""What an organization asks of passwords and sign-ins."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from domain.identity.sign_in_policies import LIMITS, CharacterKind, SecondFactorRule
from domain.identity.sign_in_policies import SignInPolicy as Policy
from services.db.work import Work, read
from services.identity.sign_in_policies import read_sign_in_policy, set_sign_in_policy
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, RequestBody
from ui.api.v1.lists import CodeText
from ui.api.v1.writes import Done, Write

router = APIRouter(tags=["organizations"], route_class=ExactJsonRoute)


def _within(field: str) -> object:
    least, most = LIMITS[field]
    return Field(strict=True, ge=least, le=most)


Shortest = Annotated[int, _within("shortest_password")]
Attempts = Annotated[int, _within("attempts")]
LockMinutes = Annotated[int, _within("lock_minutes")]
IdleMinutes = Annotated[int, _within("idle_minutes")]
MostHours = Annotated[int, _within("most_hours")]


class SignInPolicy(Answer):
    """What is asked of a sign-in."""

    shortest_password: int = Field(description="Characters that a new password has at least.")
    kinds: list[CharacterKind] = Field(description="Kinds of characters that a new password must have.")
    refuses_breached: bool = Field(description="Whether passwords of the installation's list are refused.")
    attempts: int = Field(description="Failures after which an account is locked.")
    lock_minutes: int
    idle_minutes: int | None = Field(
        description="How long a session lasts without use; null, and the most: as the installation says."
    )
    most_hours: int | None = Field(description="How long a session lasts however much it is used; null: no limit.")
    second_factor: SecondFactorRule
    second_factor_roles: list[str] = Field(description="Keys of the roles that need one, where it is for roles.")
    version: int = Field(description="0 while nobody has set anything.")


class NewSignInPolicy(RequestBody):
    """What is asked from now on."""

    version: int = Field(strict=True, ge=0, lt=2**31, description="The version that was seen.")
    shortest_password: Shortest
    kinds: list[CharacterKind] = Field(max_length=4)
    refuses_breached: bool
    attempts: Attempts
    lock_minutes: LockMinutes
    idle_minutes: IdleMinutes | None
    most_hours: MostHours | None
    second_factor: SecondFactorRule
    second_factor_roles: list[CodeText] = Field(default=[], max_length=100)


@router.get("/organizations/own/sign-in-policy", operation_id="getSignInPolicy", summary="Rules of signing in",
            responses=READING)  # fmt: skip
async def get_policy(caller: Caller) -> SignInPolicy:
    """Return what your organization asks of passwords and sign-ins."""
    async with read(caller) as work:
        return _shown(await read_sign_in_policy(work))


@router.put("/organizations/own/sign-in-policy", operation_id="setSignInPolicy", summary="Set the rules of signing in",
            response_model=SignInPolicy, responses=WRITING)  # fmt: skip
async def put_policy(body: NewSignInPolicy, write: Write) -> Response:
    """Set what your organization asks of passwords and sign-ins. Passwords of before stay; open sessions keep the end
    that they have until they are kept open."""

    async def keep(work: Work) -> Done:
        wish = Policy(
            shortest_password=body.shortest_password,
            kinds=frozenset(body.kinds),
            refuses_breached=body.refuses_breached,
            attempts=body.attempts,
            lock_minutes=body.lock_minutes,
            idle_minutes=body.idle_minutes,
            most_hours=body.most_hours,
            second_factor=body.second_factor,
            second_factor_roles=frozenset(body.second_factor_roles),
            version=body.version,
        )
        return Done(_shown(await set_sign_in_policy(work, policy=wish)))

    return await write.once(keep)


def _shown(policy: Policy) -> SignInPolicy:
    return SignInPolicy(
        shortest_password=policy.shortest_password,
        kinds=sorted(policy.kinds),
        refuses_breached=policy.refuses_breached,
        attempts=policy.attempts,
        lock_minutes=policy.lock_minutes,
        idle_minutes=policy.idle_minutes,
        most_hours=policy.most_hours,
        second_factor=policy.second_factor,
        second_factor_roles=sorted(policy.second_factor_roles),
        version=policy.version,
    )
