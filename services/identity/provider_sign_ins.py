"""Signing in through an organization's own provider: the way there, the way back, and whom it lets in."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import ClassVar
from uuid import UUID

import orjson
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from domain.checks import InvalidText, checked_text, storable
from domain.errors import Forbidden, Invalid, NotFound, marked
from domain.identity.accounts import InvalidEmail, checked_email
from domain.identity.roles import Permission
from domain.identity.sign_in_providers import is_within
from domain.scope import Scope
from services.audit.notes import note_attempt
from services.auth.attempts import SignInAttempts
from services.auth.secret_boxes import SecretBox, SecretLost
from services.auth.tokens import TokenIssuer
from services.db.tables import SignInProvider, UsedSignIn, User, UserIdentity
from services.db.unique import unique_or
from services.db.work import Work, begin, read
from services.identity.sign_in_providers import PURPOSE, access_to, providers_are_off
from services.identity.sign_ins import Device, Tokens, open_session, told_device
from services.identity.users import EmailTaken, add_user
from services.ports import Errand, ProviderRefused, SignInProviders, VouchedPerson

LASTS_S = 600
"""How long somebody may take at the provider."""
COOKIE_PURPOSE = "provider-sign-ins"


class SignInOver(Forbidden):
    """A way back that nobody began here, that was used, or that took too long."""

    code: ClassVar[str] = "sign_in_over"
    sentence: ClassVar[str] = marked("This sign-in is over or was used already. Begin again.")


class MailNotConfirmed(Forbidden):
    """The provider knows an e-mail address, or none, that nobody has proved to be theirs."""

    code: ClassVar[str] = "mail_not_confirmed"
    sentence: ClassVar[str] = marked(
        "The sign-in provider has not confirmed your e-mail address. Confirm it there, then sign in again."
    )


class NoAccount(Forbidden):
    """Somebody whom the provider vouched for, and whom the organization does not let in."""

    code: ClassVar[str] = "no_account"
    sentence: ClassVar[str] = marked("You have no account here. Ask your administrator to invite you.")


class LinkedOtherwise(Invalid):
    """Somebody else came between; the transaction looks again."""

    code: ClassVar[str] = "linked_otherwise"
    sentence: ClassVar[str] = marked("Somebody else signed in with this account at the same moment. Begin again.")


NOT_LET_IN = (SignInOver, ProviderRefused, MailNotConfirmed, NoAccount)
"""What the audit of the organization keeps, like wrong passwords."""


@dataclass(frozen=True)
class Departure:
    """What a browser keeps while its person is at the provider."""

    org_id: UUID
    provider_id: UUID
    errand: Errand
    target: str
    """Where the person wanted to go here."""

    def sealed(self, box: SecretBox) -> str:
        """Return it as the browser keeps it: nobody else can read or change it."""
        errand = self.errand
        content = [
            str(self.org_id), str(self.provider_id), errand.state, errand.nonce, errand.verifier, errand.returns_to,
            self.target,
        ]  # fmt: skip
        return box.seal(orjson.dumps(content)).decode()

    @classmethod
    def opened(cls, box: SecretBox, sealed: str) -> "Departure":
        """Return what a browser kept.

        Raises:
            SignInOver: it was not made here, or too long ago.
        """
        try:
            content = orjson.loads(box.open(sealed.encode(errors="ignore"), newer_than_s=LASTS_S))
            org_id, provider_id, state, nonce, verifier, returns_to, target = content
        except (SecretLost, ValueError) as error:
            raise SignInOver(permission="") from error
        return cls(UUID(org_id), UUID(provider_id), Errand(state, nonce, verifier, returns_to), target)


@dataclass(frozen=True)
class ProviderDoor:
    """What signing in through providers needs, put together by the composition root."""

    providers: SignInProviders
    secrets: SecretBox
    """Opens the secrets of providers."""
    departures: SecretBox
    """Seals what browsers keep."""

    @classmethod
    def of(cls, secret: str, providers: SignInProviders) -> "ProviderDoor":
        """Derive the boxes from the installation's secret."""
        return cls(providers, SecretBox.of(secret, purpose=PURPOSE), SecretBox.of(secret, purpose=COOKIE_PURPOSE))


