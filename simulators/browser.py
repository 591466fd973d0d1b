"""Debian's Chromium, driven by Playwright; it reaches this machine and nothing else.

async with chromium() as browser:
    page = await browser.new_page()
    await drawn(page, hub.page_url)
"""

import contextlib
import shutil
from collections.abc import AsyncIterator

from playwright.async_api import Browser, Page, async_playwright

from simulators.child import SimulatorError

ARGS = (
    "--no-sandbox",  # it refuses to start as root with it
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """One browser for as long as the block lasts.

    Raises:
        SimulatorError: there is none.
    """
    found = shutil.which("chromium")
    if found is None:
        raise SimulatorError("there is no chromium; by hand: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=[*ARGS])
        try:
            yield browser
        finally:
            await browser.close()


async def drawn(page: Page, url: str) -> None:
    """Open a page of the hub's and wait until it shows what the hub answered."""
    await page.goto(url)
    await page.wait_for_selector("body[data-drawn]")
