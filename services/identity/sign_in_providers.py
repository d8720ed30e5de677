"""Providers through which an organization's people sign in (OpenID Connect), as its admins set them up."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sqlalchemy import delete, select

from domain.checks import checked_text
from domain.edits import UNCHANGED, Unchanged
from domain.errors import Conflict, Forbidden, Invalid, NotFound, marked
from domain.identity.roles import PLATFORM, Permission
from domain.identity.sign_in_providers import checked_domains, checked_issuer
from services.auth.secret_boxes import SecretBox
from services.db.tables import SignInProvider, UserIdentity
from services.db.work import Work
from services.identity.policies import load_policies, load_switched_off
from services.ports import ProviderAccess

MOST_PROVIDERS = 10
PURPOSE = "sign-in-providers"
"""What their secrets are sealed for."""


class UnknownRole(Invalid):
    """A role that nobody can have."""

    code: ClassVar[str] = "unknown_role"
    sentence: ClassVar[str] = marked("There is no such role. Choose another one.")


class RoleBeyondRights(Forbidden):
    """A role for newcomers that may more than whoever chooses it."""

    code: ClassVar[str] = "role_beyond_rights"
    sentence: ClassVar[str] = marked("You can only give newcomers a role that may no more than you may.")


class SecretNeeded(Invalid):
    """A kept secret that would travel to another provider than the one that gave it."""

    code: ClassVar[str] = "secret_needed"
    sentence: ClassVar[str] = marked("Enter the client secret again, since the provider's address has changed.")


class TooManyProviders(Conflict):
    """More buttons than a sign-in page has room for."""

    code: ClassVar[str] = "too_many_providers"
    sentence: ClassVar[str] = marked("An organization has {most} sign-in providers at most.")


@dataclass(frozen=True)
class ProviderInfo:
    """A provider, without its secret."""

    id: UUID
    label: str
    issuer: str
    client_id: str
    has_secret: bool
    email_domains: tuple[str, ...]
    new_user_role: str | None
    """None lets in nobody who is no user already."""
    is_active: bool
    version: int


@dataclass(frozen=True)
class ProviderButton:
    """What everybody sees of a provider on the organization's sign-in page."""

    id: UUID
    label: str


async def list_providers(work: Work) -> tuple[ProviderInfo, ...]:
    """Return the organization's providers by their labels.

    Raises:
        Forbidden: the actor may not read them.
    """
    await work.permit(Permission.READ_SIGN_IN_PROVIDERS)
    rows = await work.session.execute(select(SignInProvider).order_by(SignInProvider.label, SignInProvider.id))
    return tuple(_info(row) for row in rows.scalars())


async def list_buttons(work: Work) -> tuple[ProviderButton, ...]:
    """Return what the organization's sign-in page offers to everybody beside the password."""
    if await providers_are_off(work):
        return ()
    statement = (
        select(SignInProvider.id, SignInProvider.label)
        .where(SignInProvider.is_active)
        .order_by(SignInProvider.label, SignInProvider.id)
    )
    return tuple(ProviderButton(*row) for row in await work.session.execute(statement))


async def providers_are_off(work: Work) -> bool:
    """Tell whether the organization has switched the feature off."""
    return Permission.READ_SIGN_IN_PROVIDERS in await load_switched_off(work)


async def add_provider(
    work: Work,
    *,
    box: SecretBox,
    label: str,
    issuer: str,
    client_id: str,
    client_secret: str = "",
    email_domains: Iterable[str] = (),
    new_user_role: str | None = None,
    may_be_local: bool = False,
) -> UUID:
    """Set a provider up; its button shows at once. `box` seals the secret, which is empty for a public client.

    Raises:
        Forbidden, RoleBeyondRights: the actor may not edit providers, or not give that role.
        InvalidText, InvalidIssuer, InvalidDomain, UnknownRole: a value cannot be used.
        TooManyProviders: there are ten already.
    """
    await work.permit(Permission.EDIT_SIGN_IN_PROVIDERS)
    known = (await work.session.execute(select(SignInProvider.id))).all()
    if len(known) >= MOST_PROVIDERS:
        raise TooManyProviders(most=MOST_PROVIDERS)
    provider = SignInProvider(
        org_id=work.scope.org_id,
        label=checked_text(label, field="label", longest=60),
        issuer=checked_issuer(issuer, may_be_local=may_be_local),
        client_id=checked_text(client_id, field="client_id"),
        client_secret=_sealed(box, client_secret),
        email_domains=checked_domains(email_domains),
        new_user_role=await _checked_role(work, new_user_role),
    )
    work.session.add(provider)
    await work.session.flush()
    return provider.id


