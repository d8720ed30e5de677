"""Codes from an app, and recovery codes, after the password."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from sqlalchemy import select

from domain.errors import Forbidden, NotFound
from domain.identity.roles import Role
from domain.identity.sign_in_policies import SecondFactorRule, SignInPolicy
from domain.scope import Scope
from services.audit.notes import NOTES
from services.auth.attempts import SignInAttempts, TooManyAttempts
from services.auth.tokens import NotSignedIn
from services.db.tables import AuditEntry, SecondFactor
from services.db.work import begin, read
from services.identity.own_account import NotYourPassword
from services.identity.people import deactivate_user
from services.identity.second_factors import (
    AlreadyEnrolled,
    SecondFactorNeeded,
    WrongCode,
    begin_enrolment,
    confirm_enrolment,
    enrol_by_challenge,
    own_factor,
    pass_second_factor,
    remove_own_factor,
    renew_recovery_codes,
    reset_second_factor,
    second_factor_box,
)
from services.identity.sign_ins import SecondFactorRequired, Tokens
from tests.factories import PASSWORD, Floor
from tests.services.test_audit import trail
from tests.services.test_people import HERE, ISSUER, signs_in, themself
from tests.services.test_sign_in_policies import set_to

BOX = second_factor_box("k" * 40)
NEEDED = SignInPolicy(second_factor=SecondFactorRule.EVERYBODY)


def code_of(secret: str, *, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(datetime.now(UTC) + timedelta(seconds=30 * steps))


async def enrolled(floor: Floor, role: Role = Role.OPERATOR) -> tuple[str, tuple[str, ...]]:
    """Set somebody's app up, and return its secret and their recovery codes."""
    scope = await themself(floor, role)
    async with begin(scope) as work:
        secret = (await begin_enrolment(work, BOX)).secret
    async with begin(scope) as work:
        codes = await confirm_enrolment(work, SignInAttempts(10), BOX, code=code_of(secret, steps=-1))
    return secret, codes


async def challenged(floor: Floor, role: Role = Role.OPERATOR) -> str:
    """Return the challenge that the right password is answered with."""
    with pytest.raises(SecondFactorRequired) as asked:
        await signs_in(floor, role)
    return str(asked.value.fields["challenge"])


async def passes(challenge: str, code: str, attempts: SignInAttempts | None = None) -> Tokens:
    return await pass_second_factor(
        ISSUER, attempts or SignInAttempts(10), BOX, challenge=challenge, code=code, device=HERE
    )


class TestSignIn:
    async def test_takes_two_steps(self, floor: Floor) -> None:
        secret, _codes = await enrolled(floor)

        tokens = await passes(await challenged(floor), code_of(secret))

        assert tokens.access_claims.user_id == floor.user_ids[Role.OPERATOR]

    async def test_takes_a_code_once(self, floor: Floor) -> None:
        secret, _codes = await enrolled(floor)
        challenge, code = await challenged(floor), code_of(secret)

        results = await asyncio.gather(*(passes(challenge, code) for _ in range(4)), return_exceptions=True)

        assert sum(isinstance(one, Tokens) for one in results) == 1
        assert {type(one) for one in results if isinstance(one, Exception)} == {WrongCode}

    async def test_takes_a_recovery_code_once(self, floor: Floor) -> None:
        _secret, codes = await enrolled(floor)
        challenge = await challenged(floor)

        results = await asyncio.gather(*(passes(challenge, codes[0]) for _ in range(4)), return_exceptions=True)

        assert sum(isinstance(one, Tokens) for one in results) == 1
        assert await passes(challenge, codes[1].upper().replace("-", " "))
        assert len(set(codes)) == 10

    @pytest.mark.parametrize("code", ["", "000000", "x", "\ud800", "１２３４５６", "0" * 5000])
    async def test_refuses_codes_that_do_not_fit(self, floor: Floor, code: str) -> None:
        await enrolled(floor)
        with pytest.raises(WrongCode):
            await passes(await challenged(floor), code)

    async def test_notes_a_wrong_code_at_the_account(self, floor: Floor) -> None:
        await enrolled(floor)

        with pytest.raises(WrongCode):
            await passes(await challenged(floor), "000000x")

        await NOTES.written()
        async with read(floor.scope) as work:
            (entry,) = await trail(work, action="refused")
        assert (entry.table_name, entry.row_id) == ("second_factor", floor.user_ids[Role.OPERATOR])
        assert entry.after == {"code": "wrong_code", "where": "sign-in", "times": 1}
        assert entry.device.startswith(HERE.address)

    async def test_stops_who_guesses(self, floor: Floor) -> None:
        secret, _codes = await enrolled(floor)
        challenge, attempts = await challenged(floor), SignInAttempts(3)
        for _ in range(3):
            with pytest.raises(WrongCode):
                await passes(challenge, "wrong", attempts)

        with pytest.raises(TooManyAttempts):
            await passes(challenge, code_of(secret), attempts)

    async def test_needs_the_challenge_of_a_password(self, floor: Floor) -> None:
        secret, _codes = await enrolled(floor)
        access = (await passes(await challenged(floor), code_of(secret))).access
        for challenge in ("", access):
            with pytest.raises(NotSignedIn):
                await passes(challenge, code_of(secret, steps=1))

    async def test_is_refused_to_who_was_deactivated_meanwhile(self, floor: Floor) -> None:
        secret, _codes = await enrolled(floor)
        challenge = await challenged(floor)
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await deactivate_user(work, user_id=floor.user_ids[Role.OPERATOR], version=1)

        with pytest.raises(NotSignedIn):
            await passes(challenge, code_of(secret))


