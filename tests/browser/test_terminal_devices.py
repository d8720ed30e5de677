"""What a tablet does when the database is away, when its clock is wrong, when nobody touches it, and with a scanner."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import APIRequestContext, Browser, Locator, Page, Route, expect

from domain.identity.roles import Role
from services.demo import BADGES, PINS
from tests.browser.test_terminal_walks import API, BACK_MS, NAME, at, press, report, scan, signed_in, waiting
from tests.product.installation import Installation
from tests.product.test_faults import postmaster, start_postgres

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
LOGS = "**/api/v1/production-logs/"
ASKED = "Scan your badge or enter your PIN"
SUPERVISOR = "Sam Supervisor"


@dataclass
class Bench:
    """A machine of its own that nobody else works at, as the admin sees it through the API."""

    http: APIRequestContext
    origin: str
    id: str
    code: str
    lane_id: str
    plant_id: str

    def counts_by(self, source: str) -> None:
        """Let its pieces be counted by operator, counter or machine."""
        (version,) = [one["version"] for one in self.items("/machines/?limit=500") if one["id"] == self.id]
        self.patched(f"/machines/{self.id}", version=version, counting_source=source)

    def log(self) -> list[dict[str, Any]]:
        """Return what was booked, oldest first."""
        return list(reversed(self.items(f"/production-logs/?limit=200&machine_id={self.id}")))

    def quantities(self) -> list[float]:
        return [entry["quantity"] for entry in self.log()]

    def items(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.http.get(f"{API}{path}").json()["items"]
        return found

    def posted(self, path: str, **body: object) -> dict[str, Any]:
        return self._done(self.http.post(f"{API}{path}", data=body, headers={"Origin": self.origin}))

    def patched(self, path: str, **body: object) -> dict[str, Any]:
        return self._done(self.http.patch(f"{API}{path}", data=body, headers={"Origin": self.origin}))

    def _done(self, answer: Any) -> dict[str, Any]:
        assert answer.ok, answer.text()
        content: dict[str, Any] = answer.json()
        return content


@pytest.fixture
def bench(browser: Browser, product: Installation) -> Iterator[Bench]:
    """A new machine in the lane of the demo's benches."""
    context = signed_in(browser, product, "admin")
    lanes = context.request.get(f"{API}/lanes/?limit=100").json()["items"]
    lane = next(lane for lane in lanes if lane["code"] == "BENCH")
    code = f"B-{uuid4().hex[:8]}"
    body = {"lane_id": lane["id"], "code": code, "name": "Bench of its own", "position": 9}
    bench = Bench(context.request, product.base_url, "", code, lane["id"], lane["plant_id"])
    bench.id = bench.posted("/machines/", **body)["id"]
    yield bench
    context.close()


Tablets = Callable[..., Page]


@pytest.fixture
def tablets(browser: Browser, product: Installation, bench: Bench) -> Iterator[Tablets]:
    """Puts tablets before the bench, each signed in as a device; `clock_at` sets the tablet's own clock."""
    contexts = []

    def put(*, clock_at: datetime | None = None) -> Page:
        context = signed_in(browser, product, "terminal")
        contexts.append(context)
        page = context.new_page()
        if clock_at is not None:
            page.clock.install(time=clock_at)
        page.goto(f"/terminal/{bench.code}")
        page.locator('.u-connection[data-connection="live"]').wait_for()
        page.get_by_text(ASKED).wait_for()
        return page

    yield put
    for context in contexts:
        context.close()


def identify(page: Page, role: Role = Role.OPERATOR) -> Page:
    """Type somebody's PIN and wait for their terminal."""
    press(page, *PINS[role], "Go on")
    page.locator(".u-report__book").wait_for()
    return page


def field(page: Page, label: str, value: str) -> Locator:
    return page.get_by_role("button", name=f"{label} {value}", exact=True)


