"""Reasons are put into order by dragging them, with mouse and finger."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.product.installation import DEMO_PASSWORD, Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
STEPS = 10
# SortableJS keeps itself on its list under a name of this beginning.
CAN_BE_DRAGGED = """() => {
  const lists = [...document.querySelectorAll(".u-reason-level")];
  return lists.length > 0 && lists.every((list) => Object.keys(list).some((key) => key.startsWith("Sortable")));
}"""


def drag_with_mouse(page: Page, x: float, from_y: float, to_y: float) -> None:
    page.mouse.move(x, from_y)
    page.mouse.down()
    for step in range(1, STEPS + 1):
        page.mouse.move(x, from_y + (to_y - from_y) * step / STEPS)
        page.wait_for_timeout(20)
    page.mouse.up()


def drag_with_finger(page: Page, x: float, from_y: float, to_y: float) -> None:
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, *points: dict[str, float]) -> None:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    touch("touchStart", {"x": x, "y": from_y})
    page.wait_for_timeout(500)  # a finger that only scrolls does not rest first
    for step in range(1, STEPS + 1):
        touch("touchMove", {"x": x, "y": from_y + (to_y - from_y) * step / STEPS})
        page.wait_for_timeout(30)
    touch("touchEnd")


class TestReasonOrder:
    @pytest.mark.parametrize("drag", [drag_with_mouse, drag_with_finger])
    def test_is_changed_by_dragging_and_kept(
        self, browser: Browser, product: Installation, drag: Callable[[Page, float, float, float], None]
    ) -> None:
        context = browser.new_context(base_url=product.base_url, has_touch=drag is drag_with_finger)
        form: dict[str, str | float | bool] = {
            "email": "admin@demo.example", "password": DEMO_PASSWORD, "next": "/healthz",
        }  # fmt: skip
        context.request.post("/sign-in", form=form, headers={"Origin": product.base_url})
        page = context.new_page()
        page.goto("/admin/reasons")
        scrap = page.locator(".u-reasons").nth(1)
        labels = scrap.locator(".u-reason__label")
        expect(labels).to_have_count(4)
        page.wait_for_function(CAN_BE_DRAGGED)
        before = [text.split("\n")[0] for text in labels.all_inner_texts()]
        handles = scrap.locator(".u-reason__handle")
        first, last = handles.first.bounding_box(), handles.last.bounding_box()
        assert first is not None
        assert last is not None

        drag(page, first["x"] + 20, first["y"] + 20, last["y"] + 30)

        wanted = [*before[1:], before[0]]
        for number, label in enumerate(wanted):
            expect(labels.nth(number)).to_contain_text(label)
        page.reload()
        for number, label in enumerate(wanted):
            expect(labels.nth(number)).to_contain_text(label)
        context.close()