async def depart(
    door: ProviderDoor, *, org_id: UUID, provider_id: UUID, returns_to: str, target: str
) -> tuple[str, Departure]:
    """Return the provider's address to which a person goes, and what their browser keeps meanwhile.

    Raises:
        NotFound: the organization has no such provider, or does not use it.
        SecretLost: the installation's key changed since its secret was given.
        ProviderAway, ProviderMisconfigured: the provider does not answer, or is not set up correctly.
        Unavailable: Postgres does not answer.
    """
    async with read(Scope(org_id)) as work:
        await _active(work, provider_id)
        access = await access_to(work, box=door.secrets, provider_id=provider_id)
    errand = Errand(
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
        returns_to=returns_to,
    )
    return await door.providers.way_to(access, errand), Departure(org_id, provider_id, errand, target)


async def check_provider(door: ProviderDoor, scope: Scope, *, provider_id: UUID) -> None:
    """Ask a provider to describe itself, as a sign-in does first; returns when it could.

    Raises:
        Forbidden: the actor may not edit providers.
        NotFound: there is no such provider.
        SecretLost: the installation's key changed since its secret was given.
        ProviderAway, ProviderMisconfigured: the provider does not answer, or is not set up correctly.
        Unavailable: Postgres does not answer.
    """
    async with read(scope) as work:
        await work.permit(Permission.EDIT_SIGN_IN_PROVIDERS)
        access = await access_to(work, box=door.secrets, provider_id=provider_id)
    await door.providers.way_to(access, Errand(state="check", nonce="check", verifier="check" * 10, returns_to=""))


async def come_back(
    door: ProviderDoor,
    issuer: TokenIssuer,
    attempts: SignInAttempts,
    *,
    departure: Departure,
    answer: Mapping[str, str],
    device: Device,
    request_id: str = "",
) -> Tokens:
    """Open a session for whom the provider vouches for. `answer` is the query with which the browser came back.

    Raises:
        SignInOver: the answer belongs to another departure, or was used before.
        TooManyAttempts: too many failed from this address.
        NotFound: the organization does not use the provider any more.
        ProviderAway, ProviderMisconfigured, ProviderRefused, SecretLost: nobody is vouched for.
        MailNotConfirmed, NoAccount: the organization does not let this person in.
        OrganizationSuspended: nobody of it comes in for now.
        Unavailable: Postgres does not answer.
    """
    account = f"{departure.provider_id} {device.address}"
    scope = Scope(departure.org_id, request_id=request_id)
    try:
        if not secrets.compare_digest(answer.get("state", "").encode(), departure.errand.state.encode()):
            raise SignInOver(permission="")
        await attempts.count(account=account, address=device.address)
        tokens = await _vouched_in(door, issuer, scope, departure=departure, answer=answer, device=device)
    except NOT_LET_IN as error:
        noted = replace(scope, device=told_device(device))
        note_attempt(noted, code=error.code, what="provider_sign_in", where="sign-in provider")
        raise
    await attempts.forget_account(account)
    return tokens


async def _vouched_in(
    door: ProviderDoor,
    issuer: TokenIssuer,
    scope: Scope,
    *,
    departure: Departure,
    answer: Mapping[str, str],
    device: Device,
) -> Tokens:
    async with begin(scope) as work:
        await _use_once(work, departure.errand)
        await _active(work, departure.provider_id)
        access = await access_to(work, box=door.secrets, provider_id=departure.provider_id)
    if "iss" in answer and answer["iss"] != access.issuer:  # RFC 9207: another provider's answer
        raise ProviderRefused(permission="")
    if not answer.get("code"):
        raise ProviderRefused(permission="")
    person = await door.providers.person_behind(access, departure.errand, code=answer["code"])
    try:
        return await _let_in(scope, issuer, departure.provider_id, person, device)
    except LinkedOtherwise:  # two first sign-ins at once: the other one has made what this one looks for
        return await _let_in(scope, issuer, departure.provider_id, person, device)


