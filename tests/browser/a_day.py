"""What a day in the life is made of: people at screens of their own, their gestures, and the log to check against."""

import asyncio
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import asyncpg
from playwright.sync_api import Browser, BrowserContext, Locator, Page

from tests.browser.people import PASSWORD, Person
from tests.product.installation import Installation

PATIENCE_MS = 30_000
"""How long a busy computer may take for anything; nothing here is about speed."""
NOON = 12
FARTHEST_ZONE = 12


@dataclass
class Day:
    """A running product, and everybody of one organization who has opened a screen of it."""

    browser: Browser
    product: Installation
    slug: str
    screens: dict[Person, Page] = field(default_factory=dict)
    _closing: ExitStack = field(default_factory=ExitStack)

    def screen_of(self, person: Person, path: str) -> Page:
        """Open a page in the browser that is the person's own, signed in when it opens first."""
        if person not in self.screens:
            context = self._signed_in(person)
            context.set_default_timeout(PATIENCE_MS)
            context.set_default_navigation_timeout(PATIENCE_MS)
            self._closing.callback(context.close)
            self.screens[person] = context.new_page()
        page = self.screens[person]
        page.goto(path)
        page.locator('.u-connection[data-connection="live"]').wait_for()
        return page

    def close(self) -> None:
        """Close every browser."""
        self._closing.close()

    def read(self, person: Person, path: str) -> Any:
        """Return what the API answers somebody who has a screen."""
        answer = self.screens[person].context.request.get(f"/api/v1{path}")
        assert answer.ok, answer.text()
        return answer.json()

    def _signed_in(self, person: Person) -> BrowserContext:
        context = self.browser.new_context(base_url=self.product.base_url, locale="en-US")
        form: dict[str, str | float | bool] = {
            "email": f"{person.key}@{self.slug}.example",
            "password": PASSWORD,
            "next": "/healthz",
        }
        answer = context.request.post("/sign-in", form=form, headers={"Origin": self.product.base_url})
        assert answer.ok, answer.text()
        return context


def seconds_by_state(day: Day, reader: Person, machine_ids: list[str]) -> dict[str, Decimal]:
    """Add up from the log how long machines stayed in each state; the stays that go on are left out."""
    spent: defaultdict[str, Decimal] = defaultdict(Decimal)
    for machine_id in machine_ids:
        for stay in day.read(reader, f"/machines/{machine_id}/states?limit=200")["items"]:
            if stay["ended_at"] is not None:
                lasted = datetime.fromisoformat(stay["ended_at"]) - datetime.fromisoformat(stay["started_at"])
                spent[stay["state"]] += Decimal(lasted // timedelta(microseconds=1)) / 1_000_000
    return spent


def zone_at_noon() -> str:
    """Return a time zone in which it is about noon, so that no day shift ends or begins under the test."""
    ahead = NOON - datetime.now(UTC).hour
    ahead = max(-FARTHEST_ZONE, min(FARTHEST_ZONE, ahead))
    return "Etc/GMT" if ahead == 0 else f"Etc/GMT{-ahead:+d}"  # in these names the signs are the other way round


def in_a_week() -> str:
    """Return the day in a week as a browser's calendar writes it."""
    return (datetime.now(UTC) + timedelta(days=7)).date().isoformat()


def percent(ratio: Decimal) -> str:
    """Write a ratio as the screens do."""
    return f"{(100 * ratio).quantize(Decimal('0.1'), ROUND_HALF_EVEN)} %"


def minutes(seconds: Decimal) -> str:
    """Write a time below an hour as the screens do."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02} min"


def press(place: Page | Locator, *names: str) -> None:
    """Press buttons, one after the other."""
    for name in names:
        place.get_by_role("button", name=name, exact=True).click()


def choose(form: Locator, label: str, *options: str) -> None:
    """Choose options from a list that drops down."""
    field_of = form.get_by_label(label, exact=True)
    field_of.click()
    for option in options:
        form.page.get_by_role("option", name=option, exact=True).click()


def search(form: Locator, label: str, option: str) -> None:
    """Choose an option of a long list by typing it."""
    form.get_by_label(label, exact=True).fill(option)
    form.page.get_by_role("option", name=option, exact=True).click()


class Dialog:
    """A form in a dialog: filled in inside the block, saved at its end by the button `action`, gone afterwards."""

    def __init__(self, page: Page, title: str, *, action: str = "Save") -> None:
        self._page, self._action = page, action
        self.form = page.get_by_role("dialog").filter(has=page.get_by_role("heading", name=title, exact=True))

    def __enter__(self) -> Locator:
        self.form.wait_for(timeout=PATIENCE_MS)
        return self.form

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            press(self.form, self._action)
            self.form.wait_for(state="detached", timeout=PATIENCE_MS)


def fill(form: Locator, **fields: str) -> None:
    """Fill in fields by their labels; `_` stands for a blank."""
    for label, value in fields.items():
        form.get_by_label(label.replace("_", " "), exact=True).fill(value)


def wait_until_kept(tablet: Page, count: int) -> None:
    """Wait until so many reports lie in the tablet's own database."""
    tablet.wait_for_function(
        """(wanted) => new Promise((resolve, reject) => {
          const open = indexedDB.open("unison-reports");
          open.onerror = () => reject(open.error);
          open.onsuccess = () => {
            const count = open.result.transaction("reports").objectStore("reports").count();
            count.onsuccess = () => { open.result.close(); resolve(count.result === wanted); };
          };
        })""",
        arg=count,
        timeout=PATIENCE_MS,
    )


def wait_until_added_up(day: Day, page: Page, wanted: Locator) -> None:
    """Open a page about hourly facts again and again, until it shows something.

    The job that adds up hours leaves the present one alone until it has been dirty for a while: here it does not wait.
    """
    give_up_at = time.monotonic() + PATIENCE_MS / 1000
    with ThreadPoolExecutor(1) as beside_playwright:
        while not wanted.count():
            assert time.monotonic() < give_up_at, page.locator("main").inner_text()
            beside_playwright.submit(asyncio.run, _make_dirty_hours_due(day.product)).result()
            page.reload()
            page.locator('.u-connection[data-connection="live"]').wait_for()


async def _make_dirty_hours_due(product: Installation) -> None:
    superuser = await asyncpg.connect(product.running_postgres().url("postgres"))
    await superuser.execute("UPDATE dirty_hours SET marked_at = marked_at - interval '1 minute'")
    await superuser.close()
