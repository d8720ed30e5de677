"""Mails in the look of an organization: as plain text, and as HTML under its header.

Mail programs read neither stylesheets nor custom properties, and many fetch no pictures: every style stands at its
element, and the logo travels inside the message.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape

from domain.branding.palettes import ColorRole, Mode, completed
from services.branding.queries import Brand, load_brand
from services.db.work import Work
from services.file_store import current_file_store
from services.files.kept_files import content_key
from services.ports import ContentMissing, FilesUnavailable, Mail, MailPicture
from services.translations import SOURCE_LANGUAGE

LOGO = "logo"
PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{subject}</title></head>
<body style="margin:0;padding:0;background:#f3f5f7">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:#f3f5f7">
<tr><td align="center" style="padding:16px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:600px;background:#ffffff;\
border:1px solid #d3dae1;border-radius:8px;font-family:Roboto,Helvetica,Arial,sans-serif;color:#151a1f">
<tr><td style="{head_style};border-radius:8px 8px 0 0;font-size:18px;font-weight:600">{head}</td></tr>
<tr><td style="padding:24px;font-size:16px;line-height:1.5">{body}</td></tr>
{foot}
</table></td></tr></table></body></html>
"""
NAME_HEAD = "padding:16px 24px;background:{header};color:{on_header}"
LOGO_HEAD = "padding:18px 24px 14px;background:#ffffff;border-top:6px solid {header};border-bottom:1px solid #d3dae1"
"""The logo for light grounds stands on white, whatever the header's colour is."""
PARAGRAPH = '<p style="margin:0 0 16px;white-space:pre-line">{}</p>'
BUTTON = (
    '<p style="margin:24px 0"><a href="{url}" style="display:inline-block;padding:14px 24px;border-radius:8px;'
    'background:{primary};color:{on_primary};font-weight:600;text-decoration:none">{label}</a></p>'
    '<p style="margin:0 0 16px;font-size:13px;color:#525d68;word-break:break-all">{url}</p>'
)
FOOT = (
    '<tr><td style="padding:16px 24px;border-top:1px solid #d3dae1;font-size:13px;line-height:1.4;color:#525d68;'
    'white-space:pre-line">{}</td></tr>'
)


@dataclass(frozen=True)
class MailLink:
    """Where a mail leads."""

    label: str
    url: str


async def language_of_mail(work: Work, chosen: str) -> str:
    """Return the language of a mail to somebody: what they have `chosen`, else their organization's, else ours.

    Raises:
        NotFound: there is no such organization.
    """
    return chosen or (await load_brand(work)).mail_language or SOURCE_LANGUAGE


async def compose_mail(
    work: Work,
    *,
    key: str,
    to: str,
    to_name: str,
    subject: str,
    paragraphs: Sequence[str],
    link: MailLink | None = None,
    language: str = "en",
) -> Mail:
    """Return a mail to one person in the look of the work's organization.

    Where the file store cannot give the logo, the organization's name stands in its place: no mail waits for a picture.

    Raises:
        NotFound: there is no such organization.
    """
    brand = await load_brand(work)
    pictures: tuple[MailPicture, ...] = ()
    if brand.mail_logo is not None:
        with suppress(ContentMissing, FilesUnavailable):
            content = await current_file_store().get(content_key(work.scope.org_id, brand.mail_logo.sha256))
            pictures = (MailPicture(LOGO, content),)
    return Mail(
        key=key,
        to=to,
        to_name=to_name,
        subject=subject,
        text=mail_text(brand, paragraphs, link),
        html=mail_html(brand, subject, paragraphs, link, logo_url=f"cid:{LOGO}" if pictures else "", language=language),
        pictures=pictures,
    )


def mail_text(brand: Brand, paragraphs: Sequence[str], link: MailLink | None) -> str:
    """Return a mail as plain text."""
    parts = [*paragraphs, *([f"{link.label}: {link.url}"] if link else [])]
    signature = [brand.name, *([brand.mail_text] if brand.mail_text else [])]
    return "\n\n".join(parts) + "\n\n-- \n" + "\n".join(signature) + "\n"


def mail_html(
    brand: Brand,
    subject: str,
    paragraphs: Sequence[str],
    link: MailLink | None,
    *,
    logo_url: str,
    language: str,
) -> str:
    """Return a mail as HTML, its logo from `logo_url`, or the name in words where that is empty."""
    colors = completed(brand.colors)[Mode.LIGHT]
    name = escape(brand.name)
    logo = f'<img src="{escape(logo_url)}" alt="{name}" height="40" style="display:block;height:40px;max-width:240px">'
    body = "".join(PARAGRAPH.format(escape(paragraph)) for paragraph in paragraphs)
    if link is not None:
        body += BUTTON.format(
            url=escape(link.url),
            label=escape(link.label),
            primary=colors[ColorRole.PRIMARY],
            on_primary=colors[ColorRole.ON_PRIMARY],
        )
    return PAGE.format(
        language=escape(language),
        subject=escape(subject),
        head_style=(LOGO_HEAD if logo_url else NAME_HEAD).format(
            header=colors[ColorRole.HEADER], on_header=colors[ColorRole.ON_HEADER]
        ),
        head=logo if logo_url else name,
        body=body,
        foot=FOOT.format(escape(brand.mail_text)) if brand.mail_text else "",
    )
