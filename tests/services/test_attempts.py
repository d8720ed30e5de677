"""Limits on failed sign-ins."""

import asyncio

import pytest

from services.auth.attempts import ADDRESS_FACTOR, SignInAttempts, TooManyAttempts

HERE = "192.0.2.1"


@pytest.mark.usefixtures("database")
class TestCount:
    async def test_stops_an_account_after_its_limit_wherever_the_guesses_come_from(self) -> None:
        attempts = SignInAttempts(3)
        for number in range(3):
            await attempts.count(account="a@x.example", address=f"192.0.2.{number}")

        with pytest.raises(TooManyAttempts):
            await attempts.count(account="a@x.example", address="192.0.2.9")

        await attempts.count(account="b@x.example", address="192.0.2.9")

    async def test_counts_guesses_that_come_all_at_once(self) -> None:
        attempts = SignInAttempts(3)

        results = await asyncio.gather(
            *(attempts.count(account="a@x.example", address=HERE) for _ in range(20)), return_exceptions=True
        )

        assert sum(result is None for result in results) == 3

    async def test_stops_an_address_that_guesses_at_many_accounts(self) -> None:
        attempts = SignInAttempts(2)
        for number in range(2 * ADDRESS_FACTOR):
            await attempts.count(account=f"{number}@x.example", address=HERE)
            await attempts.count_failure(address=HERE)

        with pytest.raises(TooManyAttempts):
            await attempts.count(account="fresh@x.example", address=HERE)

        await attempts.count(account="fresh@x.example", address="198.51.100.1")

    async def test_does_not_count_a_colleagues_success_against_the_address(self) -> None:
        attempts = SignInAttempts(1)
        for number in range(5 * ADDRESS_FACTOR):
            await attempts.count(account=f"{number}@x.example", address=HERE)
            await attempts.forget_account(f"{number}@x.example")

        await attempts.count(account="another@x.example", address=HERE)


@pytest.mark.usefixtures("database")
class TestForgetAccount:
    async def test_begins_anew_for_whoever_knew_the_password(self) -> None:
        attempts = SignInAttempts(2)
        await attempts.count(account="a@x.example", address=HERE)
        await attempts.count(account="a@x.example", address=HERE)

        await attempts.forget_account("a@x.example")

        await attempts.count(account="a@x.example", address=HERE)
