"""Mail as it leaves: through a server that speaks SMTP, or into a folder."""

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes
from pathlib import Path

import pytest

from services.adapters.smtp_mail import MailFolder, SmtpMailer, mailer_of
from services.config import Settings, WrongSetting, load_settings
from services.ports import Mail, MailNotSent
from tests.api.doors import KEY

MAIL = Mail(key="andon-1", to="sam@demo.example", to_name="Sam", subject="Ruf: Größe", text="Grat\n")
SENDER = "Unison <mes@demo.example>"


class Postman:
    """A mail server that knows as much SMTP as one message needs."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.letters: list[bytes] = []
        self.refuses = refuses

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).upper():
            if line.startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                self.letters.append((await reader.readuntil(b"\r\n.\r\n"))[:-3])
            answer = b"550 no such person\r\n" if self.refuses and line.startswith(b"RCPT") else b"250 fine\r\n"
            writer.write(answer)
            if line.startswith(b"QUIT"):
                break
        writer.close()


@pytest.fixture
async def postman() -> AsyncIterator[tuple[Postman, str]]:
    """A mail server on a port of its own, and its URL."""
    postman = Postman()
    server = await asyncio.start_server(postman.talk, "127.0.0.1", 0)
    yield postman, f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


class TestSmtpMailer:
    async def test_hands_the_message_over(self, postman: tuple[Postman, str]) -> None:
        server, url = postman

        await SmtpMailer(url, sender=SENDER).send(MAIL)

        letter = message_from_bytes(server.letters[0])
        assert letter["To"] == "Sam <sam@demo.example>"
        assert letter["Message-ID"].endswith("@demo.example>")

    async def test_says_when_the_server_refuses(self, postman: tuple[Postman, str]) -> None:
        server, url = postman
        server.refuses = True

        with pytest.raises(MailNotSent, match="no such person"):
            await SmtpMailer(url, sender=SENDER).send(MAIL)

    async def test_says_when_there_is_no_server(self) -> None:
        with pytest.raises(MailNotSent, match=r"127\.0\.0\.1"):
            await SmtpMailer("smtp://127.0.0.1:1", sender=SENDER).send(MAIL)


class TestMailFolder:
    async def test_keeps_a_message_once_however_often_it_is_sent(self, tmp_path: Path) -> None:
        folder = MailFolder(tmp_path / "mail", sender=SENDER)

        await folder.send(MAIL)
        await folder.send(MAIL)

        (file,) = (tmp_path / "mail").iterdir()
        assert message_from_bytes(file.read_bytes())["From"] == SENDER


class TestSettings:
    @pytest.mark.parametrize(
        ("url", "kind"), [("smtps://u:p@mail.example:465", SmtpMailer), ("folder:", MailFolder), (None, type(None))]
    )
    def test_choose_the_way(self, url: str | None, kind: type[object]) -> None:
        settings = Settings(_env_file=None, secret_key=KEY, smtp_url=url)

        assert isinstance(mailer_of(settings), kind)

    @pytest.mark.parametrize(
        "wrong", [{"smtp_url": "http://mail.example"}, {"smtp_url": "smtp://"}, {"mail_from": "nobody"}]
    )
    def test_say_which_of_them_is_wrong(self, wrong: dict[str, str]) -> None:
        with pytest.raises(WrongSetting, match=f"UNISON_{next(iter(wrong)).upper()}"):
            load_settings(secret_key=KEY, **wrong)
