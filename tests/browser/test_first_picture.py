"""What stands on the screen before any script has come."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.product.installation import DEMO_PASSWORD, Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
SCRIPTS = "**/nicegui.js"
CARDS = """
root => [...document.querySelectorAll(root + " .u-orders__column")].flatMap((column) => [
  column.querySelector("header").innerText,
  ...[...column.querySelectorAll(".u-order")].map((card) => {
    const { x, y, width, height } = card.getBoundingClientRect();
    return [card.innerText.replace(/\\s+/g, " "), x, y, width, height].join(" | ");
  }),
])
"""
"""What stands in the columns of the order board, and where."""


@pytest.fixture
def supervisor(browser: Browser, product: Installation) -> Iterator[Page]:
    """A page of the demo's supervisor."""
    context = browser.new_context(base_url=product.base_url, locale="en-US")
    form: dict[str, str | float | bool] = {
        "email": "supervisor@demo.example", "password": DEMO_PASSWORD, "next": "/healthz",
    }  # fmt: skip
    context.request.post("/sign-in", form=form, headers={"Origin": product.base_url})
    yield context.new_page()
    context.close()


class TestFirstPictureOfAShift:
    def test_stands_where_the_page_itself_stands_then(self, supervisor: Page) -> None:
        supervisor.route(SCRIPTS, lambda route: route.abort())
        supervisor.goto("/shift/MILL")
        picture = supervisor.locator(".u-first .u-time__machine", has_text="M-02")
        pictured = picture.bounding_box()
        supervisor.unroute(SCRIPTS)

        supervisor.goto("/shift/MILL")

        expect(supervisor.locator(".u-first")).to_have_count(0)
        machine = supervisor.locator(".u-time__machine", has_text="M-02")
        expect(machine).to_be_visible()
        assert pictured is not None
        assert machine.bounding_box() == pictured

    def test_lets_nobody_touch_it(self, supervisor: Page) -> None:
        supervisor.route(SCRIPTS, lambda route: route.abort())

        supervisor.goto("/shift/MILL")

        expect(supervisor.locator(".u-first .u-kpi").first).to_be_visible()
        assert supervisor.get_by_role("button").count() == 0
        assert supervisor.evaluate("document.querySelector('.u-first').inert") is True


class TestFirstPictureOfTheOrderBoard:
    def test_says_and_stands_as_the_board_does_then(self, supervisor: Page) -> None:
        supervisor.route(SCRIPTS, lambda route: route.abort())
        supervisor.goto("/orders")
        pictured = supervisor.evaluate(CARDS, ".u-first")
        tools = supervisor.locator(".u-first .u-orders__tools").bounding_box()
        supervisor.unroute(SCRIPTS)

        supervisor.goto("/orders")

        expect(supervisor.locator(".u-first")).to_have_count(0)
        expect(supervisor.locator(".u-order").first).to_be_visible()
        assert len(pictured) > 3
        assert supervisor.evaluate(CARDS, "#app") == pictured
        assert supervisor.locator(".u-orders__tools").bounding_box() == tools

    def test_is_of_the_board_by_state_only(self, supervisor: Page) -> None:
        supervisor.route(SCRIPTS, lambda route: route.abort())

        for address in ("/orders?view=centres", "/orders?q=x", "/orders?view=table"):
            supervisor.goto(address)
            assert supervisor.locator(".u-first").count() == 0
