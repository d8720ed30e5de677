"""Password hashes."""

import pytest
from passlib.hash import bcrypt

from domain.identity.accounts import LONGEST_PASSWORD
from services.auth.passwords import check_password, hash_password
from tests.factories import PASSWORD


class TestHashPassword:
    async def test_makes_argon2id_hashes_that_never_repeat(self, password_hash: str) -> None:
        again = await hash_password(PASSWORD)

        assert again.startswith("$argon2id$")
        assert again != password_hash


class TestCheckPassword:
    async def test_fits_the_right_password_and_keeps_a_fresh_hash(self, password_hash: str) -> None:
        checked = await check_password(PASSWORD, password_hash)

        assert (checked.fits, checked.new_hash) == (True, None)

    @pytest.mark.parametrize("wrong", ["", PASSWORD.upper(), PASSWORD + " ", "\x00", "\ud800", "x" * 5000])
    async def test_does_not_fit_any_other(self, password_hash: str, wrong: str) -> None:
        assert not (await check_password(wrong, password_hash)).fits

    async def test_replaces_a_bcrypt_hash_by_argon2id(self) -> None:
        old = bcrypt.using(rounds=4).hash(PASSWORD)

        checked = await check_password(PASSWORD, old)

        assert checked.fits
        assert checked.new_hash is not None
        assert checked.new_hash.startswith("$argon2id$")
        assert (await check_password(PASSWORD, checked.new_hash)).fits

    async def test_never_fits_what_bcrypt_would_cut_off(self) -> None:
        old = bcrypt.using(rounds=4).hash("a" * 72)

        assert not (await check_password("a" * 73, old)).fits
        assert (await check_password("a" * 72, old)).fits

    async def test_takes_long_passwords_with_argon2id(self) -> None:
        long = "ä" * 200

        assert (await check_password(long, await hash_password(long))).fits

    async def test_refuses_absurd_lengths_without_hashing_them(self, password_hash: str) -> None:
        assert not (await check_password("x" * (LONGEST_PASSWORD + 1), password_hash)).fits

    async def test_never_fits_an_account_without_a_hash(self) -> None:
        assert not (await check_password("nobody signs in with this", None)).fits
