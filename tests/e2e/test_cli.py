"""The command line, as a process, at a hub with real locks: what people ask, and what they say."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from gatewayd.web.routes import document
from simulators.hub import Hub
from tests.e2e.conftest import V1, V2, House
from tests.schemas import fits

pytestmark = pytest.mark.asyncio(loop_scope="session")

DOCUMENT = document("")


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    status: int
    out: str
    err: str


async def typed(hub: Hub, *words: str) -> Said:
    """A command, to its end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gatewayd", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "GATEWAYD_SOCKET": str(hub.socket), "COLUMNS": "80"},
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), err.decode())


async def read(hub: Hub, shape: str, *words: str) -> Any:
    """What a script reads, held against the schema of the answer."""
    said = await typed(hub, *words, "--json")
    answer = json.loads(said.out)
    fits(DOCUMENT, DOCUMENT["components"]["schemas"][shape], answer)
    return answer


async def test_a_person_asks_the_hub(house: House) -> None:
    await house.site(V1, V2)
    await house.cloud.done(await house.book())
    well = await typed(house.hub, "status")
    assert (well.status, well.err) == (0, "")
    assert "connected since" in well.out
    assert "nothing needs a person" in well.out
    locks = await read(house.hub, "Locks", "locks")
    assert {each["lock_id"] for each in locks["locks"]} == {f"l{V1}", f"l{V2}"}
    lock = await typed(house.hub, "lock", "door 5")
    assert "res:r1" in lock.out
    assert "proven" in lock.out
    key = await read(house.hub, "KeyInFull", "key", "r1")
    assert [door["state"] for door in key["doors"]] == ["proven", "proven"]
    for words in (["locks"], ["keys"], ["key", "r1"]):
        table = (await typed(house.hub, *words)).out
        assert table.strip()
        assert max(map(len, table.splitlines())) <= 80
    unclear = await typed(house.hub, "lock", "door")
    assert (unclear.status, "l2, l5" in unclear.err) == (1, True)
    unknown = await typed(house.hub, "lock", "dor 5")
    assert (unknown.status, "is it door 5?" in unknown.err) == (1, True)
