"""What an organization asks of passwords and sign-ins."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from hashlib import sha1
from pathlib import Path

import pytest

from domain.checks import InvalidWholeNumber
from domain.errors import Conflict, Forbidden, NotFound
from domain.identity.accounts import ShortPassword
from domain.identity.roles import Role
from domain.identity.sign_in_policies import (
    BreachedPassword,
    CharacterKind,
    PasswordLacksKind,
    SecondFactorRule,
    SignInPolicy,
)
from services.auth.attempts import SignInAttempts, TooManyAttempts
from services.auth.breached import BreachedPasswords, use_breached_passwords
from services.db.tables import SignInSession
from services.db.work import begin, read
from services.identity.sign_in_policies import (
    load_sign_in_policy,
    read_sign_in_policy,
    refuse_weak_password,
    set_sign_in_policy,
)
from services.identity.sign_ins import WrongPassword, refresh, sign_in
from tests.factories import Floor
from tests.services.test_people import HERE, ISSUER, signed_in

STRICT = SignInPolicy(
    shortest_password=12, kinds=frozenset({CharacterKind.UPPER, CharacterKind.DIGIT}), attempts=3, lock_minutes=60,
    idle_minutes=30, most_hours=1, second_factor=SecondFactorRule.ROLES, second_factor_roles=frozenset({"admin"}),
)  # fmt: skip


async def set_to(floor: Floor, policy: SignInPolicy) -> SignInPolicy:
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        return await set_sign_in_policy(work, policy=policy)


class TestSetSignInPolicy:
    async def test_is_what_the_organization_asks_from_then_on(self, floor: Floor, other: Floor) -> None:
        kept = await set_to(floor, STRICT)

        assert kept == replace(STRICT, version=1)
        async with read(other.acting_as(Role.ADMIN)) as work:
            assert await read_sign_in_policy(work) == SignInPolicy()

    async def test_keeps_one_of_two_at_once(self, floor: Floor) -> None:
        results = await asyncio.gather(set_to(floor, STRICT), set_to(floor, STRICT), return_exceptions=True)

        assert sorted(type(one).__name__ for one in results) == ["Conflict", "SignInPolicy"]
        with pytest.raises(Conflict):
            await set_to(floor, STRICT)

    @pytest.mark.parametrize("change", [{"shortest_password": 7}, {"attempts": 2}, {"idle_minutes": 1}])
    async def test_refuses_numbers_out_of_reach(self, floor: Floor, change: dict[str, int]) -> None:
        with pytest.raises(InvalidWholeNumber):
            await set_to(floor, replace(STRICT, **change))  # type: ignore[arg-type]

    async def test_refuses_roles_that_are_not_there(self, floor: Floor) -> None:
        with pytest.raises(NotFound):
            await set_to(floor, replace(STRICT, second_factor_roles=frozenset({"nobody"})))

    async def test_is_for_who_may(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            with pytest.raises(Forbidden):
                await set_sign_in_policy(work, policy=STRICT)
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            with pytest.raises(Forbidden):
                await read_sign_in_policy(work)


class TestPasswords:
    @pytest.mark.parametrize(
        ("password", "refusal"),
        [("Short1", ShortPassword), ("no capital letter 1", PasswordLacksKind), ("No Digit In It", PasswordLacksKind)],
    )
    async def test_are_what_is_asked(self, floor: Floor, password: str, refusal: type[Exception]) -> None:
        await set_to(floor, STRICT)
        async with read(floor.scope) as work:
            with pytest.raises(refusal):
                await refuse_weak_password(work, password)
            assert await refuse_weak_password(work, "A long one with 1") == "A long one with 1"

    @pytest.mark.parametrize("kind", ["hashes", "plain"])
    async def test_on_the_list_are_refused(self, floor: Floor, tmp_path: Path, kind: str) -> None:
        words = [f"password number {number}" for number in range(1000)]
        hashes = sorted(f"{sha1(word.encode(), usedforsecurity=False).hexdigest().upper()}:7" for word in words)
        path = tmp_path / "list"
        path.write_text("\n".join(hashes if kind == "hashes" else words))
        use_breached_passwords(BreachedPasswords.of(path))
        try:
            async with read(floor.scope) as work:
                for word in words[::50]:
                    with pytest.raises(BreachedPassword):
                        await refuse_weak_password(work, word)
                for number in range(50):
                    await refuse_weak_password(work, f"another password {number}")
        finally:
            use_breached_passwords(None)


class TestLocks:
    async def test_count_in_every_process_and_after_a_restart(self, floor: Floor) -> None:
        await set_to(floor, STRICT)
        email = floor.emails[Role.OPERATOR]
        for _ in range(3):
            with pytest.raises(WrongPassword):
                await sign_in(
                    ISSUER, SignInAttempts(10, name=floor.slug), email=email, password="wrong", device=HERE,
                    organization=floor.slug,
                )  # fmt: skip

        with pytest.raises(TooManyAttempts):
            await sign_in(
                ISSUER, SignInAttempts(10, name=floor.slug), email=email, password="wrong", device=HERE,
                organization=floor.slug,
            )  # fmt: skip

    async def test_tell_nothing_of_accounts(self, floor: Floor) -> None:
        await set_to(floor, STRICT)
        told = []
        for email in (floor.emails[Role.OPERATOR], "nobody@test.example"):
            for _ in range(4):
                with pytest.raises((WrongPassword, TooManyAttempts)) as refused:
                    await sign_in(
                        ISSUER, SignInAttempts(10, name=f"{floor.slug} 2"), email=email, password="wrong", device=HERE,
                        organization=floor.slug,
                    )  # fmt: skip
                told.append(refused.type)

        assert told[:4] == told[4:] == [WrongPassword] * 3 + [TooManyAttempts]


class TestSessions:
    async def test_are_as_short_as_is_asked(self, floor: Floor) -> None:
        await set_to(floor, STRICT)

        tokens = await signed_in(floor, Role.OPERATOR)
        before = await session_of(floor, tokens.access_claims.session_id)
        await refresh(ISSUER, refresh_token=tokens.refresh)
        after = await session_of(floor, tokens.access_claims.session_id)

        assert before.expires_at - before.created_at == timedelta(minutes=30)
        assert before.ends_at is not None
        assert before.ends_at - before.created_at == timedelta(hours=1)
        assert after.expires_at > before.expires_at
        assert after.last_used_at is not None

    async def test_last_as_the_installation_says_without_a_policy(self, floor: Floor) -> None:
        tokens = await signed_in(floor, Role.OPERATOR)

        session = await session_of(floor, tokens.access_claims.session_id)

        assert session.expires_at - session.created_at == timedelta(days=7)
        async with read(floor.scope) as work:
            assert await load_sign_in_policy(work) == SignInPolicy()


async def session_of(floor: Floor, session_id: object) -> SignInSession:
    async with read(floor.scope) as work:
        return await work.session.get_one(SignInSession, session_id)
