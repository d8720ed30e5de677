"""What stands on the screen before any script has come."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.product.installation import DEMO_PASSWORD, Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
SCRIPTS = "**/nicegui.js"


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
