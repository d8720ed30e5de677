"""What people do at a tablet with a network that comes and goes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from domain.identity.roles import Role
from services.demo import BADGES, KOMAX_MACHINE, PINS
from tests.product.installation import DEMO_PASSWORD, Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
BACK_MS = 30_000
OUTAGE_MS = 3_000
API = "/api/v1"
NAME = "Olga Operator"


@pytest.fixture
def tablet(browser: Browser, product: Installation) -> Iterator[Page]:
    """A tablet that is signed in as a device, at the machine that nobody simulates."""
    context = signed_in(browser, product, "terminal")
    page = context.new_page()
    page.goto(f"/terminal/{KOMAX_MACHINE}")
    page.locator('.u-connection[data-connection="live"]').wait_for()
    page.get_by_text("Scan your badge or enter your PIN").wait_for()
    yield page
    context.close()


@pytest.fixture
def operator(tablet: Page) -> Page:
    """The operator, who has typed her PIN."""
    for digit in PINS[Role.OPERATOR]:
        press(tablet, digit)
    press(tablet, "Go on")
    expect(tablet.locator(".u-person__name")).to_have_text(f"{NAME} reports")
    tablet.locator(".u-report__book").wait_for()
    return tablet


@pytest.fixture
def log(browser: Browser, product: Installation) -> Iterator["Log"]:
    """The production log, as the admin sees it through the API."""
    context = signed_in(browser, product, "admin")
    yield Log(context)
    context.close()


class Log:
    """What was booked at the machine since the test began."""

    def __init__(self, context: BrowserContext) -> None:
        self._http = context.request
        self._machine_id = next(
            machine["id"] for machine in self._items("/machines/?limit=100") if machine["code"] == KOMAX_MACHINE
        )
        self._before = {entry["id"] for entry in self.all()}

    def all(self) -> list[dict[str, Any]]:
        return self._items(f"/production-logs/?limit=200&machine_id={self._machine_id}")

    def fresh(self) -> list[dict[str, Any]]:
        """Return what is new, oldest first."""
        return [entry for entry in reversed(self.all()) if entry["id"] not in self._before]

    def _items(self, path: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._http.get(f"{API}{path}").json()["items"]
        return items


def signed_in(browser: Browser, product: Installation, role: str) -> BrowserContext:
    context = browser.new_context(base_url=product.base_url, locale="en-US")
    form: dict[str, str | float | bool] = {
        "email": f"{role}@demo.example",
        "password": DEMO_PASSWORD,
        "next": "/healthz",
    }
    context.request.post("/sign-in", form=form, headers={"Origin": product.base_url})
    return context


def press(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_role("button", name=name, exact=True).click()


def report(page: Page, good: str) -> None:
    """Type good pieces and book them."""
    press(page, *good)
    page.locator(".u-report__book").click()


def waiting(page: Page, state: str) -> Locator:
    return page.locator(f'.u-outbox__entry[data-state="{state}"]')


def scan(page: Page, value: str) -> None:
    """Let a scanner type a code, wherever on the page."""
    page.keyboard.type(value)
    page.keyboard.press("Enter")


def at(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["at"])


class TestReport:
    def test_is_booked_in_the_name_of_who_typed_the_pin_and_taken_back(self, operator: Page, log: Log) -> None:
        report(operator, "7")

        expect(waiting(operator, "saved")).to_be_visible()
        entry = operator.locator(".u-entry").first
        expect(entry).to_contain_text("7 good")
        expect(entry).to_contain_text(NAME)

        entry.get_by_role("button", name="Undo").click()
        press(operator, "Take it back")

        expect(entry).to_contain_text(f"Undone by {NAME}")
        assert [booked["quantity"] for booked in log.fresh()] == [7, -7]

    def test_asks_for_a_reason_without_asking_the_server(self, operator: Page, log: Log) -> None:
        operator.context.set_offline(True)
        operator.get_by_role("button", name="Scrap 0").click()
        press(operator, "2")
        operator.locator(".u-report__book").click()

        expect(operator.get_by_role("alert")).to_contain_text("Choose a reason for the pieces that are not good.")
        assert log.fresh() == []

    def test_is_booked_once_by_a_double_tap_and_again_when_more_was_typed(self, operator: Page, log: Log) -> None:
        press(operator, "3")
        operator.locator(".u-report__book").dblclick()
        report(operator, "4")

        expect(waiting(operator, "saved")).to_have_count(2)
        expect(operator.get_by_role("alert")).to_have_count(0)
        assert [booked["quantity"] for booked in log.fresh()] == [3, 4]

    def test_that_is_refused_stays_until_somebody_decides(self, operator: Page, log: Log) -> None:
        operator.route("**/api/v1/production-logs/", lambda route: with_unknown_operation(route))
        report(operator, "6")

        refused = waiting(operator, "refused")
        expect(refused).to_contain_text("There is no operation with this id.")
        operator.unroute("**/api/v1/production-logs/")
        press(operator, "Correct it")
        expect(waiting(operator, "refused")).to_have_count(0)
        expect(operator.get_by_role("button", name="Good 6")).to_be_visible()
        operator.locator(".u-report__book").click()

        expect(waiting(operator, "saved")).to_be_visible()
        assert [booked["quantity"] for booked in log.fresh()] == [6]


class TestOutage:
    def test_keeps_what_was_reported_and_books_it_once_with_its_time(self, operator: Page, log: Log) -> None:
        operator.context.set_offline(True)
        report(operator, "3")
        first_at = datetime.now(UTC)
        operator.wait_for_timeout(OUTAGE_MS)
        report(operator, "4")
        second_at = datetime.now(UTC)

        expect(waiting(operator, "pending")).to_have_count(2)
        operator.wait_for_timeout(OUTAGE_MS)
        operator.context.set_offline(False)

        expect(waiting(operator, "pending")).to_have_count(0, timeout=BACK_MS)
        booked = log.fresh()
        assert [entry["quantity"] for entry in booked] == [3, 4]
        for entry, made_at in zip(booked, (first_at, second_at), strict=True):
            assert abs(at(entry) - made_at) < timedelta(seconds=1.5)
            assert entry["device"] == "Tablet 1"
            assert abs(datetime.fromisoformat(entry["device_at"]) - made_at) < timedelta(seconds=1.5)

    def test_answers_a_tap_at_once(self, operator: Page) -> None:
        operator.context.set_offline(True)
        press(operator, "5")
        took_ms = operator.evaluate(
            """async () => {
              const begun = performance.now();
              document.querySelector(".u-report__book").click();
              while (!document.querySelector('.u-outbox__entry[data-state="pending"]')) {
                await new Promise((resolve) => requestAnimationFrame(resolve));
              }
              return performance.now() - begun;
            }"""
        )
        assert took_ms < 100
        operator.context.set_offline(False)
        expect(waiting(operator, "pending")).to_have_count(0, timeout=BACK_MS)

    def test_survives_a_reload_and_is_sent_while_nobody_stands_there(self, operator: Page, log: Log) -> None:
        operator.route("**/api/v1/production-logs/", lambda route: route.abort())
        report(operator, "9")
        expect(waiting(operator, "pending")).to_be_visible()
        operator.reload()
        operator.get_by_text("Scan your badge or enter your PIN").wait_for()

        operator.unroute("**/api/v1/production-logs/")

        with operator.expect_response("**/api/v1/production-logs/", timeout=BACK_MS) as answer:
            pass
        assert answer.value.status == 201
        assert [entry["quantity"] for entry in log.fresh()] == [9]

    def test_books_once_when_the_answer_was_lost(self, operator: Page, log: Log) -> None:
        lost: list[int] = []

        def lose_the_answer(route: Route) -> None:
            lost.append(route.fetch().status)
            route.abort()

        operator.route("**/api/v1/production-logs/", lose_the_answer, times=1)
        report(operator, "5")

        expect(waiting(operator, "saved")).to_be_visible(timeout=BACK_MS)
        assert lost == [201]
        assert [entry["quantity"] for entry in log.fresh()] == [5]


class TestBadge:
    def test_is_read_by_a_scanner_anywhere_on_the_page(self, tablet: Page) -> None:
        scan(tablet, BADGES[Role.OPERATOR])

        expect(tablet.locator(".u-person__name")).to_have_text(f"{NAME} reports")

    def test_of_somebody_else_changes_the_name_and_types_nothing(self, operator: Page) -> None:
        scan(operator, BADGES[Role.SUPERVISOR])

        expect(operator.locator(".u-person__name")).to_have_text("Sam Supervisor reports")
        expect(operator.get_by_role("button", name="Good 0")).to_be_visible()

    def test_lets_slow_keys_through_to_the_keypad(self, operator: Page) -> None:
        operator.locator(".u-keypad").focus()
        operator.keyboard.type("25", delay=200)

        expect(operator.get_by_role("button", name="Good 25")).to_be_visible()


class TestLeaving:
    def test_takes_one_tap_and_nobody_reports_in_that_name_any_more(self, operator: Page) -> None:
        operator.context.set_offline(True)

        press(operator, "Switch person")

        expect(operator.locator(".u-report__book")).to_be_disabled()
        operator.context.set_offline(False)
        operator.get_by_text("Scan your badge or enter your PIN").wait_for(timeout=BACK_MS)


def with_unknown_operation(route: Route) -> None:
    """Let a report name an operation that does not exist."""
    body = {**(route.request.post_data_json or {}), "operation_id": str(uuid4())}
    route.continue_(post_data=body)
