"""The page in a real browser, at a hub with real locks."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Request, expect

from simulators.broker import free_port
from simulators.browser import chromium, drawn
from tests.e2e.conftest import V1, V2, House

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKEN = "a token of some length"
PAGES = ("/", f"/locks/l{V1}", f"/why/l{V1}%2Fres:r3")
WITHIN_MS = 20_000
PHONE, DESK = (320, 640), (1280, 800)
SERIOUS = {"serious", "critical"}
LINKS = "all => all.filter((a) => a.checkVisibility()).map((a) => a.href)"
LOOKED_AT = """(hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
FOCUSED = """() => {
    const { href, id, nodeName } = document.activeElement;
    return [href ?? (id || nodeName), getComputedStyle(document.activeElement).outlineStyle];
}"""


@asynccontextmanager
async def opened(browser: Browser, hub: str) -> AsyncIterator[Page]:
    """A page from which nothing is asked elsewhere, and in which nothing fails."""
    failed: list[str] = []
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    async with await browser.new_page() as page:
        page.set_default_timeout(WITHIN_MS)
        page.on("request", note)
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.on("console", lambda said: failed.append(said.text) if said.type == "error" else None)
        yield page
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(hub).netloc}
    assert not failed


async def test_a_person_reads_the_page(house: House) -> None:
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed")
    expect.set_options(timeout=WITHIN_MS)
    house.hub.page = free_port()
    await house.hub.reload(house.hub.config())
    await house.site(V1, V2)
    await house.cloud.done(await house.book())
    async with chromium() as browser:
        async with opened(browser, house.hub.url) as page:
            await what_happens_appears(house, page)
            for path in PAGES:
                await drawn(page, house.hub.url + path)
                await everybody_can_read_it(page)
                await nothing_private_is_in_it(house, page)
        await a_hub_that_was_away_is_there_again(house, browser)
        await whoever_has_the_token_is_let_in(house, browser)


async def what_happens_appears(house: House, page: Page) -> None:
    """In words, and without a reload; for whoever only listens, too."""
    await drawn(page, house.hub.url)
    await expect(page.locator("main")).to_contain_text("Nothing needs a person.")
    lock = page.get_by_role("row", name="Door 2")
    await expect(lock).to_contain_text("online")
    assert (await house.zwave.keypad(V1, code=await house.code()))["opened"]
    await expect(lock.get_by_role("cell").last).to_contain_text("res:r1")
    await page.get_by_role("link", name=f"Door {V2}").first.focus()
    await house.zwave.battery(V1, 14)
    await expect(lock).to_contain_text("14\u00a0% low")
    await house.zwave.faults(V1, dead=True)
    today = date.today()  # noqa: DTZ011  # any zone's will do
    before, after = (str(today + timedelta(days)) for days in (-1, 1))
    await house.book("r3", arrival=before, departure=after)
    await expect(page.locator("#needed + ul")).to_contain_text(f"l{V1} does not answer")
    await expect(page.get_by_role("status")).to_contain_text(f"new: l{V1} does not answer")
    await expect(lock).to_contain_text("offline")
    await expect(page.get_by_role("link", name=f"Door {V2}").first).to_be_focused()
    happened = page.locator("section", has_text="What happened last").get_by_role("listitem")
    await expect(happened.filter(has_text=f"Door {V1}: it fell silent")).to_have_count(1)
    await page.get_by_label("Reservation, key or lock").fill("r3")
    await page.keyboard.press("Enter")
    await expect(page.locator(".summary")).to_contain_text("the lock has not answered since")
    await page.goto(f"{house.hub.url}/why?q=door+{V1}")
    await page.wait_for_url(f"**/locks/l{V1}")
    await expect(page.get_by_role("img", name="Three days before now")).to_be_visible()
    for kind in ("stay", "there", "failed", "used", "fault"):
        await expect(page.locator(f"figure > svg > .{kind}").first).to_be_attached()
    await page.get_by_text("The same in words").click()
    for words in ("may come", "the code is there", "the code is not on it", "used", "no answer"):
        await expect(page.locator("details table")).to_contain_text(words)


