"""Providers as an organization's admins set them up."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from domain.errors import Conflict, Forbidden, NotFound
from domain.identity.roles import PLATFORM, Permission, Role
from domain.identity.sign_in_providers import InvalidDomain, InvalidIssuer
from services.auth.secret_boxes import SecretBox, SecretLost
from services.db.keys import new_id
from services.db.tables import AuditEntry, SignInProvider, UserIdentity
from services.db.work import begin, read
from services.identity.sign_in_providers import (
    MOST_PROVIDERS,
    PURPOSE,
    ProviderInfo,
    RoleBeyondRights,
    SecretNeeded,
    TooManyProviders,
    UnknownRole,
    access_to,
    add_provider,
    edit_provider,
    list_buttons,
    list_providers,
    remove_provider,
)
from tests.factories import Floor

BOX = SecretBox.of("k" * 40, purpose=PURPOSE)
WISH: dict[str, Any] = {
    "box": BOX, "label": "Works", "issuer": "https://id.example", "client_id": "unison", "client_secret": "s3cret",
}  # fmt: skip


async def added(floor: Floor, **fields: Any) -> UUID:
    """Commit a provider."""
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        return await add_provider(work, **{**WISH, **fields})


async def only(floor: Floor) -> ProviderInfo:
    """Return the organization's only provider."""
    async with read(floor.acting_as(Role.ADMIN)) as work:
        (provider,) = await list_providers(work)
        return provider


class TestAddProvider:
    async def test_keeps_the_secret_encrypted_and_out_of_the_audit(self, floor: Floor) -> None:
        provider_id = await added(floor, email_domains=[" @Works.Example ", "a.example", ""])

        known = await only(floor)
        assert (known.has_secret, known.email_domains) == (True, ("a.example", "works.example"))
        async with read(floor.scope) as work:
            row = await work.session.get_one(SignInProvider, provider_id)
            assert b"s3cret" not in (row.client_secret or b"")
            assert (await access_to(work, box=BOX, provider_id=provider_id)).client_secret == "s3cret"
            with pytest.raises(SecretLost):
                await access_to(work, box=SecretBox.of("x" * 40, purpose=PURPOSE), provider_id=provider_id)
            entry = (
                await work.session.execute(select(AuditEntry).where(AuditEntry.row_id == provider_id))
            ).scalar_one()
        assert isinstance(entry.after, dict)
        assert "client_secret" not in entry.after

    @pytest.mark.parametrize(
        ("fields", "refusal"),
        [
            ({"issuer": "http://id.example"}, InvalidIssuer),
            ({"issuer": "http://127.0.0.1:80"}, InvalidIssuer),
            ({"issuer": "https://user:pass@id.example"}, InvalidIssuer),
            ({"issuer": "https://id.example?x=1"}, InvalidIssuer),
            ({"issuer": "https://[::1"}, InvalidIssuer),
            ({"issuer": "https://id.example:99999"}, InvalidIssuer),
            ({"issuer": "javascript:alert(1)"}, InvalidIssuer),
            ({"issuer": "id.example"}, InvalidIssuer),
            ({"email_domains": ["a b"]}, InvalidDomain),
            ({"email_domains": ["nodot"]}, InvalidDomain),
            ({"new_user_role": "nobody"}, UnknownRole),
            ({"new_user_role": PLATFORM}, UnknownRole),
        ],
    )
    async def test_refuses_what_cannot_be_used(
        self, floor: Floor, fields: dict[str, Any], refusal: type[Exception]
    ) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(refusal):
                await add_provider(work, **{**WISH, **fields})

    async def test_takes_the_address_of_the_description_as_well(self, floor: Floor) -> None:
        await added(floor, issuer="https://id.example/realms/a/.well-known/openid-configuration")

        assert (await only(floor)).issuer == "https://id.example/realms/a"

    async def test_lets_http_be_on_this_computer_where_the_installation_says_so(self, floor: Floor) -> None:
        await added(floor, issuer="http://localhost:8080/realms/a", may_be_local=True)

        with pytest.raises(InvalidIssuer):
            await added(floor, issuer="http://id.example", may_be_local=True)

    async def test_gives_newcomers_no_role_beyond_the_rights_of_who_chooses_it(self, floor: Floor) -> None:
        scope = floor.acting_as(Role.SUPERVISOR)
        scope = replace(scope, permissions=scope.permissions | {Permission.EDIT_SIGN_IN_PROVIDERS.value})
        async with begin(scope) as work:
            with pytest.raises(RoleBeyondRights):
                await add_provider(work, **WISH, new_user_role="admin")

            assert await add_provider(work, **WISH, new_user_role="viewer")

    async def test_refuses_who_may_not(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            with pytest.raises(Forbidden):
                await add_provider(work, **WISH)
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            with pytest.raises(Forbidden):
                await list_providers(work)

    async def test_ends_with_ten(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            for number in range(MOST_PROVIDERS):
                await add_provider(work, **{**WISH, "label": f"P{number}"})
            with pytest.raises(TooManyProviders):
                await add_provider(work, **WISH)


class TestEditProvider:
    async def test_keeps_the_secret_unless_another_is_given(self, floor: Floor) -> None:
        provider_id = await added(floor)
        wish = {name: value for name, value in WISH.items() if name != "client_secret"}

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await edit_provider(
                work, **{**wish, "label": "Better"}, provider_id=provider_id, version=1, is_active=False
            )

        known = await only(floor)
        assert (known.label, known.has_secret, known.is_active, known.version) == ("Better", True, False, 2)
        async with read(floor.scope) as work:
            assert await list_buttons(work) == ()
            assert (await access_to(work, box=BOX, provider_id=provider_id)).client_secret == "s3cret"

    async def test_never_carries_the_secret_to_another_issuer(self, floor: Floor) -> None:
        provider_id = await added(floor)
        async with begin(floor.scope) as work:
            work.session.add(
                UserIdentity(
                    org_id=floor.scope.org_id, provider_id=provider_id, subject="ada",
                    user_id=floor.user_ids[Role.ADMIN],
                )
            )  # fmt: skip
        moved = {**WISH, "issuer": "https://evil.example"}
        wish = {name: value for name, value in moved.items() if name != "client_secret"}

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(SecretNeeded):
                await edit_provider(work, **wish, provider_id=provider_id, version=1)
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await edit_provider(work, **moved, provider_id=provider_id, version=1)

        async with read(floor.scope) as work:
            assert (await work.session.execute(select(UserIdentity))).all() == []

    async def test_refuses_what_was_changed_meanwhile(self, floor: Floor) -> None:
        provider_id = await added(floor)

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(Conflict):
                await edit_provider(work, **WISH, provider_id=provider_id, version=2)


class TestRemoveProvider:
    async def test_leaves_the_accounts(self, floor: Floor) -> None:
        provider_id = await added(floor)

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await remove_provider(work, provider_id=provider_id)
            assert await list_providers(work) == ()


class TestOtherOrganizations:
    async def test_find_no_provider(self, floor: Floor, other: Floor) -> None:
        provider_id = await added(floor)

        async with begin(other.acting_as(Role.ADMIN)) as work:
            assert (await list_providers(work), await list_buttons(work)) == ((), ())
            for known in (provider_id, new_id()):
                with pytest.raises(NotFound):
                    await edit_provider(work, **WISH, provider_id=known, version=1)
                with pytest.raises(NotFound):
                    await remove_provider(work, provider_id=known)
                with pytest.raises(NotFound):
                    await access_to(work, box=BOX, provider_id=known)
