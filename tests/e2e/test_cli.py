"""The command line at a hub with real locks: what people ask, and what they say. It runs as a
process where it is interrupted or read from while it runs; to start one takes most of a second."""

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gatewayd.cli.main import main
from simulators.hub import Hub
from tests.e2e.conftest import V1, V2, House
from tests.schemas import fits

pytestmark = pytest.mark.asyncio(loop_scope="session")

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs/openapi.json").read_text())


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    status: int
    out: str
    err: str


async def started(hub: Hub, *words: str) -> asyncio.subprocess.Process:
    """A command that runs."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gatewayd", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "GATEWAYD_SOCKET": str(hub.socket), "COLUMNS": "80"},
    )


async def ended(hub: Hub, *words: str) -> Said:
    """A process, to its end."""
    process = await started(hub, *words)
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), err.decode())


async def typed(hub: Hub, *words: str) -> Said:
    """A command, to its end."""
    environment = {"GATEWAYD_SOCKET": str(hub.socket), "COLUMNS": "80"}
    async with asyncio.timeout(60):
        result = await asyncio.to_thread(CliRunner(env=environment).invoke, main, words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


async def read(hub: Hub, shape: str, *words: str) -> Any:
    """What a script reads, held against the schema of the answer."""
    said = await typed(hub, *words, "--json")
    answer = json.loads(said.out)
    fits(DOCUMENT, DOCUMENT["components"]["schemas"][shape], answer)
    return answer


async def test_a_person_asks_the_hub(house: House) -> None:
    await house.zwave.set_code(V1, 9, "246813")  # a person's, from before there was a hub
    await house.site(V1, V2)
    await house.cloud.done(await house.book())
    well = await ended(house.hub, "status")
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
    await stands_at_a_lock(house)
    await says_something(house)
    await looks_up_codes(house)
    await presses_tab(house)
    await meets_a_dead_lock(house)
    await commissions_doors(house)
    await looks_for_what_is_broken(house)


async def says_something(house: House) -> None:
    """What is said is done when it is proven at the locks."""
    before, after = (str(date.today() + timedelta(days)) for days in (-2, 2))  # noqa: DTZ011  # any zone's will do
    said = await typed(house.hub, "reserve", "r2", "p", before, after)
    assert (said.status, said.out) == (0, "done\n")
    again = await typed(house.hub, "reserve", "r2", "p", before, before)
    assert (again.status, "say --version 2" in again.err) == (1, True)
    first = await house.code("r2")
    assert first in await house.codes(V1)
    done = await read(house.hub, "Command", "revoke", "r2", "--door", f"l{V2}")
    assert done["state"] == "done"
    assert first not in await house.codes(V2)
    assert first in await house.codes(V1)
    assert (await typed(house.hub, "reinstate", "res:r2")).status == 0
    assert first in await house.codes(V2)
    assert (await typed(house.hub, "regenerate", "r2", "--reason", "seen")).status == 0
    assert first not in await house.codes(V1)
    for words in (["resync", f"l{V1}"], ["open", f"l{V1}"], ["health", "run"]):
        assert (await typed(house.hub, *words)).status == 0
    refused = await typed(house.hub, "reserve", "r4", "p", after, before)
    assert (refused.status, "dates_reversed" in refused.err) == (1, True)
    waits = await typed(house.hub, "reserve", "r5", "nowhere", before, after, "--wait", "1")
    assert (waits.status, "r5 names a property" in waits.out) == (4, True)
    other = await typed(house.hub, "reserve", "r5", "p", before, after)
    assert (other.status, "r5 is booked already" in other.err) == (1, True), "it has no key yet"
    await house.say("reservation.cancel", id="r2", version=2)
    back = await typed(house.hub, "reserve", "r2", "p", before, after, "--version", "3")
    assert (back.status, back.out, back.err) == (0, "done\n", "")
    shown = await typed(house.hub, "codes", "--reservation", "r2", "--reveal")
    assert any(code in shown.out for code in await house.codes(V1))
    meant = await typed(house.hub, "open", "l")
    assert (meant.status, f"is it l{V1}" in meant.err) == (1, True), "a door that was not named"


async def looks_up_codes(house: House) -> None:
    """S1-15"""
    there = await read(house.hub, "Keys", "codes", "--lock", "door 2")
    assert {key["key_id"] for key in there["keys"]} >= {"res:r1", "res:r2"}
    held = set(await house.codes(V1))
    shown = await typed(house.hub, "codes", "--reservation", "r1", "--reveal")
    assert sum(code in shown.out for code in held) == 1
    await house.told("codes.revealed", key_ids=["res:r1"])
    assert (await typed(house.hub, "codes")).status == 2
    used = await house.zwave.keypad(V1, code=await house.code())
    assert used["opened"]
    await house.told("lock.used", lock_id=f"l{V1}")
    events = await typed(house.hub, "events", "--type", "lock.used", "--lock", f"l{V1}")
    assert "res:r1" in events.out
    page = await read(house.hub, "Events", "events", "--limit", "500")
    assert not [code for code in held if code in json.dumps(page)]


async def stands_at_a_lock(house: House) -> None:
    """What a person next to a door needs."""
    assert (await typed(house.hub, "sync", "door 2")).out == "done\n"
    assert "codes of people in slots 9" in (await typed(house.hub, "lock", f"l{V1}")).out
    assert (await typed(house.hub, "adopt", f"l{V1}", "9")).status == 2
    taken = await typed(house.hub, "adopt", f"l{V1}", "9", "--name", "Cleaner")
    assert (taken.out, taken.err) == ("done\n", "")
    await house.told("lock.adopted", slot=9)
    assert "in slots" not in (await typed(house.hub, "lock", f"l{V1}")).out
    refused = await typed(house.hub, "replace", f"l{V1}", f"l{V1}")
    assert (refused.status, "no such other lock (old)" in refused.err) == (1, True)


async def commissions_doors(house: House) -> None:
    """Suffering 27: the code is typed at the right door, at another one, and at none."""
    asked, code = await commissioning(house, f"l{V1}")
    asked.send_signal(signal.SIGINT)
    _, said = await asked.communicate()
    assert (asked.returncode, b"it goes on in the hub" in said) == (4, True)
    again, same = await commissioning(house, "door 2")
    assert same == code
    assert code in await house.codes(V1)
    await house.told("codes.revealed", key_ids=[f"commission:l{V1}"])
    await house.zwave.keypad(V2, code=code)
    out, _ = await again.communicate()
    assert (again.returncode, f"typed at l{V2}" in out.decode()) == (5, True)
    walk, code = await commissioning(house, "--all")
    await house.zwave.keypad(V1, code=code)
    code = await shown(walk)
    assert (await typed(house.hub, "commission", f"l{V1}")).status == 1, "one after the other"
    await house.zwave.keypad(V2, code=code)
    out, _ = await walk.communicate()
    assert (walk.returncode, out.decode().count(" right ")) == (0, 2)
    assert "each lock was found right" in (await typed(house.hub, "commission", "--all")).out
    nobody, _ = await commissioning(house, f"l{V2}", "--json")
    assert (await typed(house.hub, "commission", f"l{V2}", "--stop")).status == 0
    out, _ = await nobody.communicate()
    event = json.loads(out.splitlines()[-1])
    fits(DOCUMENT, DOCUMENT["components"]["schemas"]["Event"], event)
    assert (nobody.returncode, event["data"]["result"]) == (6, "unused")


async def commissioning(house: House, *words: str) -> tuple[asyncio.subprocess.Process, str]:
    """One that has shown its code."""
    process = await started(house.hub, "commission", *words)
    return process, await shown(process)


async def shown(process: asyncio.subprocess.Process) -> str:
    """The code that a command shows next: the digits that stand alone."""
    assert process.stdout is not None
    async with asyncio.timeout(30):
        while line := (await process.stdout.readline()).decode():
            if line.startswith('{"codes"'):
                return str(json.loads(line)["codes"][0]["code"])
            if line.strip().isdecimal():
                return line.strip()
    raise AssertionError


async def meets_a_dead_lock(house: House) -> None:
    """What still waits is told, and why; who follows sees it come."""
    follower = await started(house.hub, "events", "--follow", "--json", "--type", "code.failed")
    await house.zwave.faults(V1, dead=True)
    days = [str(date.today() + timedelta(days)) for days in (-1, 1)]  # noqa: DTZ011  # any zone's will do
    waits = await typed(house.hub, "reserve", "r3", "p", *days, "--wait", "6")
    assert (waits.status, f"l{V1}" in waits.out) == (4, True)
    assert "failing (lock" in waits.out
    assert f"l{V2}" not in waits.out
    assert follower.stdout is not None
    async with asyncio.timeout(20):
        event = json.loads(await follower.stdout.readline())
    why = await typed(house.hub, "why", "r3")
    assert (why.status, "Door 2" in why.out) == (0, True)
    assert "the lock has not answered since" in why.out.splitlines()[0]
    assert (event["type"], event["lock_id"]) == ("code.failed", f"l{V1}")
    follower.send_signal(signal.SIGINT)
    assert await follower.wait() == 0
    await house.told("alert.raised", code="lock_offline")
    assert (await read(house.hub, "Why", "why", "Door 2"))["diagnosis"]["subject"] == f"l{V1}"
    needed = await typed(house.hub, "status")
    assert (needed.status, f"l{V1} does not answer" in needed.out) == (1, True)
    await house.zwave.faults(V1)


async def looks_for_what_is_broken(house: House) -> None:
    """All is well but what this machine has not, and the hub is not disturbed."""
    house.hub.folder.chmod(0o700)
    config, settings = house.hub.folder / "gatewayd.toml", house.hub.folder / "server.json"
    settings.write_text('{"interview": {"queryAllUserCodes": true}}')
    since = (await read(house.hub, "Hub", "status"))["cloud"]["since"]
    words = ["--config", str(config), "--zwave-config", str(settings), "--json"]
    said = await typed(house.hub, "doctor", *words)
    found = {each["about"]: each for each in json.loads(said.out)["findings"]}
    assert "zwave-js server" in found["zwave"]["text"]
    well = {"config", "version", "clock", "database", "broker", "zwave", "codes", "port", "socket"}
    assert {about for about in well if found[about]["state"] == "ok"} >= well - {"clock"}
    assert (await read(house.hub, "Hub", "status"))["cloud"]["since"] == since


async def presses_tab(house: House) -> None:
    """Locks and keys are completed by the daemon."""
    for line, found in (
        ("gatewayd lock ", {f"l{V1}", f"l{V2}"}),
        (f"gatewayd keys --lock l{V2}", {f"l{V2}"}),
        ("gatewayd key res:r1", {"res:r1"}),
        ("gatewayd why ", {f"l{V1}", f"l{V2}", "res:r1", "res:r2"}),
    ):
        assert await completed(line, GATEWAYD_SOCKET=str(house.hub.socket)) >= found


async def completed(line: str, **environment: str) -> set[str]:
    """What bash is offered at the end of a line."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gatewayd"),
        stdout=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            **environment,
            "_GATEWAYD_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(line.count(" ")),
        },
    )
    out, _ = await process.communicate()
    return {each.partition(",")[2] for each in out.decode().splitlines()}
