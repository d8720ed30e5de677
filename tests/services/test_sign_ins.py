"""Signing in, staying signed in, signing out."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from passlib.hash import bcrypt
from sqlalchemy import select, update

from domain.errors import UnisonError
from domain.events import SessionRevoked
from domain.identity.roles import Role
from services.auth.attempts import SignInAttempts, TooManyAttempts
from services.auth.tokens import NotSignedIn, TokenIssuer
from services.db.tables import RefreshToken, SignInSession, User
from services.db.work import begin, read
from services.identity.sign_ins import Device, Tokens, WrongPassword, end_session, refresh, sign_in
from tests.factories import PASSWORD, Floor, Make, found

ISSUER = TokenIssuer("k" * 40, access_lifetime=timedelta(minutes=30), refresh_lifetime=timedelta(days=7))
HERE = Device("192.0.2.7", "pytest")


async def signed_in(floor: Floor, *, role: Role = Role.OPERATOR, **changes: object) -> Tokens:
    wish = {"email": floor.emails[role], "password": PASSWORD, "device": HERE} | changes
    return await sign_in(ISSUER, SignInAttempts(10), **wish)  # type: ignore[arg-type]


async def session_of(floor: Floor, tokens: Tokens) -> SignInSession:
    async with read(floor.scope) as work:
        return await work.session.get_one(SignInSession, tokens.access_claims.session_id)


class TestSignIn:
    async def test_opens_a_session_for_the_right_password(self, floor: Floor) -> None:
        tokens = await signed_in(floor)

        claims = ISSUER.read(tokens.access, "access")
        assert (claims.user_id, claims.org_id) == (floor.user_ids[Role.OPERATOR], floor.scope.org_id)
        session = await session_of(floor, tokens)
        assert (session.address, session.device, session.revoked_at) == ("192.0.2.7", "pytest", None)
        assert session.expires_at - session.created_at == timedelta(days=7)

    async def test_takes_the_address_in_any_case_and_with_white_space(self, floor: Floor) -> None:
        await signed_in(floor, email=f"  {floor.emails[Role.OPERATOR].upper()} ")

    @pytest.mark.parametrize(
        ("email", "password"),
        [("nobody@test.example", PASSWORD), (None, "wrong"), (None, ""), ("", ""), ("a\x00b", PASSWORD),
         ("\ud800", "\ud800"), ("x" * 5000, "x" * 5000), ("' OR true --", "' OR true --")],
    )  # fmt: skip
    async def test_refuses_everything_else_with_the_same_words(
        self, floor: Floor, email: str | None, password: str
    ) -> None:
        with pytest.raises(WrongPassword) as refused:
            await signed_in(floor, email=floor.emails[Role.OPERATOR] if email is None else email, password=password)

        assert str(refused.value) == "E-mail address or password are wrong."

    async def test_refuses_an_account_that_is_not_active(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            (await work.session.get_one(User, floor.user_ids[Role.OPERATOR])).is_active = False

        with pytest.raises(WrongPassword):
            await signed_in(floor)

    async def test_refuses_an_account_that_has_no_password(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            (await work.session.get_one(User, floor.user_ids[Role.OPERATOR])).password_hash = None

        with pytest.raises(WrongPassword):
            await signed_in(floor, password="nobody signs in with this")

    async def test_replaces_an_old_hash(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            user = await work.session.get_one(User, floor.user_ids[Role.OPERATOR])
            user.password_hash = bcrypt.using(rounds=4).hash(PASSWORD)

        await signed_in(floor)

        async with read(floor.scope) as work:
            user = await work.session.get_one(User, floor.user_ids[Role.OPERATOR])
        assert (user.password_hash or "").startswith("$argon2id$")
        await signed_in(floor)

    async def test_finds_the_organization_that_the_password_fits(self, make: Make, floor: Floor, other: Floor) -> None:
        async with begin(other.scope) as work:
            twin = await make.user(work, email=floor.emails[Role.OPERATOR])
            twin.password_hash = bcrypt.using(rounds=4).hash("another password")

        ours = await signed_in(floor)
        theirs = await signed_in(floor, password="another password")

        assert ours.access_claims.org_id == floor.scope.org_id
        assert theirs.access_claims.org_id == other.scope.org_id

    async def test_can_be_told_the_organization(self, make: Make, floor: Floor, other: Floor) -> None:
        async with begin(other.scope) as work:
            await make.user(work, email=floor.emails[Role.OPERATOR])

        tokens = await signed_in(floor, organization=other.slug)

        assert tokens.access_claims.org_id == other.scope.org_id
        for slug in ("no-such", "a\x00b", "\ud800", ""):
            with pytest.raises(WrongPassword):
                await signed_in(floor, organization=slug)

    async def test_keeps_what_it_can_of_a_devices_name(self, floor: Floor) -> None:
        tokens = await signed_in(floor, device=Device("192.0.2.7\x00", "Mozilla\x00\ud800" + "x" * 900))

        session = await session_of(floor, tokens)
        assert session.device.startswith("Mozillaxxx")
        assert len(session.device) == 300


class TestAttempts:
    async def test_are_limited_even_for_the_right_password(self, floor: Floor) -> None:
        attempts = SignInAttempts(3)

        async def attempt(password: str) -> str:
            try:
                await sign_in(ISSUER, attempts, email=floor.emails[Role.OPERATOR], password=password, device=HERE)
            except UnisonError as error:
                return type(error).__name__
            return "in"

        answers = [await attempt(password) for password in ("a", "b", "c", PASSWORD)]

        assert answers == ["WrongPassword"] * 3 + ["TooManyAttempts"]

    async def test_begin_anew_after_a_success(self, floor: Floor) -> None:
        attempts = SignInAttempts(2)
        for _ in range(4):
            await sign_in(ISSUER, attempts, email=floor.emails[Role.OPERATOR], password=PASSWORD, device=HERE)

    async def test_at_once_let_no_guess_through_the_limit(self, floor: Floor) -> None:
        attempts = SignInAttempts(2)

        results = await asyncio.gather(
            *(
                sign_in(ISSUER, attempts, email=floor.emails[Role.OPERATOR], password=str(number), device=HERE)
                for number in range(6)
            ),
            return_exceptions=True,
        )

        assert sorted(type(result).__name__ for result in results) == ["TooManyAttempts"] * 4 + ["WrongPassword"] * 2

    async def test_from_one_address_at_many_accounts_are_limited_too(self, floor: Floor) -> None:
        attempts = SignInAttempts(1)
        for number in range(5):
            with pytest.raises(WrongPassword):
                await sign_in(ISSUER, attempts, email=f"{number}@test.example", password="x", device=HERE)

        with pytest.raises(TooManyAttempts):
            await sign_in(ISSUER, attempts, email=floor.emails[Role.ADMIN], password=PASSWORD, device=HERE)


class TestRefresh:
    async def test_gives_a_new_pair_in_the_same_session(self, floor: Floor) -> None:
        first = await signed_in(floor)

        second = await refresh(ISSUER, refresh_token=first.refresh)

        assert second.refresh != first.refresh
        assert second.access_claims.session_id == first.access_claims.session_id
        assert (await session_of(floor, second)).expires_at == pytest.approx(
            second.refresh_expires_at, abs=timedelta(seconds=1)
        )

    async def test_with_a_used_token_ends_the_session_and_all_that_descends_from_it(self, floor: Floor) -> None:
        first = await signed_in(floor)
        second = await refresh(ISSUER, refresh_token=first.refresh)

        with pytest.raises(NotSignedIn):
            await refresh(ISSUER, refresh_token=first.refresh)

        with pytest.raises(NotSignedIn):
            await refresh(ISSUER, refresh_token=second.refresh)
        session = await session_of(floor, second)
        assert session.revoked_at is not None
        assert session.revoked_because == "token_reused"

    async def test_twice_at_once_is_won_by_one_and_ends_the_session(self, floor: Floor) -> None:
        first = await signed_in(floor)

        results = await asyncio.gather(
            *(refresh(ISSUER, refresh_token=first.refresh) for _ in range(4)), return_exceptions=True
        )

        assert sorted(type(result).__name__ for result in results) == ["NotSignedIn"] * 3 + ["Tokens"]
        assert (await session_of(floor, first)).revoked_because == "token_reused"

    async def test_leaves_other_sessions_of_the_user_alone(self, floor: Floor) -> None:
        stolen, elsewhere = await signed_in(floor), await signed_in(floor)
        await refresh(ISSUER, refresh_token=stolen.refresh)
        with pytest.raises(NotSignedIn):
            await refresh(ISSUER, refresh_token=stolen.refresh)

        assert await refresh(ISSUER, refresh_token=elsewhere.refresh)

    async def test_is_refused_to_a_user_who_is_no_longer_active(self, floor: Floor) -> None:
        tokens = await signed_in(floor)
        async with begin(floor.scope) as work:
            (await work.session.get_one(User, floor.user_ids[Role.OPERATOR])).is_active = False

        with pytest.raises(NotSignedIn):
            await refresh(ISSUER, refresh_token=tokens.refresh)

    async def test_is_refused_for_what_is_no_refresh_token_of_ours(self, floor: Floor) -> None:
        tokens = await signed_in(floor)
        stranger = replace(ISSUER, key="another key of forty characters at least")
        forged, _ = stranger.issue(
            "refresh",
            user_id=tokens.access_claims.user_id,
            org_id=floor.scope.org_id,
            session_id=tokens.access_claims.session_id,
            now=tokens.refresh_expires_at - timedelta(days=7),
        )

        for token in ("", "x", tokens.access, forged):
            with pytest.raises(NotSignedIn):
                await refresh(ISSUER, refresh_token=token)

    async def test_is_refused_when_the_token_was_never_written_down(self, floor: Floor) -> None:
        tokens = await signed_in(floor)
        async with begin(floor.scope) as work:
            for token in (await work.session.execute(select(RefreshToken))).scalars():
                await work.session.delete(token)

        with pytest.raises(NotSignedIn):
            await refresh(ISSUER, refresh_token=tokens.refresh)

    async def test_is_refused_under_another_organization(self, floor: Floor, other: Floor) -> None:
        tokens = await signed_in(floor)
        claims = ISSUER.read(tokens.refresh, "refresh")
        elsewhere, _ = ISSUER.issue(
            "refresh",
            user_id=claims.user_id,
            org_id=other.scope.org_id,
            session_id=claims.session_id,
            now=tokens.refresh_expires_at - timedelta(days=7),
        )

        with pytest.raises(NotSignedIn):
            await refresh(ISSUER, refresh_token=elsewhere)


class TestEndSession:
    async def test_ends_it_once_and_says_so_once(self, floor: Floor) -> None:
        tokens = await signed_in(floor)
        session_id = tokens.access_claims.session_id

        async with begin(floor.scope) as work:
            await end_session(work, session_id=session_id)
            await end_session(work, session_id=session_id)
            assert work.events == [SessionRevoked(session_id=session_id)]

        assert (await session_of(floor, tokens)).revoked_because == "signed_out"
        with pytest.raises(NotSignedIn):
            await refresh(ISSUER, refresh_token=tokens.refresh)

    async def test_of_another_organization_changes_nothing(self, floor: Floor, other: Floor) -> None:
        tokens = await signed_in(floor)

        async with begin(other.scope) as work:
            await end_session(work, session_id=tokens.access_claims.session_id)
            assert work.events == []

        assert (await session_of(floor, tokens)).revoked_at is None

    async def test_of_an_expired_session_keeps_it_expired(self, floor: Floor) -> None:
        tokens = await signed_in(floor)
        async with begin(floor.scope) as work:
            await work.session.execute(update(SignInSession).values(expires_at=work.now - timedelta(days=1)))

        with pytest.raises(NotSignedIn):
            await refresh(ISSUER, refresh_token=tokens.refresh)


class TestCandidates:
    async def test_are_never_looked_up_in_an_organization_that_was_not_named(self, floor: Floor) -> None:
        elsewhere = await found()

        with pytest.raises(WrongPassword):
            await signed_in(floor, organization=f"org-{elsewhere.org_id.hex}")
