"""The boards in a real browser, with a server made of paper: a fake socket says what the room would say."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import nicegui
import pytest
from playwright.sync_api import Browser, Page, Route

from ui.components import andon_wall
from ui.theme.tokens import BOARD_ICONS, stylesheet

ROOT = Path(__file__).parents[2]
COMPONENTS = ROOT / "ui" / "components"
FILES = {
    "/vue.js": Path(nicegui.__file__).parent / "static" / "vue.esm-browser.prod.js",
    "/brand.js": COMPONENTS / "brand.js",
    "/live_board.js": COMPONENTS / "live_board.js",
    "/andon_wall.js": COMPONENTS / "andon_wall.js",
}

PAGE = """<!doctype html><html><head><style>%(style)s</style>
<script type="importmap">
{"imports": {"vue": "/vue.js", "brand": "/brand.js", "live_board": "/live_board.js"}}
</script></head>
<body><div id="app"></div><script type="module">
import { createApp, h } from "vue";
import AndonWall from "/andon_wall.js";
const heard = {};
window.pleas = 0;
window.socket = {
  connected: true,
  io: { opts: {}, engine: { close() {} } },
  on: (name, handler) => (heard[name] ??= new Set()).add(handler),
  once: (name, handler) => (heard[name] ??= new Set()).add(handler),
  off: (name, handler) => (handler ? heard[name]?.delete(handler) : delete heard[name]),
};
window.say = (name, message) => [...(heard[name] ?? [])].forEach((handler) => handler(message));
window.listening = () => Object.values(heard).reduce((sum, handlers) => sum + handlers.size, 0);
const props = { ...%(props)s, onResync: () => (window.pleas += 1) };
window.app = createApp({ render: () => h(AndonWall, props) });
window.app.mount("#app");
</script></body></html>"""


def snapshot(good: str = "12") -> andon_wall.AndonWallSnapshot:
    since = now() - 65_000
    run = andon_wall.MachineRun(order="WO-1", part="P-1", good=good, scrap="0", target="50")
    return {
        "lane": {"name": "Crimping", "code": "crimp", "plant": "Nuremberg"},
        "machines": {
            "a": andon_wall.WallMachine(
                order=1,
                code="CR-1",
                name="Press",
                state="running",
                since=since,
                run=run,
                good_today="9",
                scrap_today="0",
            ),
            "b": andon_wall.WallMachine(
                order=2,
                code="CR-2",
                name="Press",
                state="unplanned_stop",
                since=since,
                asks_at=since + 60_000,
                good_today="9",
                scrap_today="0",
            ),
        },
        "calls": {},
        "hours": {},
        "targets": {},
        "shift": {
            "name": "Early",
            "starts": since,
            "ends": since + 8 * 3_600_000,
            "good": "70",
            "target": "100",
            "pace": "-30",
            "oee": "0.74",
        },
        "figures": {"a": {"oee": "0.74", "target": "60", "pace": "-2"}},
    }


def now() -> int:
    return int(time.time() * 1000)


@pytest.fixture
def wall(browser: Browser) -> Iterator[Page]:
    props = {
        "room": "r",
        "seq": 7,
        "at": now(),
        "snapshot": snapshot(),
        "labels": andon_wall.labels(str),
        "lang": "en",
        "zone": "UTC",
        "icons": BOARD_ICONS,
    }
    page = browser.new_page()

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix("http://wall.test")
        if path in FILES:
            route.fulfill(body=FILES[path].read_text(), content_type="text/javascript")
        else:
            route.fulfill(body=PAGE % {"style": stylesheet(), "props": json.dumps(props)}, content_type="text/html")

    page.route("**/*", serve)
    page.goto("http://wall.test/")
    page.wait_for_selector(".u-tile")
    yield page
    page.close()


def say(page: Page, name: str, **message: object) -> None:
    page.evaluate("([name, message]) => window.say(name, message)", [name, {"room": "r", "at": now(), **message}])


def pleas(page: Page) -> int:
    return int(page.evaluate("window.pleas"))


def good(page: Page) -> str:
    return page.inner_text(".u-tile__headline >> nth=0")


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
class TestLiveBoard:
    def test_applies_the_next_patch(self, wall: Page) -> None:
        say(wall, "unison:patch", seq=8, patch={"machines": {"a": {"run": {"good": "13"}}}})

        assert good(wall) == "13 / 50"

    def test_forgets_what_a_patch_sets_to_null(self, wall: Page) -> None:
        say(wall, "unison:patch", seq=8, patch={"machines": {"b": None}})

        assert wall.locator(".u-tile").count() == 1

    def test_ignores_old_patches_and_other_rooms(self, wall: Page) -> None:
        say(wall, "unison:patch", seq=7, patch={"machines": {"a": {"run": {"good": "1"}}}})
        say(wall, "unison:patch", room="other", seq=8, patch={"machines": {"a": {"run": {"good": "2"}}}})

        assert good(wall) == "12 / 50"

    def test_asks_once_for_a_snapshot_after_a_gap(self, wall: Page) -> None:
        say(wall, "unison:patch", seq=9, patch={"machines": {"a": {"run": {"good": "14"}}}})
        say(wall, "unison:patch", seq=10, patch={"machines": {"a": {"run": {"good": "15"}}}})
        wall.wait_for_timeout(300)

        assert pleas(wall) == 1
        assert good(wall) == "12 / 50"

    def test_a_snapshot_replaces_everything_and_ends_the_plea(self, wall: Page) -> None:
        say(wall, "unison:beat", seq=9, source="live")
        wall.wait_for_timeout(100)
        say(wall, "unison:snapshot", seq=3, snapshot=snapshot("40"))
        for _ in range(5):
            wall.wait_for_timeout(500)
            say(wall, "unison:beat", seq=3, source="live")

        assert good(wall) == "40 / 50"
        assert pleas(wall) == 1

    def test_asks_when_the_server_counts_anew(self, wall: Page) -> None:
        for seq in (1, 2, 3):
            say(wall, "unison:patch", seq=seq, patch={})
        wall.wait_for_timeout(100)

        assert pleas(wall) == 1

    def test_silence_turns_it_stale_within_three_seconds_and_a_beat_revives_it(self, wall: Page) -> None:
        wall.wait_for_selector(".u-board--stale", timeout=3000)
        sentence = wall.inner_text(".u-banner span")
        say(wall, "unison:beat", seq=7, source="live")
        wall.wait_for_timeout(50)

        assert sentence.startswith("Connection lost. Data of ")
        assert wall.locator(".u-board--stale").count() == 0

    def test_a_lost_socket_turns_it_stale_at_once(self, wall: Page) -> None:
        say(wall, "disconnect")

        assert wall.locator(".u-board--stale").count() == 1

    def test_says_when_the_database_cannot_be_reached(self, wall: Page) -> None:
        say(wall, "unison:beat", seq=7, source="database_down")

        assert "the database cannot be reached" in wall.inner_text(".u-banner span")

    def test_keeps_every_machine_in_its_place(self, wall: Page) -> None:
        say(
            wall,
            "unison:patch",
            seq=8,
            patch={"machines": {"a": {"state": "unplanned_stop", "asks_at": 0, "run": None}}},
        )

        assert wall.locator(".u-tile__code").all_inner_texts() == ["CR-1", "CR-2"]
        assert wall.locator(".u-tile--attention").count() == 2

    def test_clocks_follow_the_server_and_not_the_screen(self, wall: Page) -> None:
        say(wall, "unison:beat", seq=7, source="live", at=now() + 3_600_000)
        wall.wait_for_timeout(50)

        assert wall.inner_text(".u-tile__elapsed >> nth=0").startswith("1:01:")

    def test_says_the_year_of_what_is_not_of_this_year(self, wall: Page) -> None:
        say(wall, "unison:patch", seq=8, patch={"machines": {"a": {"as_of": 1_333_152_000_000}}})

        wall.get_by_text("2012").wait_for()

    @pytest.mark.parametrize(
        ("lang", "written"),
        [
            ("de", ["03:05", "03:05:00", "1. Jan. 1970, 03:05"]),
            ("en", ["3:05 AM", "3:05:00 AM", "Jan 1, 1970, 3:05 AM"]),
        ],
    )
    def test_writes_times_as_the_language_does(self, wall: Page, lang: str, written: list[str]) -> None:
        script = """async (lang) => {
          const write = (await import("live_board")).writer(lang, "UTC");
          return [write.minutes, write.seconds, write.dayAndMinutes].map((as) => as(11_100_000));
        }"""

        assert [words.replace("\u202f", " ") for words in wall.evaluate(script, lang)] == written

    def test_leaves_no_listener_behind(self, wall: Page) -> None:
        before = int(wall.evaluate("window.listening()"))
        wall.evaluate("window.app.unmount()")

        # Only the reload guard stays, which belongs to the page.
        assert before > 1
        assert int(wall.evaluate("window.listening()")) == 1


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
class TestFiguresOfTheShift:
    def test_say_how_far_behind_or_ahead_it_is(self, wall: Page) -> None:
        shown = wall.locator(".u-wall-figures")
        assert [shown.get_by_text(words).count() for words in ("74%", "70 / 100", "-30", "behind target")] == [1] * 4
        assert wall.locator(".u-wall-figures .u-pace--late").count() == 1

        say(wall, "unison:patch", seq=8, patch={"shift": {"good": "104", "pace": "4"}})

        wall.wait_for_selector(".u-wall-figures [data-pace=ahead]")
        assert shown.get_by_text("+4").count() == 1

    def test_stay_grey_on_a_tile_that_is_hardly_behind(self, wall: Page) -> None:
        pace = wall.locator(".u-tile").first.locator(".u-pace")

        assert (pace.get_attribute("data-pace"), "late" in (pace.get_attribute("class") or "")) == ("behind", False)

    def test_are_not_shown_between_shifts(self, wall: Page) -> None:
        say(wall, "unison:patch", seq=8, patch={"shift": None, "figures": None})

        wall.wait_for_selector(".u-wall-figures", state="detached")
        assert wall.locator(".u-tile").first.get_by_text("Today").count() == 1


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
class TestUnexplainedStop:
    def test_asks_for_attention_once_it_is_no_micro_stop_any_more(self, wall: Page) -> None:
        attention = wall.locator(".u-tile--attention")
        assert attention.get_by_text("No reason given").count() == 1

        say(wall, "unison:patch", seq=8, patch={"machines": {"b": {"asks_at": now() + 1500}}})

        attention.wait_for(state="detached")
        assert wall.locator(".u-tile").nth(1).get_by_text("Stopped").count() > 0
        attention.wait_for()

    def test_is_calm_when_somebody_has_given_its_reason(self, wall: Page) -> None:
        say(wall, "unison:patch", seq=8, patch={"machines": {"b": {"asks_at": None, "reason": "Jam"}}})

        wall.locator(".u-tile--attention").wait_for(state="detached")
        assert wall.get_by_text("Jam").count() == 1
