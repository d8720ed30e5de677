"""Signed tokens (JWT, HS256): short access tokens and refresh tokens that are used once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal
from uuid import UUID

import jwt

from domain.errors import UnisonError, marked
from services.db.keys import new_id

ALGORITHM = "HS256"
ISSUER = "unison-mes"
REQUIRED = ["exp", "iat", "iss", "aud", "sub", "jti", "org", "sid"]
Use = Literal["access", "refresh", "operator", "challenge"]
"""An operator token says that somebody identified themself at a kiosk: what they reported there stays in their name
when it is sent later. It opens nothing without the kiosk's own sign-in. A challenge says that somebody knew a password,
and opens nothing without a second factor."""
CHALLENGE_LIFETIME = timedelta(minutes=10)
"""Time to find the phone, or to set an app up on it."""
OPERATOR_LIFETIME = timedelta(hours=24)
"""Longer than any outage that a shift works through."""


class NotSignedIn(UnisonError):
    """There is no valid sign-in behind the request."""

    code: ClassVar[str] = "not_signed_in"
    sentence: ClassVar[str] = marked("You are not signed in, or your session has ended. Sign in again.")


@dataclass(frozen=True)
class Claims:
    """What a valid token says."""

    user_id: UUID
    org_id: UUID
    session_id: UUID
    token_id: UUID
    expires_at: int
    """Unix seconds."""


@dataclass(frozen=True)
class TokenIssuer:
    """Makes and reads tokens with the installation's key."""

    key: str
    access_lifetime: timedelta
    refresh_lifetime: timedelta

    def issue(self, use: Use, *, user_id: UUID, org_id: UUID, session_id: UUID, now: datetime) -> tuple[str, Claims]:
        """Return a new token and its claims."""
        lifetimes = {
            "access": self.access_lifetime,
            "refresh": self.refresh_lifetime,
            "operator": OPERATOR_LIFETIME,
            "challenge": CHALLENGE_LIFETIME,
        }
        lifetime = lifetimes[use]
        claims = Claims(user_id, org_id, session_id, new_id(), int((now + lifetime).timestamp()))
        token = jwt.encode(
            {
                "iss": ISSUER,
                "aud": _audience(use),
                "sub": str(user_id),
                "org": str(org_id),
                "sid": str(session_id),
                "jti": str(claims.token_id),
                "iat": int(now.timestamp()),
                "exp": claims.expires_at,
            },
            self.key,
            algorithm=ALGORITHM,
        )
        return token, claims

    def read(self, token: str, use: Use) -> Claims:
        """Check a token's signature, lifetime, issuer and use, and return what it says.

        Raises:
            NotSignedIn: the token is not one of ours, is over, or was made for another use.
        """
        try:
            content = jwt.decode(
                token,
                self.key,
                algorithms=[ALGORITHM],
                audience=_audience(use),
                issuer=ISSUER,
                options={"require": REQUIRED},
            )
            return Claims(
                user_id=UUID(str(content["sub"])),
                org_id=UUID(str(content["org"])),
                session_id=UUID(str(content["sid"])),
                token_id=UUID(str(content["jti"])),
                expires_at=int(content["exp"]),
            )
        except (jwt.InvalidTokenError, ValueError) as error:
            raise NotSignedIn from error


def _audience(use: Use) -> str:
    return f"{ISSUER}:{use}"
