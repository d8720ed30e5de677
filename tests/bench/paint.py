"""How long a page takes in a real browser until what it is for is on the screen."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median

from playwright.async_api import BrowserContext, async_playwright

from tests.bench.installation import Server
from tests.factories import PASSWORD

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
VISITS = 7
# Milliseconds from the start of the navigation until a matching element was painted. The browser tells itself when it
# painted something first; where that frame came before the element, the frame after the one in which it stood counts.
WATCH = """
selector => {
  window.painted = null;
  let stood = null, later = null;
  const decide = () => {
    const first = performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
    if (first === undefined || stood === null) return;
    if (first >= stood) window.painted = first;
    else if (later !== null) window.painted = later;
  };
  new PerformanceObserver(decide).observe({ type: "paint", buffered: true });
  const look = () => {
    if (stood !== null || !document.querySelector(selector)) return;
    stood = performance.now();
    requestAnimationFrame(() => requestAnimationFrame(() => { later = performance.now(); decide(); }));
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true });
}
"""


@asynccontextmanager
async def browsing(server: Server, email: str) -> AsyncIterator[BrowserContext]:
    """Run Chromium, signed in, for the time of the block."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGS)
        context = await browser.new_context(base_url=server.base_url, viewport={"width": 1920, "height": 1080})
        page = await context.new_page()
        await page.goto("/sign-in")
        await page.fill("input[name=email]", email)
        await page.fill("input[name=password]", PASSWORD)
        await page.press("input[name=password]", "Enter")
        await page.wait_for_url(lambda url: "/sign-in" not in url)
        await page.close()
        yield context
        await browser.close()


async def first_paint_ms(context: BrowserContext, path: str, selector: str) -> float:
    """Return the median of `paint_times_ms`."""
    return median(await paint_times_ms(context, path, selector))


async def paint_times_ms(context: BrowserContext, path: str, selector: str) -> list[float]:
    """Return the times of several visits after a first one that fills the browser's cache."""
    times: list[float] = []
    for visit in range(VISITS + 1):
        page = await context.new_page()
        await page.add_init_script(f"({WATCH})({selector!r})")
        await page.goto(path, wait_until="commit")
        await page.wait_for_function("window.painted > 0", timeout=30_000)
        if visit:
            times.append(float(await page.evaluate("window.painted")))
        await page.close()
    return times
