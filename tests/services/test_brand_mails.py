"""Mails in the look of an organization."""

from email import message_from_bytes, policy
from email.message import EmailMessage

from domain.branding.brands import AssetKind
from domain.scope import Scope
from services.adapters.smtp_mail import letter
from services.branding.brands import edit_branding, set_brand_asset
from services.branding.mails import MailLink, compose_mail
from services.db.work import Work, begin, read
from services.file_store import current_file_store
from services.files.kept_files import content_key
from services.ports import Mail
from tests.services.test_branding import SVG

LINK = MailLink("Sign in", "https://mes.example/in?a=1&b=2")


async def composed(work: Work) -> Mail:
    """Return a mail of two paragraphs."""
    return await compose_mail(
        work, key="k", to="a@b.example", to_name="A", subject="S", paragraphs=["One <b>", "Two"], link=LINK
    )


def parts_of(mail: Mail) -> EmailMessage:
    """Return a mail as it arrives."""
    return message_from_bytes(bytes(letter(mail, "Unison <mes@demo.example>")), policy=policy.default)


class TestComposeMail:
    async def test_says_everything_twice_as_text_and_as_html(self, work: Work) -> None:
        arrived = parts_of(await composed(work))

        text, html = arrived.get_body(("plain",)), arrived.get_body(("html",))
        assert text is not None
        assert html is not None
        assert "One <b>\n\nTwo\n\nSign in: https://mes.example/in?a=1&b=2" in text.get_content()
        assert "One &lt;b&gt;" in html.get_content()
        assert 'href="https://mes.example/in?a=1&amp;b=2"' in html.get_content()
        assert "Test works" in html.get_content()

    async def test_wears_the_colours_and_words_of_the_organization(self, work: Work) -> None:
        colors = {"light": {"header": "#004d40", "on_header": "#ffffff"}}
        texts = {"name": "Acme <GmbH>", "mail_text": "Acme, Berlin"}
        await edit_branding(work, version=1, texts=texts, colors=colors)

        mail = await composed(work)

        assert "background:#004d40;color:#ffffff" in mail.html
        assert "Acme &lt;GmbH&gt;" in mail.html
        assert mail.text.endswith("-- \nAcme <GmbH>\nAcme, Berlin\n")

    async def test_brings_the_logo_along_so_that_nothing_is_fetched(self, work: Work) -> None:
        await set_brand_asset(work, version=1, kind=AssetKind.LOGO, name="x.svg", content=SVG)

        arrived = parts_of(await composed(work))

        html = arrived.get_body(("html",))
        assert html is not None
        assert 'src="cid:logo"' in html.get_content()
        (logo,) = [part for part in arrived.walk() if part.get_content_type() == "image/png"]
        assert logo["Content-ID"] == "<logo>"
        assert logo.get_payload(decode=True).startswith(b"\x89PNG")  # type: ignore[union-attr]

    async def test_waits_for_no_picture(self, scope: Scope) -> None:
        async with begin(scope) as work:
            brand = await set_brand_asset(work, version=1, kind=AssetKind.LOGO, name="x.svg", content=SVG)
        assert brand.mail_logo is not None
        await current_file_store().delete(content_key(scope.org_id, brand.mail_logo.sha256))

        async with read(scope) as work:
            mail = await composed(work)

        assert mail.pictures == ()
        assert "Test works" in mail.html
