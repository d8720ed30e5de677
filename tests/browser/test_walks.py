"""What people see: a supervisor before the wall, an operator at the machine, a network and a server that fail."""

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from services.demo import KOMAX_MACHINE
from tests.product.installation import DEMO_PASSWORD, Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
SOON_MS = 1_000
"""The longest that a wall may take to show what was saved."""
LOST_MS = 3_000
DRIVER_MS = 500
"""How much later than a person Playwright may notice something that it did not cause."""
BACK_MS = 30_000
Visit = Callable[[str, str], AbstractContextManager[Page]]
"""Signs somebody in and opens a page, each in a browser of their own."""


@pytest.fixture
def visit(browser: Browser, product: Installation) -> Visit:
    """Open pages as the people of the demo."""

    @contextmanager
    def visiting(role: str, path: str) -> Iterator[Page]:
        context = browser.new_context(base_url=product.base_url, locale="en-US")
        form: dict[str, str | float | bool] = {
            "email": f"{role}@demo.example",
            "password": DEMO_PASSWORD,
            "next": "/healthz",
        }
        context.request.post("/sign-in", form=form, headers={"Origin": product.base_url})
        page = context.new_page()
        page.goto(path)
        yield page
        context.close()

    return visiting


@pytest.fixture
def wall(visit: Visit) -> Iterator[Page]:
    """The supervisor's wall of the lane whose machine nobody simulates."""
    with visit("supervisor", "/wall/andon/CUT") as page:
        page.locator('.u-age[data-connection="live"]').wait_for()
        yield page


@pytest.fixture
def terminal(visit: Visit) -> Iterator[Page]:
    """The operator's terminal at that machine."""
    with visit("operator", f"/terminal/{KOMAX_MACHINE}") as page:
        page.get_by_role("button", name="Book").wait_for()
        page.locator('.u-connection[data-connection="live"]').wait_for()
        yield page


def tile(wall: Page) -> Locator:
    return wall.locator(".u-tile").filter(has_text=KOMAX_MACHINE)


def press(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_role("button", name=name, exact=True).click()


def first_number(place: Locator) -> int:
    """Return the number that stands at a place; nothing at all stands for zero."""
    words = place.inner_text() if place.count() else ""
    found = re.search(r"[0-9]+", words)
    return int(found.group()) if found else 0


def connection(page: Page, state: str) -> Locator:
    return page.locator(f'.u-age[data-connection="{state}"]')


class TestWall:
    def test_shows_what_the_operator_does_at_once(self, wall: Page, terminal: Page) -> None:
        wall.evaluate("window.unloaded = false")
        good, scrap = (first_number(tile(wall).locator(f".u-tile__{kind}")) for kind in ("today", "scrap"))

        press(terminal, "8")
        terminal.get_by_role("button", name="Scrap 0").click()
        press(terminal, "2", "Burr")
        terminal.get_by_role("button", name="Book").click()
        expect(tile(wall).locator(".u-tile__today")).to_contain_text(str(good + 8), timeout=SOON_MS)
        expect(tile(wall).locator(".u-tile__scrap")).to_contain_text(str(scrap + 2), timeout=SOON_MS)

        terminal.get_by_role("button", name="Stopped").click()
        press(terminal, "Jam")
        expect(tile(wall)).to_have_attribute("data-state", "unplanned_stop", timeout=SOON_MS)
        expect(tile(wall).locator(".u-tile__headline")).to_have_text("Jam", timeout=SOON_MS)

        terminal.get_by_role("button", name="Call for help").click()
        terminal.get_by_role("dialog").get_by_role("button", name="Material").click()
        expect(tile(wall).locator(".u-tile__call")).to_be_visible(timeout=SOON_MS)
        assert wall.evaluate("window.unloaded") is False

    def test_says_that_the_network_is_gone_and_comes_back(self, wall: Page) -> None:
        wall.context.set_offline(True)
        connection(wall, "lost").wait_for(timeout=LOST_MS)
        expect(wall.locator(".u-banner")).to_contain_text("Connection lost")

        wall.context.set_offline(False)
        expect(connection(wall, "live")).to_be_visible(timeout=BACK_MS)
        expect(wall.locator(".u-banner")).to_have_count(0)

    def test_says_that_the_server_is_silent_and_comes_back(self, wall: Page, product: Installation) -> None:
        assert product.process is not None
        product.process.send_signal(signal.SIGSTOP)
        try:
            connection(wall, "lost").wait_for(timeout=LOST_MS + DRIVER_MS)
        finally:
            product.process.send_signal(signal.SIGCONT)

        expect(connection(wall, "live")).to_be_visible(timeout=BACK_MS)

    def test_comes_back_by_itself_after_a_restart_of_the_server(self, wall: Page, product: Installation) -> None:
        wall.evaluate("window.unloaded = false")
        product.stop()
        connection(wall, "lost").wait_for(timeout=LOST_MS)

        product.start()

        wall.wait_for_function("window.unloaded === undefined", timeout=BACK_MS)
        expect(connection(wall, "live")).to_be_visible(timeout=BACK_MS)
        expect(tile(wall)).to_be_visible()


class TestSignIn:
    def test_by_the_form_leads_to_where_one_wanted_to_go(self, browser: Browser, product: Installation) -> None:
        context = browser.new_context(base_url=product.base_url, locale="en-US")
        page = context.new_page()
        page.goto("/wall/andon/CUT")
        page.get_by_label("E-mail address").fill("viewer@demo.example")
        page.get_by_label("Password").fill(DEMO_PASSWORD)

        press(page, "Sign in")

        tile(page).wait_for()
        assert page.url == f"{product.base_url}/wall/andon/CUT"
        context.close()


class TestForm:
    def test_is_opened_and_given_up_by_keyboard(self, visit: Visit) -> None:
        with visit("supervisor", "/orders") as page:
            button = page.get_by_role("button", name="New order")
            button.wait_for()
            connection(page, "live").wait_for()
            page.keyboard.press("Tab")
            button.focus()
            assert button.evaluate("element => getComputedStyle(element).boxShadow") != "none"
            page.keyboard.press("Enter")
            page.get_by_role("dialog").wait_for()

            page.keyboard.press("Escape")

            page.get_by_role("dialog").wait_for(state="detached")


class TestSignOut:
    def test_in_another_window_leads_every_page_to_the_sign_in(self, wall: Page) -> None:
        other = wall.context.new_page()
        other.goto("/wall")

        other.get_by_role("button", name="Sign out").click()

        wall.wait_for_url("**/sign-in*", timeout=2_000)
