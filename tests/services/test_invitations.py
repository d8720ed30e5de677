"""Links with which people choose a password."""

import asyncio
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from domain.errors import Forbidden, NotFound
from domain.identity.accounts import InvalidPassword, ShortPassword
from domain.identity.roles import Role
from services.adapters.smtp_mail import MailFolder
from services.auth.attempts import SignInAttempts
from services.auth.tokens import TokenIssuer
from services.branding.brands import edit_branding
from services.db.keys import new_id
from services.db.tables import AuditEntry, User, UserInvitation
from services.db.work import begin, read
from services.identity.invitations import (
    InvitationOver,
    SendInvitation,
    accept_invitation,
    find_invited,
    invite_user,
    send_invitation,
)
from services.identity.sign_ins import Device, sign_in
from services.mail import use_mailer
from tests.factories import Floor

ISSUER = TokenIssuer("k" * 40, access_lifetime=timedelta(minutes=30), refresh_lifetime=timedelta(days=7))
BASE = "https://mes.example"
DEVICE = Device("192.0.2.1")
PASSWORD = "a long enough password"


async def invited(floor: Floor, role: Role = Role.OPERATOR) -> str:
    """Commit an invitation and return the word in its link."""
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        link = await invite_user(work, user_id=floor.user_ids[role], base_url=f"{BASE}/")
    assert link is not None
    assert link.startswith(f"{BASE}/invitation?token=")
    return link.partition("token=")[2]


def only_file(folder: Path) -> bytes:
    """Return what the only mail in a folder says."""
    (path,) = folder.glob("*.eml")
    return path.read_bytes()


class TestInviteUser:
    async def test_keeps_the_digest_only(self, floor: Floor) -> None:
        token = await invited(floor)

        async with read(floor.scope) as work:
            row = (await work.session.execute(select(UserInvitation))).scalar_one()
            assert token.encode() not in row.digest
            entries = await work.session.execute(select(AuditEntry).where(AuditEntry.table_name == "user_invitations"))
            assert all("digest" not in str(entry.after) for entry in entries.scalars())

    async def test_ends_the_link_of_before(self, floor: Floor) -> None:
        first = await invited(floor)
        second = await invited(floor)

        with pytest.raises(InvitationOver):
            await find_invited(first)
        assert (await find_invited(second)).email == floor.emails[Role.OPERATOR]

    async def test_refuses_who_may_not_and_who_is_not_there(self, floor: Floor, other: Floor) -> None:
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            with pytest.raises(Forbidden):
                await invite_user(work, user_id=floor.user_ids[Role.ADMIN], base_url=BASE)
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            for user_id in (new_id(), other.user_ids[Role.ADMIN]):
                with pytest.raises(NotFound):
                    await invite_user(work, user_id=user_id, base_url=BASE)

    async def test_writes_a_mail_with_a_link_that_no_queue_holds(self, floor: Floor, tmp_path: Path) -> None:
        use_mailer(MailFolder(tmp_path, sender="Unison <unison@mes.example>"))
        try:
            async with begin(floor.acting_as(Role.ADMIN)) as work:
                assert await invite_user(work, user_id=floor.user_ids[Role.OPERATOR], base_url=BASE) is None
                queued = await work.session.scalar(
                    text("SELECT message::text FROM pgmq.q_jobs WHERE message ->> 'org' = :org"),
                    {"org": str(floor.scope.org_id)},
                )
            assert "token" not in str(queued)
            async with begin(floor.scope) as work:
                await send_invitation(work, SendInvitation(user_id=floor.user_ids[Role.OPERATOR], base_url=BASE))
        finally:
            use_mailer(None)

        mail = message_from_bytes(only_file(tmp_path), policy=default)
        body = mail.get_body(("plain",))
        assert body is not None
        assert floor.emails[Role.OPERATOR] in str(mail["to"])
        token = body.get_content().partition("token=")[2].split()[0]
        assert (await find_invited(token)).organization == "Test works"

    @pytest.mark.parametrize(
        ("of_organization", "of_person", "subject"),
        [
            ("", "", "Your account at Test works"),
            ("de", "", "Ihr Konto bei Test works"),
            ("de", "en", "Your account at Test works"),
            ("", "de", "Ihr Konto bei Test works"),
        ],
    )
    async def test_is_in_the_language_of_the_person_else_of_the_organization(
        self, of_organization: str, of_person: str, subject: str, floor: Floor, tmp_path: Path
    ) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await edit_branding(work, version=1, texts={"mail_language": of_organization})
            await work.session.execute(update(User).values(language=of_person))
        use_mailer(MailFolder(tmp_path, sender="Unison <unison@mes.example>"))
        try:
            async with begin(floor.scope) as work:
                await send_invitation(work, SendInvitation(user_id=floor.user_ids[Role.OPERATOR], base_url=BASE))
        finally:
            use_mailer(None)

        mail = message_from_bytes(only_file(tmp_path), policy=default)
        assert mail["subject"] == subject


