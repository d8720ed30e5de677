"""Sign-in providers that speak OpenID Connect: discovery, authorization code with PKCE, and tokens that are checked.

Standards: OpenID Connect Core 1.0 (3.1.3.7 for the token), Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (issuer).
"""

import time
from dataclasses import dataclass
from typing import Any

import httpx2
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from domain.identity.sign_in_providers import is_provider_address
from services.adapters.guarded_http import TIMEOUT_S, GuardedTransport
from services.ports import (
    Errand,
    ProviderAccess,
    ProviderAway,
    ProviderMisconfigured,
    ProviderRefused,
    VouchedPerson,
)

log = structlog.get_logger(__name__)

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""Signatures of the provider's own key: never `none`, never one that the client's secret could make."""
WRONG_CLIENT = frozenset({"invalid_client", "unauthorized_client"})
"""What a provider answers to a client id or a secret that it does not know."""
SCOPE = "openid email profile"
LEEWAY_S = 60
"""How far the provider's clock may be off."""
REMEMBER_S = 600.0
MOST_REMEMBERED = 1000
ASK_AGAIN_S = 10.0
"""How long new keys are not asked for again, when a token names one that nobody knows."""


@dataclass
class _Known:
    """What a provider says about itself."""

    until: float
    metadata: dict[str, Any]
    keys: KeySet | None = None
    keys_at: float = 0.0


