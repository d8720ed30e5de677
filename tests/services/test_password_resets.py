"""Links with which people choose another password."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from sqlalchemy import text, update

from domain.errors import Forbidden, NotFound
from domain.identity.accounts import ShortPassword
from domain.identity.roles import Role
from services.adapters.smtp_mail import MailFolder
from services.auth.attempts import SignInAttempts, TooManyAttempts
from services.auth.tokens import NotSignedIn
from services.db.engine import without_tenant
from services.db.tables import PasswordReset
from services.db.work import begin
from services.identity.password_resets import (
    FindForgetful,
    ResetOver,
    SendReset,
    ask_for_reset,
    choose_password,
    find_forgetful,
    find_reset,
    reset_password,
    send_reset,
)
from services.identity.sessions import Sessions
from services.identity.sign_ins import WrongPassword, sign_in
from services.mail import NoMailer, use_mailer
from tests.factories import PASSWORD, Floor
from tests.services.test_invitations import only_file
from tests.services.test_people import HERE, ISSUER, signed_in, signs_in

BASE = "https://mes.example"
NEW = "another long password"


@pytest.fixture
def mails(tmp_path: Path) -> Iterator[Path]:
    """The folder into which mails go."""
    use_mailer(MailFolder(tmp_path, sender="Unison <unison@mes.example>"))
    yield tmp_path
    use_mailer(None)


async def link_word(floor: Floor, role: Role = Role.OPERATOR) -> str:
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        link = await reset_password(work, user_id=floor.user_ids[role], base_url=BASE)
    assert link is not None
    return link.partition("token=")[2]


async def queued(floor: Floor) -> list[str]:
    """Return the names of the jobs that wait for an organization."""
    async with without_tenant() as connection:
        rows = await connection.execute(
            text("SELECT message ->> 'job' FROM pgmq.q_jobs WHERE message ->> 'org' = :org"),
            {"org": str(floor.scope.org_id)},
        )
        return list(rows.scalars())


class TestChoosePassword:
    async def test_changes_it_once_and_ends_the_sessions(self, floor: Floor) -> None:
        tokens = await signed_in(floor, Role.OPERATOR)
        word = await link_word(floor)

        assert await choose_password(token=word, password=NEW) == floor.slug

        assert await signs_in(floor, Role.OPERATOR, password=NEW)
        with pytest.raises(NotSignedIn):
            await Sessions().viewer(tokens.access_claims)
        with pytest.raises(ResetOver):
            await choose_password(token=word, password=NEW)

    async def test_counts_once_when_it_is_used_twice_at_once(self, floor: Floor) -> None:
        word = await link_word(floor)

        results = await asyncio.gather(
            *(choose_password(token=word, password=f"{NEW} {number}") for number in range(2)), return_exceptions=True
        )

        assert [type(one) for one in results if isinstance(one, Exception)] == [ResetOver]

    async def test_leaves_the_password_until_another_is_chosen(self, floor: Floor) -> None:
        word = await link_word(floor)

        with pytest.raises(ShortPassword):
            await choose_password(token=word, password="short")

        assert await signs_in(floor, Role.OPERATOR)
        assert (await find_reset(word)).email == floor.emails[Role.OPERATOR]

    @pytest.mark.parametrize("word", ["", "x", "\ud800", "0" * 5000])
    async def test_refuses_words_that_nobody_made(self, floor: Floor, word: str) -> None:
        with pytest.raises(ResetOver):
            await choose_password(token=word, password=NEW)

    async def test_is_over_after_an_hour_and_when_another_was_made(self, floor: Floor) -> None:
        first = await link_word(floor)
        second = await link_word(floor)
        async with begin(floor.scope) as work:
            await work.session.execute(update(PasswordReset).values(expires_at=work.now))

        for word in (first, second):
            with pytest.raises(ResetOver):
                await find_reset(word)


class TestResetPassword:
    async def test_refuses_who_may_not_and_who_is_not_there(self, floor: Floor, other: Floor) -> None:
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            with pytest.raises(Forbidden):
                await reset_password(work, user_id=floor.user_ids[Role.ADMIN], base_url=BASE)
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound):
                await reset_password(work, user_id=other.user_ids[Role.OPERATOR], base_url=BASE)

    async def test_writes_a_mail(self, floor: Floor, mails: Path) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            operator = floor.user_ids[Role.OPERATOR]
            assert await reset_password(work, user_id=operator, base_url=BASE) is None
            await send_reset(work, SendReset(user_id=operator, base_url=BASE))

        content = message_from_bytes(only_file(mails), policy=default).get_body(("plain",))
        assert content is not None
        words = content.get_content()
        assert "somebody asked for a new password" in words
        word = words.replace("=\n", "").partition("token=")[2].split()[0]
        assert (await find_reset(word)).email == floor.emails[Role.OPERATOR]


class TestAskForReset:
    async def test_queues_a_mail_for_who_has_an_account_and_for_nobody_else(self, floor: Floor, mails: Path) -> None:
        before = await queued(floor)
        for email in (floor.emails[Role.OPERATOR], "nobody@test.example"):
            async with without_tenant() as connection:
                await find_forgetful(connection, FindForgetful(email=email, organization=None, base_url=BASE))

        assert (await queued(floor))[len(before) :] == ["identity.password_reset.send"]

    async def test_needs_a_mailer(self) -> None:
        with pytest.raises(NoMailer):
            await ask_for_reset(
                SignInAttempts(10), email="a@b.example", organization=None, address="192.0.2.1", base_url=BASE
            )

    async def test_stops_who_asks_again_and_again(self, floor: Floor, mails: Path) -> None:
        attempts = SignInAttempts(2)

        async def ask(email: str) -> None:
            await ask_for_reset(attempts, email=email, organization=None, address="192.0.2.1", base_url=BASE)

        for email in (floor.emails[Role.OPERATOR], "nobody@test.example"):
            for _ in range(2):
                await ask(email)
            with pytest.raises(TooManyAttempts):
                await ask(email)

    async def test_takes_as_long_for_known_addresses_as_for_unknown_ones(self, floor: Floor, mails: Path) -> None:
        known, unknown = await timed(ask, floor.emails[Role.OPERATOR], times=20)

        assert 0.33 < known / unknown < 3


class TestSignIn:
    async def test_takes_as_long_for_known_addresses_as_for_unknown_ones(self, floor: Floor) -> None:
        known, unknown = await timed(mistype, floor.emails[Role.OPERATOR], times=7)

        assert 0.4 < known / unknown < 2.5


async def ask(email: str) -> None:
    await ask_for_reset(SignInAttempts(10), email=email, organization=None, address="192.0.2.1", base_url=BASE)


async def mistype(email: str) -> None:
    with pytest.raises(WrongPassword):
        await sign_in(ISSUER, SignInAttempts(10), email=email, password=f"not {PASSWORD}", device=HERE)


async def timed(do: Callable[[str], Awaitable[None]], known: str, *, times: int) -> tuple[float, float]:
    """Return the median times for an address that has an account and for one that has none, taken in turns, so that a
    busy machine slows both."""
    took: dict[str, list[float]] = {known: [], "nobody@test.example": []}
    await do("nobody@test.example")  # the decoy is made once
    for _ in range(times):
        for email, times_of in took.items():
            began = time.perf_counter()
            await do(email)
            times_of.append(time.perf_counter() - began)
    first, second = map(statistics.median, took.values())
    return first, second
