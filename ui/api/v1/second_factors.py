"""Second factors: set up, confirmed and removed by oneself, reset by admins."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from domain.identity.accounts import LONGEST_PASSWORD
from services.auth.attempts import SignInAttempts
from services.auth.secret_boxes import SecretBox
from services.db.work import Work
from services.identity import second_factors as factors
from services.identity.badges import BadgeKey
from ui.api.v1.documents import WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, RequestBody
from ui.api.v1.users import User, shown_user
from ui.api.v1.writes import Done, Write

PasswordText = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_PASSWORD)]


class OwnPassword(RequestBody):
    """Your own password, again."""

    password: PasswordText


class Code(RequestBody):
    """A code of an authenticator app."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Enrolment(Answer):
    """What an authenticator app has to know."""

    secret: str | None = Field(description="In Base32, shown once; null where the request is repeated.")
    uri: str | None = Field(description="The same as `otpauth://`, for a QR code.")


class RecoveryCodes(Answer):
    """Codes that stand for a lost app, each once."""

    recovery_codes: list[str] = Field(description="Shown this once; empty where the request is repeated.")


def second_factors_router(*, attempts: SignInAttempts, badge_key: BadgeKey, second_factors: SecretBox) -> APIRouter:
    """Return the routes of second factors, whose secrets `second_factors` keeps."""
    router = APIRouter(tags=["users"], route_class=ExactJsonRoute)

    @router.post("/users/me/second-factor", operation_id="enrolSecondFactor", summary="Set an app up",
                 response_model=Enrolment, responses=WRITING)  # fmt: skip
    async def post_factor(write: Write) -> Response:
        """Return the secret for an authenticator app (TOTP); it counts once it is confirmed with a code."""

        async def enrol(work: Work) -> Done:
            begun = Enrolment.model_validate(await factors.begin_enrolment(work, second_factors))
            return Done(begun, kept=Enrolment(secret=None, uri=None))

        return await write.once(enrol)

    @router.post("/users/me/second-factor/confirm", operation_id="confirmSecondFactor", summary="Confirm the app",
                 response_model=RecoveryCodes, responses=WRITING)  # fmt: skip
    async def post_confirmation(body: Code, write: Write) -> Response:
        """Prove with a code that the app has the secret. The answer holds your recovery codes, this once."""

        async def confirm(work: Work) -> Done:
            codes = await factors.confirm_enrolment(work, attempts, second_factors, code=body.code)
            return Done(RecoveryCodes(recovery_codes=list(codes)), kept=RecoveryCodes(recovery_codes=[]))

        return await write.once(confirm)

    @router.post("/users/me/second-factor/recovery-codes", operation_id="renewRecoveryCodes",
                 summary="New recovery codes", response_model=RecoveryCodes, responses=WRITING)  # fmt: skip
    async def post_codes(body: OwnPassword, write: Write) -> Response:
        """Return new recovery codes, this once; those of before open nothing any more."""

        async def renew(work: Work) -> Done:
            codes = await factors.renew_recovery_codes(work, attempts, password=body.password)
            return Done(RecoveryCodes(recovery_codes=list(codes)), kept=RecoveryCodes(recovery_codes=[]))

        return await replace(write, fingerprint=badge_key.seal(write.fingerprint)).once(renew)

    @router.post("/users/me/second-factor/remove", operation_id="removeSecondFactor", summary="Go without the app",
                 response_model=User, responses=WRITING)  # fmt: skip
    async def post_own_removal(body: OwnPassword, write: Write) -> Response:
        """Remove your own second factor, unless your organization asks for one."""

        async def remove(work: Work) -> Done:
            user_id = await factors.remove_own_factor(work, attempts, password=body.password)
            return Done(await shown_user(work, user_id))

        return await replace(write, fingerprint=badge_key.seal(write.fingerprint)).once(remove)

    @router.post("/users/{user_id}/second-factor/reset", operation_id="resetSecondFactor",
                 summary="Reset a second factor", response_model=User, responses=WRITING)  # fmt: skip
    async def post_factor_reset(user_id: UUID, write: Write) -> Response:
        """Take the second factor of a user away who lost their app; where one is asked for, they set up another at
        their next sign-in."""

        async def reset_factor(work: Work) -> Done:
            await factors.reset_second_factor(work, user_id=user_id)
            return Done(await shown_user(work, user_id))

        return await write.once(reset_factor)

    return router