async def everybody_can_read_it(page: Page) -> None:
    """In the light and in the dark, on a phone, with a keyboard alone, with a screen reader."""
    await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    widths = "() => [document.documentElement.scrollWidth, innerWidth]"
    wide, there = await page.evaluate(widths)
    assert wide <= there
    await page.emulate_media(color_scheme="dark")
    await nobody_is_shut_out(page, {"runOnly": ["color-contrast"]})
    await page.emulate_media(color_scheme="light")
    await nobody_is_shut_out(page)
    await page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    links = set(await page.eval_on_selector_all("a[href]", LINKS))
    reached = []
    await page.evaluate("() => document.activeElement.blur()")
    for _ in range(len(links) * 3 + 10):
        await page.keyboard.press("Tab")
        where, outline = await page.evaluate(FOCUSED)
        if where == "BODY":
            break
        assert outline != "none", where
        reached.append(where)
    assert reached[0].endswith("#main")
    assert links <= set(reached)


async def nobody_is_shut_out(page: Page, options: dict[str, list[str]] | None = None) -> None:
    """As far as axe can tell."""
    found = (await Axe().run(page, options=options)).response["violations"]
    assert [(x["id"], x["nodes"][0]["html"]) for x in found if x["impact"] in SERIOUS] == []


async def nothing_private_is_in_it(house: House, page: Page) -> None:
    """Neither a code nor a guest's name, in what is shown and in what lies behind it."""
    codes = {await house.code("r1"), await house.code("r3"), *await house.codes(V2)}
    whole = await page.content()
    for secret in (*codes, "Quentin", "Zyxwvut"):
        assert secret not in whole


async def a_hub_that_was_away_is_there_again(house: House, browser: Browser) -> None:
    """Until then the page says that what it shows is old."""
    async with await browser.new_page() as page:
        await drawn(page, house.hub.url)
        said = page.get_by_role("status")
        await page.route("**/v1/status", lambda route: route.abort())
        await house.hub.reload(house.hub.config())
        await expect(said).to_have_text("The hub does not answer: what you see is old.")
        await page.unroute("**/v1/status")
        await house.zwave.battery(V1, 80)
        await expect(said).to_have_text("The hub answers again.")
        async with page.expect_event("requestfailed", follows):
            await page.evaluate(LOOKED_AT, True)
        async with page.expect_request(follows):
            await page.evaluate(LOOKED_AT, False)
        await page.goto(f"{house.hub.url}/why?q=r33")
        no = "no reservation, key or lock has that id; like it are"
        await expect(page.locator("main")).to_contain_text(no)


def follows(request: Request) -> bool:
    """Whether it asks for what happens; a tab that nobody looks at does not."""
    return request.url.endswith("/v1/events")


async def whoever_has_the_token_is_let_in(house: House, browser: Browser) -> None:
    """With the token wanted at loopback, too."""
    file = house.hub.folder / "token"
    file.write_text(f"{TOKEN}\n")
    config = house.hub.config()
    port = f"port = {house.hub.page}\n"
    asked = f"{port}changes = true\ntoken_file = {json.dumps(str(file))}\n"
    await house.hub.reload(config.replace(port, asked))
    async with opened(browser, house.hub.url) as page:
        await page.goto(house.hub.url)
        assert page.url.endswith("/login")
        await nobody_is_shut_out(page)
        for token in (f"{TOKEN} or another", TOKEN):
            await page.get_by_label("Token of this hub").fill(token)
            await page.get_by_role("button", name="Log in").click()
            if token != TOKEN:
                await expect(page.get_by_role("alert")).to_have_text("This is not the token.")
        await expect(page.locator("main")).to_contain_text(f"l{V1} does not answer")
        await house.zwave.faults(V1)
        await page.goto(f"{house.hub.url}/locks/l{V1}")
        await page.get_by_role("button", name="Try at once").click()
        await expect(page.get_by_role("status")).to_contain_text("the hub took it")
        await expect(page.locator("dl")).to_contain_text("online")