class TestAcceptInvitation:
    async def test_keeps_the_password_and_signs_in(self, floor: Floor) -> None:
        token = await invited(floor)

        tokens = await accept_invitation(ISSUER, token=token, password=PASSWORD, device=DEVICE)

        assert tokens.access_claims.user_id == floor.user_ids[Role.OPERATOR]
        again = await sign_in(
            ISSUER, SignInAttempts(10), email=floor.emails[Role.OPERATOR], password=PASSWORD, device=DEVICE
        )
        assert again.access_claims.org_id == floor.scope.org_id

    async def test_works_once_also_at_once(self, floor: Floor) -> None:
        token = await invited(floor)

        results = await asyncio.gather(
            *(accept_invitation(ISSUER, token=token, password=f"{PASSWORD} {n}", device=DEVICE) for n in range(3)),
            return_exceptions=True,
        )

        assert sorted(type(result).__name__ for result in results) == ["InvitationOver", "InvitationOver", "Tokens"]
        with pytest.raises(InvitationOver):
            await accept_invitation(ISSUER, token=token, password=PASSWORD, device=DEVICE)

    @pytest.mark.parametrize(
        ("password", "refusal"),
        [
            ("short", ShortPassword),
            ("", InvalidPassword),
            ("x" * 2000, InvalidPassword),
            ("\ud800" * 20, InvalidPassword),
        ],
        ids=["short", "empty", "long", "surrogates"],
    )
    async def test_refuses_passwords_that_cannot_be_kept_and_stays_open(
        self, floor: Floor, password: str, refusal: type[Exception]
    ) -> None:
        token = await invited(floor)

        with pytest.raises(refusal):
            await accept_invitation(ISSUER, token=token, password=password, device=DEVICE)

        assert await find_invited(token)

    @pytest.mark.parametrize("token", ["", "nothing", "\x00", "\ud800", "x" * 5000], ids=str.__len__)
    async def test_refuses_links_that_nobody_made(self, floor: Floor, token: str) -> None:
        with pytest.raises(InvitationOver):
            await accept_invitation(ISSUER, token=token, password=PASSWORD, device=DEVICE)

    async def test_refuses_what_is_too_old_and_who_left(self, floor: Floor) -> None:
        old, gone = await invited(floor), await invited(floor, Role.VIEWER)
        async with begin(floor.scope) as work:
            await work.session.execute(
                update(UserInvitation)
                .where(UserInvitation.user_id == floor.user_ids[Role.OPERATOR])
                .values(expires_at=text("now() - interval '1 second'"))
            )
            await work.session.execute(
                update(User).where(User.id == floor.user_ids[Role.VIEWER]).values(is_active=False)
            )

        for token in (old, gone):
            with pytest.raises(InvitationOver):
                await accept_invitation(ISSUER, token=token, password=PASSWORD, device=DEVICE)
