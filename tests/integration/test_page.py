"""The page without a browser: who is let in, what it may change, what comes with each answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gatewayd.domain.reach import Reach
from gatewayd.web.followers import Followers
from gatewayd.web.guard import HEADERS
from gatewayd.web.page import PAGES, Terms, served
from gatewayd.web.parts import Parts
from simulators.broker import free_port
from tests import house
from tests.house import HUB, NOON, House, reservation, site

TOKEN = "a token of some length"
PATHS = ("/", "/locks/front", "/why?q=R1", "/why/front%2Fres:R1", "/page.js", "/page.css")


@dataclass
class Page:
    """A hub's page, and a client that is no browser."""

    house: House
    url: str
    http: aiohttp.ClientSession

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Status and text, without going where one is sent."""
        about = {"headers": headers, "allow_redirects": False}
        async with self.http.get(f"{self.url}{path}", **about) as response:  # type: ignore[arg-type]  # as any keyword
            for name in HEADERS:
                assert name in response.headers
            return response.status, await response.text()

    async def say(self, type_: str, data: object, **headers: str) -> tuple[int, str]:
        """A command, from the page itself if nothing else is said."""
        said = json.dumps({"type": type_, "data": data})
        about = {"Origin": self.url} | headers
        async with self.http.post(f"{self.url}/v1/commands", data=said, headers=about) as response:
            return response.status, await response.text()

    async def log_in(self, token: str) -> tuple[int, str]:
        """Status, and where one is sent."""
        async with self.http.post(
            f"{self.url}/login",
            data={"token": token},
            headers={"Origin": self.url},
            allow_redirects=False,
        ) as response:
            return response.status, response.headers.get("Location", "")


type Opened = Callable[..., AbstractAsyncContextManager[Page]]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    @asynccontextmanager
    async def open_(**terms: Any) -> AsyncIterator[Page]:
        port = free_port()
        jar = aiohttp.CookieJar(unsafe=True)  # it takes cookies of an address, too
        async with (
            house.opened(tmp_path) as there,
            served(Terms(port, **terms), parts(there)),
            aiohttp.ClientSession(cookie_jar=jar) as http,
        ):
            await there.send("site.put", site())
            await there.send("reservation.put", reservation())
            yield Page(there, f"http://127.0.0.1:{port}", http)

    return open_


async def test_the_page_is_there_with_what_guards_it(opened: Opened) -> None:
    async with opened() as page:
        for path in PATHS:
            status, _ = await page.get(path)
            assert status == 200, path
        _, told = await page.get("/v1/locks")
        assert json.loads(told)["locks"][0]["lock_id"] == "flat-1-door"
        assert (await page.get("/nothing"))[0] == 404
        _, text = await page.get("/")
        assert "script-src 'self'" in HEADERS["Content-Security-Policy"]
        assert "<script>" not in text
        assert "style=" not in text


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:8080", 200),
        ("[::1]:8470", 200),
        ("hub.example", 200),
        ("HUB.example:80", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("127.0.0.1@evil.example", 403),
        ("[", 403),
    ],
)
async def test_only_the_hubs_own_names_are_answered(opened: Opened, host: str, status: int) -> None:
    async with opened(hosts=("hub.example",)) as page:
        for path in ("/", "/v1/status"):
            assert (await page.get(path, Host=host))[0] == status


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://[", "//127.0.0.1"])
async def test_another_page_changes_nothing(opened: Opened, origin: str) -> None:
    async with opened(changes=True) as page:
        assert (await page.say("health.run", {}, Origin=origin))[0] == 403
        assert (await page.say("health.run", {}))[0] == 202
        assert await page.house.rows("SELECT count(*) FROM commands WHERE type = 'health.run'") == [
            (1,)
        ]


async def test_the_page_changes_nothing_unless_it_may(opened: Opened) -> None:
    async with opened() as page:
        assert 'data-changes="no"' in (await page.get("/"))[1]
        assert await page.say("health.run", {}) == (
            403,
            "the page changes nothing; see page.changes",
        )


async def test_the_page_changes_only_what_does_no_harm(opened: Opened) -> None:
    async with opened(changes=True) as page:
        assert 'data-changes="yes"' in (await page.get("/"))[1]
        assert (await page.say("lock.sync_now", {"lock_id": "front"}))[0] == 202
        assert (await page.say("lock.sync_now", {"lock_id": "attic"}))[0] == 422
        assert (await page.say("brake.confirm", {"brake_id": "none"}))[0] == 422
        operated = {"lock_id": "front", "action": "unlock"}
        for type_, data in (("lock.operate", operated), ("key.revoke", {"id": "res:R1"})):
            assert (await page.say(type_, data))[0] == 403
        async with page.http.post(
            f"{page.url}/v1/codes/reveal", data="{}", headers={"Origin": page.url}
        ) as revealed:
            assert revealed.status == 404


async def test_with_a_token_nothing_is_told_before_it_is_given(opened: Opened) -> None:
    async with opened(token=TOKEN, wrong_each=0.0) as page:
        for path in (*PAGES, "/page.js", "/nothing"):
            if "{" not in path:
                assert (await page.get(path))[0] == 303
        assert (await page.get("/v1/status"))[0] == 401
        assert (await page.get("/v1/status", Cookie="gatewayd=wrong"))[0] == 401
        assert (await page.get("/login"))[0] == 200
        assert await page.log_in("another") == (303, "/login#wrong")
        assert (await page.get("/v1/status"))[0] == 401
        assert await page.log_in(TOKEN) == (303, "/")
        assert (await page.get("/v1/status"))[0] == 200
        (cookie,) = page.http.cookie_jar
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")
        assert TOKEN not in cookie.value


async def test_wrong_tokens_take_their_time_one_after_the_other(
    opened: Opened, capsys: pytest.CaptureFixture[str]
) -> None:
    each = 0.2
    async with opened(token=TOKEN, wrong_each=each) as page:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        ends = await asyncio.gather(*(page.log_in(f"wrong {n}") for n in range(12)))
        assert loop.time() - begun >= 8 * each
        assert [status for status, _ in ends].count(429) == 4
    said = "".join(capsys.readouterr())
    assert "wrong 3" not in said
    assert TOKEN not in said


async def test_a_port_that_is_taken_costs_the_page_and_not_the_hub(
    opened: Opened, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened() as page:
        port = int(page.url.rpartition(":")[2])
        async with served(Terms(port), parts(page.house)):
            said = "".join(capsys.readouterr())
        assert "page.not_served" in said
        assert str(port) in said
        assert (await page.get("/v1/status"))[0] == 200


def parts(there: House) -> Parts:
    """Without radios."""
    told = (lambda: Reach(up=True, since=NOON)), dict, Followers()
    return Parts(HUB, "1.2.3", NOON, there.database, there.outbox, there.intake, there.clock, *told)