class OpenIdConnect:
    """Asks providers on the network."""

    def __init__(self, *, may_be_private: bool) -> None:
        """`may_be_private` lets providers have private addresses, and http:// on this computer."""
        self._may_be_private = may_be_private
        self._known: dict[str, _Known] = {}

    async def way_to(self, access: ProviderAccess, errand: Errand) -> str:
        """Return the address to which a person's browser goes; see `SignInProviders`."""
        known = await self._provider(access.issuer)
        async with self._client(access, errand) as client:
            address, _state = client.create_authorization_url(
                known.metadata["authorization_endpoint"],
                state=errand.state,
                nonce=errand.nonce,
                code_verifier=errand.verifier,
            )
        return str(address)

    async def person_behind(self, access: ProviderAccess, errand: Errand, *, code: str) -> VouchedPerson:
        """Return whom the provider vouches for; see `SignInProviders`."""
        known = await self._provider(access.issuer)
        async with self._client(access, errand) as client:
            try:
                token = await client.fetch_token(
                    known.metadata["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=errand.verifier,
                )
            except httpx2.HTTPError as error:
                raise _away(access, error) from error
            except (AuthlibBaseError, ValueError) as error:
                if getattr(error, "error", "") in WRONG_CLIENT:
                    raise _misconfigured(access, error) from error
                raise _refused(access, error) from error
            claims = await self._checked(access, errand, known, token)
            if "email" not in claims and "userinfo_endpoint" in known.metadata:
                claims = {**claims, **await self._told(access, known, client, subject=str(claims["sub"]))}
        return VouchedPerson(
            subject=str(claims["sub"]),
            email=_text(claims.get("email")),
            is_email_confirmed=claims.get("email_verified") in (True, "true"),
            name=_text(claims.get("name")),
        )

    async def _checked(
        self, access: ProviderAccess, errand: Errand, known: _Known, token: dict[str, Any]
    ) -> dict[str, Any]:
        """Return what the token says when it is the provider's, for us, for this errand, and not over."""
        given = token.get("id_token")
        if not isinstance(given, str):
            raise _refused(access, "no id_token")
        try:
            decoded = await self._decoded(access, known, given)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                options={
                    "iss": {"essential": True, "value": access.issuer},
                    "aud": {"essential": True, "value": access.client_id},
                    "sub": {"essential": True},
                },
                params={
                    "nonce": errand.nonce,
                    "client_id": access.client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(now=int(time.time()), leeway=LEEWAY_S)
        except (JoseError, AuthlibBaseError, ValueError, TypeError, KeyError) as error:
            raise _refused(access, error) from error
        if not isinstance(claims.get("sub"), str) or not 1 <= len(claims["sub"]) <= 255:
            raise _refused(access, "no subject")
        return dict(claims)

    async def _decoded(self, access: ProviderAccess, known: _Known, given: str) -> jwt.Token:
        """Check the signature, where need be with the keys that the provider has now; it is not asked all the time."""
        keys = known.keys or await self._keys(access, known)
        try:
            return jwt.decode(given, keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            if time.monotonic() - known.keys_at < ASK_AGAIN_S:
                raise
        return jwt.decode(given, await self._keys(access, known), algorithms=ALGORITHMS)

    async def _keys(self, access: ProviderAccess, known: _Known) -> KeySet:
        content = await self._asked(access, known.metadata["jwks_uri"])
        try:
            known.keys, known.keys_at = KeySet.import_key_set(content), time.monotonic()  # type: ignore[arg-type]
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise _misconfigured(access, error) from error
        return known.keys

    async def _told(
        self, access: ProviderAccess, known: _Known, client: AsyncOAuth2Client, *, subject: str
    ) -> dict[str, Any]:
        """Return what the provider tells of a person beside the token."""
        try:
            answer = await client.get(known.metadata["userinfo_endpoint"])
            content = answer.json() if answer.status_code == httpx2.codes.OK else {}
        except httpx2.HTTPError as error:
            raise _away(access, error) from error
        except (AuthlibBaseError, ValueError) as error:
            raise _refused(access, error) from error
        if not isinstance(content, dict) or content.get("sub") != subject:
            raise _refused(access, "the user info is about somebody else")
        return {name: content[name] for name in ("email", "email_verified", "name") if name in content}

    async def _provider(self, issuer: str) -> _Known:
        known = self._known.get(issuer)
        if known is not None and known.until > time.monotonic():
            return known
        access = ProviderAccess(issuer, "", None)
        metadata = await self._asked(access, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if metadata.get("issuer") != issuer:
            raise _misconfigured(access, f"it calls itself {metadata.get('issuer')!r:.200}")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not self._may_ask(metadata.get(name)):
                raise _misconfigured(access, f"its {name} cannot be used")
        if not self._may_ask(metadata.get("userinfo_endpoint")):
            metadata.pop("userinfo_endpoint", None)
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[issuer] = _Known(time.monotonic() + REMEMBER_S, metadata)
        return self._known[issuer]

    async def _asked(self, access: ProviderAccess, address: str) -> dict[str, Any]:
        if not self._may_ask(address):
            raise _misconfigured(access, "its address cannot be used")
        try:
            async with httpx2.AsyncClient(transport=self._transport(), timeout=TIMEOUT_S) as client:
                answer = await client.get(address, headers={"Accept": "application/json"})
        except httpx2.HTTPError as error:
            raise _away(access, error) from error
        if answer.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
            raise _away(access, f"status {answer.status_code}")
        try:
            content = answer.json() if answer.status_code == httpx2.codes.OK else None
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise _misconfigured(access, f"no JSON object at {address}")
        return content

    def _may_ask(self, address: object) -> bool:
        return isinstance(address, str) and is_provider_address(address, may_be_local=self._may_be_private)

    def _client(self, access: ProviderAccess, errand: Errand) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            client_id=access.client_id,
            client_secret=access.client_secret,
            scope=SCOPE,
            redirect_uri=errand.returns_to,
            code_challenge_method="S256",
            transport=self._transport(),
            timeout=TIMEOUT_S,
        )

    def _transport(self) -> GuardedTransport:
        return GuardedTransport(may_be_private=self._may_be_private)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _away(access: ProviderAccess, reason: object) -> ProviderAway:
    log.warning("a sign-in provider does not answer", issuer=access.issuer, reason=repr(reason))
    return ProviderAway()


def _misconfigured(access: ProviderAccess, reason: object) -> ProviderMisconfigured:
    log.warning("a sign-in provider is not set up correctly", issuer=access.issuer, reason=repr(reason))
    return ProviderMisconfigured(field="issuer")


def _refused(access: ProviderAccess, reason: object) -> ProviderRefused:
    log.warning("a sign-in provider confirmed nobody", issuer=access.issuer, reason=repr(reason))
    return ProviderRefused(permission="")
