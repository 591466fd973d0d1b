"""python -m simulators.screenshots [FOLDER]: the pictures of the page in docs/, taken at the demo.

The demo's site on its first minute: a lock is dead, one wants a battery, guests have come.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, expect

from simulators.browser import chromium, drawn
from simulators.demo import scenes
from simulators.demo.site import HOMES, NODES
from simulators.demo.stage import Stage

DOCS = Path(__file__).parents[1] / "docs"
DESK, PHONE = (960, 860), (360, 640)
WITHIN_MS = 60_000.0
"""For the hub to have noticed all that is to be seen."""


async def main(docs: Path) -> None:
    """Play, wait, and take them."""
    with tempfile.TemporaryDirectory(prefix="gatewayd-screenshots-") as folder:
        async with Stage(Path(folder), print) as stage, chromium() as browser:
            await scenes.opening(stage)
            command = asyncio.create_task(stage.bookings.follow())
            await scenes.arrivals(stage)
            guest = scenes.current(next(iter(HOMES)))
            await stage.locks.keypad(NODES["gate"], code=await stage.code(guest))
            await stage.locks.battery(NODES[scenes.WORN], 14)
            await take(browser, stage.hub.url, docs)
            command.cancel()


async def take(browser: Browser, hub: str, docs: Path) -> None:
    """The overview at a desk, the days of a lock, and a phone in the dark."""
    desk = await browser.new_page(viewport={"width": DESK[0], "height": DESK[1]})
    await drawn(desk, hub)
    for text in ("does not answer", "the battery of"):
        await expect(desk.locator("#needed + ul")).to_contain_text(text, timeout=WITHIN_MS)
    await desk.screenshot(path=docs / "page.png")
    await drawn(desk, f"{hub}/locks/gate")
    await desk.locator("section", has_text="Its days").screenshot(path=docs / "page-lock.png")
    phone = await browser.new_page(
        viewport={"width": PHONE[0], "height": PHONE[1]}, color_scheme="dark"
    )
    await drawn(phone, f"{hub}/locks/{scenes.DEAD}")
    await phone.screenshot(path=docs / "page-phone.png")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if sys.argv[1:] else DOCS))