class TestDatabaseAway:
    def test_keeps_the_report_pending_and_books_it_once_with_its_time(
        self, product: Installation, bench: Bench, tablets: Tablets
    ) -> None:
        tablet = identify(tablets())
        os.kill(postmaster(product), signal.SIGQUIT)
        try:
            with tablet.expect_response(LOGS) as refused:
                report(tablet, "6")
            made_at = datetime.now(UTC)
            expect(waiting(tablet, "pending")).to_contain_text(NAME)
        finally:
            with ThreadPoolExecutor(1) as beside_playwright:
                beside_playwright.submit(start_postgres, product).result()

        expect(waiting(tablet, "pending")).to_have_count(0, timeout=BACK_MS)
        assert refused.value.status == 503
        (entry,) = bench.log()
        assert entry["quantity"] == 6
        assert abs(at(entry) - made_at) < timedelta(seconds=2)

    def test_books_once_when_a_proxy_answered_for_a_server_that_had_booked(
        self, bench: Bench, tablets: Tablets
    ) -> None:
        tablet = identify(tablets())
        answers: list[int] = []

        def answer_for_it(route: Route) -> None:
            answers.append(route.fetch().status)
            route.fulfill(status=502, body="<html>Bad gateway</html>", content_type="text/html")

        tablet.route(LOGS, answer_for_it, times=2)
        report(tablet, "5")

        expect(waiting(tablet, "saved")).to_be_visible(timeout=BACK_MS)
        assert answers == [201, 200]
        assert bench.quantities() == [5]


class TestWhoseName:
    def test_is_on_the_next_entry_stays_in_view(self, tablets: Tablets) -> None:
        tablet = tablets()
        tablet.set_viewport_size({"width": 1024, "height": 768})
        identify(tablet)

        tablet.mouse.wheel(0, 10_000)

        expect(tablet.locator(".u-person__name")).to_have_text(f"{NAME} reports")
        expect(tablet.locator(".u-person__name")).to_be_in_viewport()
        expect(tablet.get_by_role("button", name="Call for help")).to_be_in_viewport()

    def test_stays_with_an_entry_that_waits_while_somebody_else_comes(self, bench: Bench, tablets: Tablets) -> None:
        tablet = identify(tablets())
        tablet.route(LOGS, lambda route: route.abort())
        report(tablet, "3")
        expect(waiting(tablet, "pending")).to_contain_text(NAME)

        scan(tablet, BADGES[Role.SUPERVISOR])
        expect(tablet.locator(".u-person__name")).to_have_text(f"{SUPERVISOR} reports")
        report(tablet, "4")
        expect(waiting(tablet, "pending")).to_have_count(2)
        tablet.unroute(LOGS)

        expect(waiting(tablet, "pending")).to_have_count(0, timeout=BACK_MS)
        people = {one["user_id"]: one["name"] for one in bench.items("/badges/")}
        assert [(entry["quantity"], people[entry["user_id"]]) for entry in bench.log()] == [(3, NAME), (4, SUPERVISOR)]


class TestIdleSignOut:
    def test_counts_down_and_leaves_when_nobody_touches_the_screen(self, bench: Bench, tablets: Tablets) -> None:
        idle_s = next(one["idle_sign_out_s"] for one in bench.items("/plants/") if one["id"] == bench.plant_id)
        tablet = identify(tablets(clock_at=datetime.now(UTC)))
        countdown = tablet.get_by_role("timer")
        expect(countdown).to_have_count(0)

        tablet.clock.run_for((idle_s - 10) * 1000)
        expect(countdown).to_contain_text("Leaving in")
        tablet.locator(".u-person__name").click()
        expect(countdown).to_have_count(0)
        tablet.clock.run_for((idle_s + 1) * 1000)

        tablet.get_by_text(ASKED).wait_for()
        expect(tablet.locator(".u-report__book")).to_have_count(0)


class TestClock:
    @pytest.mark.parametrize("wrong_by", [timedelta(days=-400), timedelta(days=3)])
    def test_of_the_server_rules_and_that_of_the_tablet_is_kept(
        self, bench: Bench, tablets: Tablets, wrong_by: timedelta
    ) -> None:
        tablet = identify(tablets(clock_at=datetime.now(UTC) + wrong_by))

        report(tablet, "2")
        made_at = datetime.now(UTC)

        expect(waiting(tablet, "saved")).to_be_visible(timeout=BACK_MS)
        (entry,) = bench.log()
        assert abs(at(entry) - made_at) < timedelta(seconds=2)
        said_at = datetime.fromisoformat(entry["device_at"])
        assert abs(said_at - (made_at + wrong_by)) < timedelta(seconds=30)