async def edit_provider(
    work: Work,
    *,
    box: SecretBox,
    provider_id: UUID,
    version: int,
    label: str,
    issuer: str,
    client_id: str,
    client_secret: str | Unchanged = UNCHANGED,
    email_domains: Iterable[str] = (),
    new_user_role: str | None = None,
    is_active: bool = True,
    may_be_local: bool = False,
) -> None:
    """Change a provider. Another issuer is another provider: who was linked to the old one is linked anew by their
    confirmed address, and the secret has to be given again, so that it never travels to another host.

    Raises:
        Forbidden, RoleBeyondRights: the actor may not edit providers, or not give that role.
        InvalidText, InvalidIssuer, InvalidDomain, UnknownRole: a value cannot be used.
        NotFound: there is no such provider.
        Conflict: it has changed since `version` was seen.
        SecretNeeded: the issuer changes and nobody gave the secret.
    """
    await work.permit(Permission.EDIT_SIGN_IN_PROVIDERS)
    provider = await _provider(work, provider_id)
    if provider.version != version:
        raise Conflict
    issuer = checked_issuer(issuer, may_be_local=may_be_local)
    if issuer != provider.issuer:
        if client_secret is UNCHANGED and provider.client_secret is not None:
            raise SecretNeeded(field="client_secret")
        await work.session.execute(delete(UserIdentity).where(UserIdentity.provider_id == provider_id))
    provider.label = checked_text(label, field="label", longest=60)
    provider.issuer = issuer
    provider.client_id = checked_text(client_id, field="client_id")
    if client_secret is not UNCHANGED:
        provider.client_secret = _sealed(box, client_secret)
    provider.email_domains = checked_domains(email_domains)
    provider.new_user_role = await _checked_role(work, new_user_role)
    provider.is_active = is_active
    await work.session.flush()


async def remove_provider(work: Work, *, provider_id: UUID) -> None:
    """Take a provider away; its people keep their accounts and sign in some other way.

    Raises:
        Forbidden: the actor may not edit providers.
        NotFound: there is no such provider.
    """
    await work.permit(Permission.EDIT_SIGN_IN_PROVIDERS)
    await work.session.delete(await _provider(work, provider_id))
    await work.session.flush()


async def access_to(work: Work, *, box: SecretBox, provider_id: UUID) -> ProviderAccess:
    """Return by what the installation is known to a provider.

    Raises:
        NotFound: there is no such provider.
        SecretLost: the installation's key changed since its secret was given.
    """
    provider = await _provider(work, provider_id)
    secret = None if provider.client_secret is None else box.open(provider.client_secret).decode()
    return ProviderAccess(issuer=provider.issuer, client_id=provider.client_id, client_secret=secret)


async def _provider(work: Work, provider_id: UUID) -> SignInProvider:
    provider = await work.session.get(SignInProvider, provider_id)
    if provider is None:
        raise NotFound(what="sign-in provider")
    return provider


async def _checked_role(work: Work, role: str | None) -> str | None:
    if not role:
        return None
    policies = await load_policies(work)
    if role == PLATFORM or not policies.knows(role):
        raise UnknownRole(field="new_user_role")
    lacking = sorted(filter(work.scope.lacks_somewhere, policies.granted(role)))
    if lacking:
        raise RoleBeyondRights(permission=lacking[0])
    return role


def _sealed(box: SecretBox, secret: str) -> bytes | None:
    return box.seal(checked_text(secret, field="client_secret", longest=2000).encode()) if secret.strip() else None


def _info(row: SignInProvider) -> ProviderInfo:
    return ProviderInfo(
        id=row.id,
        label=row.label,
        issuer=row.issuer,
        client_id=row.client_id,
        has_secret=row.client_secret is not None,
        email_domains=tuple(row.email_domains),
        new_user_role=row.new_user_role,
        is_active=row.is_active,
        version=row.version,
    )