async def _let_in(
    scope: Scope, issuer: TokenIssuer, provider_id: UUID, person: VouchedPerson, device: Device
) -> Tokens:
    async with begin(scope) as work:
        provider = await _active(work, provider_id)
        email = _confirmed_email(provider, person)
        user_id = await _known(work, provider, person) or await _linked(work, provider, person, email)
        user = await work.session.get_one(User, user_id)
        if not user.is_active:
            raise NoAccount(permission="")
        return await open_session(work, issuer, user_id=user_id, device=device)


def _confirmed_email(provider: SignInProvider, person: VouchedPerson) -> str:
    """Return the person's address, which the provider has confirmed and the organization takes."""
    if not person.email or not person.is_email_confirmed:
        raise MailNotConfirmed(permission="")
    try:
        email = checked_email(person.email, field="email")
    except (InvalidText, InvalidEmail) as error:
        raise MailNotConfirmed(permission="") from error
    if not is_within(email, provider.email_domains):
        raise NoAccount(permission="")
    return email


async def _known(work: Work, provider: SignInProvider, person: VouchedPerson) -> UUID | None:
    """Return who came as this subject before."""
    found: UUID | None = await work.session.scalar(
        select(UserIdentity.user_id).where(
            UserIdentity.provider_id == provider.id, UserIdentity.subject == storable(person.subject, longest=255)
        )
    )
    return found


async def _linked(work: Work, provider: SignInProvider, person: VouchedPerson, email: str) -> UUID:
    """Link a subject that comes for the first time to the user with its address, or to a new one where that is wanted.

    A user who is linked to another subject of the provider stays theirs: an address may be given to somebody else.
    """
    user_id: UUID | None = await work.session.scalar(select(User.id).where(User.email == email))
    if user_id is None:
        if provider.new_user_role is None:
            raise NoAccount(permission="")
        user_id = await _new_user(work, provider.new_user_role, person, email)
    linked = await work.session.scalar(
        select(UserIdentity.subject).where(UserIdentity.provider_id == provider.id, UserIdentity.user_id == user_id)
    )
    if linked == storable(person.subject, longest=255):
        return user_id  # by another first sign-in, a moment ago
    if linked is not None:
        raise NoAccount(permission="")
    async with unique_or(work, LinkedOtherwise(field="email")):
        work.session.add(
            UserIdentity(
                org_id=work.scope.org_id,
                provider_id=provider.id,
                subject=storable(person.subject, longest=255),
                user_id=user_id,
            )
        )
    return user_id


async def _new_user(work: Work, role: str, person: VouchedPerson, email: str) -> UUID:
    try:
        name = checked_text(person.name, field="display_name")
    except InvalidText:
        name = email.partition("@")[0]
    try:
        return (await add_user(work, email=email, display_name=name, roles={role})).id
    except EmailTaken as error:
        raise LinkedOtherwise(field="email") from error


async def _active(work: Work, provider_id: UUID) -> SignInProvider:
    provider = await work.session.get(SignInProvider, provider_id)
    if provider is None or not provider.is_active or await providers_are_off(work):
        raise NotFound(what="sign-in provider")
    return provider


async def _use_once(work: Work, errand: Errand) -> None:
    """Note that an errand came back; what could not come back any more is forgotten.

    Raises:
        SignInOver: it came back before.
    """
    await work.session.execute(delete(UsedSignIn).where(UsedSignIn.expires_at < work.now))
    row = insert(UsedSignIn).values(
        org_id=work.scope.org_id,
        state_digest=sha256(errand.state.encode()).digest(),
        expires_at=work.now + timedelta(seconds=2 * LASTS_S),
    )
    used = await work.session.execute(row.on_conflict_do_nothing().returning(UsedSignIn.expires_at))
    if used.first() is None:
        raise SignInOver(permission="")