class TestCounter:
    def test_goes_on_on_another_tablet_where_the_last_report_ended(self, bench: Bench, tablets: Tablets) -> None:
        bench.counts_by("counter")
        first, second = identify(tablets()), identify(tablets())
        press(first, *"1210")
        field(first, "Counter before", "0").click()
        press(first, *"1200")
        expect(first.locator(".u-report__difference")).to_contain_text("10")
        first.locator(".u-report__book").click()

        for tablet in (first, second):
            expect(field(tablet, "Counter before", "1,210")).to_be_visible()
        press(second, *"1250")
        second.locator(".u-report__book").click()

        expect(field(first, "Counter before", "1,250")).to_be_visible()
        assert bench.quantities() == [10, 40]

    def test_goes_on_while_nothing_answers_and_back_with_an_undo(self, bench: Bench, tablets: Tablets) -> None:
        bench.counts_by("counter")
        bench.posted("/production-logs/", machine_id=bench.id, start_reading=0, end_reading=100)
        tablet = identify(tablets())
        expect(field(tablet, "Counter before", "100")).to_be_visible()
        tablet.context.set_offline(True)
        for reading in ("130", "180"):
            press(tablet, *reading)
            tablet.locator(".u-report__book").click()
            expect(field(tablet, "Counter before", reading)).to_be_visible()
        tablet.context.set_offline(False)
        expect(waiting(tablet, "pending")).to_have_count(0, timeout=BACK_MS)
        assert bench.quantities() == [100, 30, 50]

        tablet.locator(".u-entry").first.get_by_role("button", name="Undo").click(timeout=BACK_MS)
        press(tablet, "Take it back")

        expect(field(tablet, "Counter before", "130")).to_be_visible(timeout=BACK_MS)

    def test_that_went_back_is_asked_about_before_anything_is_sent(self, bench: Bench, tablets: Tablets) -> None:
        bench.counts_by("counter")
        bench.posted("/production-logs/", machine_id=bench.id, start_reading=0, end_reading=100)
        tablet = identify(tablets())
        expect(field(tablet, "Counter before", "100")).to_be_visible()

        press(tablet, "7")
        tablet.locator(".u-report__book").click()
        expect(tablet.get_by_role("alert")).to_contain_text("The counter now is less than before.")
        press(tablet, "The counter was set to zero in between")
        tablet.locator(".u-report__book").click()

        expect(waiting(tablet, "saved")).to_be_visible(timeout=BACK_MS)
        assert bench.quantities() == [100, 7]


class TestMachineCounts:
    def test_people_report_the_scrap_only(self, bench: Bench, tablets: Tablets) -> None:
        bench.counts_by("machine")
        tablet = identify(tablets())

        expect(tablet.locator(".u-keypad__field")).to_have_count(1)
        press(tablet, "2", "Burr", "Book")

        expect(waiting(tablet, "saved")).to_be_visible(timeout=BACK_MS)
        assert [(entry["kind"], entry["quantity"]) for entry in bench.log()] == [("scrap", 2)]


class TestScanner:
    def test_starts_the_order_whose_number_it_reads(self, bench: Bench, tablets: Tablets) -> None:
        number = released_order(bench)
        tablet = identify(tablets())
        operation = tablet.locator(".u-operation", has_text=number)
        operation.wait_for()

        scan(tablet, number)

        expect(operation).to_have_attribute("data-state", "running")
        expect(tablet.locator(".u-person__name")).to_have_text(f"{NAME} reports")
        expect(field(tablet, "Good", "0")).to_be_visible()

    def test_of_an_unknown_code_changes_nothing(self, tablets: Tablets) -> None:
        tablet = identify(tablets())

        scan(tablet, "4006381333931")

        expect(tablet.get_by_text("This badge or PIN is not known here.")).to_be_visible()
        expect(tablet.locator(".u-person__name")).to_have_text(f"{NAME} reports")


def released_order(bench: Bench) -> str:
    """Release an order of one operation at the bench, and return its number."""
    material = bench.posted("/materials/", number=f"M-{bench.code}", unit="pcs")
    routing = bench.posted(
        "/routings/", plant_id=bench.plant_id, material_id=material["id"],
        operations=[{"sequence": 10, "name": "Assemble", "machine_id": bench.id}],
    )  # fmt: skip
    bench.posted(f"/routings/{routing['id']}/activate")
    order = bench.posted("/work-orders/", plant_id=bench.plant_id, material_id=material["id"], quantity=20)
    bench.posted(f"/work-orders/{order['id']}/release")
    return str(order["number"])