class TestEnrolment:
    async def test_is_forced_where_the_organization_asks_for_it(self, floor: Floor) -> None:
        await set_to(floor, NEEDED)
        challenge = await challenged(floor)

        enrolment = await enrol_by_challenge(ISSUER, BOX, challenge=challenge)

        assert enrolment is not None
        assert enrolment.uri.startswith("otpauth://totp/Test%20works:")
        assert await passes(challenge, code_of(enrolment.secret))
        assert await enrol_by_challenge(ISSUER, BOX, challenge=await challenged(floor)) is None

    async def test_is_for_the_roles_that_need_it(self, floor: Floor) -> None:
        rule = replace(NEEDED, second_factor=SecondFactorRule.ROLES, second_factor_roles=frozenset({Role.ADMIN.value}))
        await set_to(floor, rule)

        assert await signs_in(floor, Role.OPERATOR)
        await challenged(floor, Role.ADMIN)

    async def test_changes_nothing_before_it_is_confirmed(self, floor: Floor) -> None:
        scope = await themself(floor, Role.OPERATOR)
        async with begin(scope) as work:
            first = await begin_enrolment(work, BOX)
            with pytest.raises(WrongCode):
                await confirm_enrolment(work, SignInAttempts(10), BOX, code="000000")
            assert await begin_enrolment(work, BOX) == first

        assert await signs_in(floor, Role.OPERATOR)

    async def test_keeps_no_secret_that_can_be_read(self, floor: Floor) -> None:
        secret, codes = await enrolled(floor)

        async with read(floor.acting_as(Role.ADMIN)) as work:
            factor = (await work.session.execute(select(SecondFactor))).scalar_one()
            tables = ("second_factors", "recovery_codes")
            entries = await work.session.execute(select(AuditEntry).where(AuditEntry.table_name.in_(tables)))
            kept = str([(entry.before, entry.after) for entry in entries.scalars()])
        assert secret.encode() not in factor.secret
        assert not [one for one in (secret, *codes) if one in kept]
        assert "secret" not in kept

    async def test_cannot_be_repeated(self, floor: Floor) -> None:
        await enrolled(floor)
        async with begin(await scope_of_enrolled(floor)) as work:
            with pytest.raises(AlreadyEnrolled):
                await begin_enrolment(work, BOX)


class TestRenewRecoveryCodes:
    async def test_ends_those_of_before(self, floor: Floor) -> None:
        _secret, codes = await enrolled(floor)
        async with begin(await scope_of_enrolled(floor)) as work:
            with pytest.raises(NotYourPassword):
                await renew_recovery_codes(work, SignInAttempts(10), password="wrong")
            renewed = await renew_recovery_codes(work, SignInAttempts(10), password=PASSWORD)

        challenge = await challenged(floor)
        with pytest.raises(WrongCode):
            await passes(challenge, codes[0])
        assert await passes(challenge, renewed[0])


class TestRemoval:
    async def test_is_refused_where_the_organization_asks_for_one(self, floor: Floor) -> None:
        await enrolled(floor)
        await set_to(floor, NEEDED)
        async with begin(await scope_of_enrolled(floor)) as work:
            with pytest.raises(SecondFactorNeeded):
                await remove_own_factor(work, SignInAttempts(10), password=PASSWORD)

    async def test_lets_the_password_do(self, floor: Floor) -> None:
        await enrolled(floor)
        async with begin(await scope_of_enrolled(floor)) as work:
            await remove_own_factor(work, SignInAttempts(10), password=PASSWORD)

        assert await signs_in(floor, Role.OPERATOR)

    async def test_by_an_admin_helps_who_lost_the_app(self, floor: Floor, other: Floor) -> None:
        await enrolled(floor)
        operator = floor.user_ids[Role.OPERATOR]
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            with pytest.raises(Forbidden):
                await reset_second_factor(work, user_id=operator)
        async with begin(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound):
                await reset_second_factor(work, user_id=operator)
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await reset_second_factor(work, user_id=operator)

        assert await signs_in(floor, Role.OPERATOR)


async def scope_of_enrolled(floor: Floor) -> Scope:
    scope = await themself(floor, Role.OPERATOR)
    async with read(scope) as work:
        assert (await own_factor(work)).is_confirmed
    return scope
