"""What an admin's desk is made of: browsers of their own for everybody who sits at one, and their gestures."""

import io
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.a_day import PATIENCE_MS, Dialog, choose, fill, press
from tests.product.installation import Installation

PASSWORD = "at the desk of an admin"


@dataclass
class Desk:
    """A running product, and everybody who sits before it, each with a browser of their own."""

    browser: Browser
    product: Installation
    slug: str = field(default_factory=lambda: f"valves-{uuid4().hex[:8]}")
    _closing: ExitStack = field(default_factory=ExitStack)

    def sit_down(self, *, locale: str = "en-US") -> Page:
        """Open a browser of its own, in which nobody is signed in."""
        context = self._context(locale=locale)
        return context.new_page()

    def program(self, key: str) -> Any:
        """Return what a program with an API key asks with."""
        return self._context(extra_http_headers={"Authorization": f"Bearer {key}"}).request

    def close(self) -> None:
        """Close every browser."""
        self._closing.close()

    def _context(self, **settings: Any) -> BrowserContext:
        context = self.browser.new_context(base_url=self.product.base_url, **settings)
        context.set_default_timeout(PATIENCE_MS)
        context.set_default_navigation_timeout(PATIENCE_MS)
        self._closing.callback(context.close)
        return context


def sign_in(page: Page, path: str, email: str, password: str) -> None:
    """Sign in by the form, in an English browser."""
    page.goto(path)
    fill(page.locator(".u-gate__card"), **{"E-mail address": email, "Password": password})
    press(page, "Sign in")


def accept_invitation(page: Page, link: str, greeting: str, password: str, repeated: str, button: str) -> None:
    """Choose a password on the page of an invitation, in the words of the reader's language."""
    page.goto(link)
    expect(page.get_by_text(greeting)).to_be_visible()
    fill(page.locator(".u-gate__card"), **{password: PASSWORD, repeated: PASSWORD})
    press(page, button)
    live(page)


def open_page(page: Page, path: str) -> None:
    """Open a page, and wait until it hears the server."""
    page.goto(path)
    live(page)


def live(page: Page) -> None:
    page.locator('.u-connection[data-connection="live"]').wait_for()


def open_wall(page: Page, path: str) -> None:
    page.goto(path)
    page.locator('.u-age[data-connection="live"]').wait_for()


def set_up(page: Page, name: str) -> None:
    """Go to a page of the set-up by its links."""
    links = page.get_by_role("navigation", name="Set-up")
    if not links.is_visible():
        page.get_by_role("navigation", name="Areas").get_by_role("link", name="Set-up").click()
    links.get_by_role("link", name=name, exact=True).click()
    expect(links.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")
    live(page)


def shown_once(page: Page, title: str, label: str) -> str:
    """Return what a dialog shows this once, and close it."""
    dialog = page.get_by_role("dialog").filter(has=page.get_by_role("heading", name=title, exact=True))
    value = dialog.get_by_label(label, exact=True).input_value()
    press(dialog, "I have kept it")
    dialog.wait_for(state="detached")
    return value


def choose_several(form: Locator, label: str, *options: str) -> None:
    """Choose options, or give chosen ones up, from a list that stays open until somebody goes on."""
    choose(form, label, *options)
    form.page.keyboard.press("Tab")


def new_field(page: Page, kind: str, english: str, german: str) -> Dialog:
    """Begin a field; its key follows from its English name."""
    press(page, "Add a field")
    dialog = Dialog(page, "New field")
    choose(dialog.form, "What it holds", kind)
    fill(dialog.form, Name_in_English=english, Name_in_German=german)
    return dialog


def material_rows(page: Page) -> Locator:
    return page.locator(".u-materials tbody").get_by_role("row")


def choose_header(page: Page, color: str) -> None:
    """Choose the ground of the header and white words on it, in both modes."""
    for mode in page.locator(".u-colors__mode").all():
        fill(mode, **{"Header: rail and bar above walls": color, "Words on the header": "#ffffff"})


def look_of(wall: Page) -> Any:
    """Return what a wall wears: its words and the tokens that are its organization's own."""
    return wall.evaluate(
        "[document.getElementById('u-brand').textContent, document.querySelector('.u-brand-bar')?.innerText]"
    )


def rgb(color: str) -> str:
    """Write a colour as browsers do."""
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"


def picture() -> bytes:
    """Return a logo."""
    file = io.BytesIO()
    Image.new("RGB", (240, 80), "#ffffff").save(file, "PNG")
    return file.getvalue()
