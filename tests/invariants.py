"""What holds whatever has happened: in the locks' own memory, in the hub's database, in what the
cloud was told and in the log."""

import asyncio
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator
from typing import Any

from simulators.cloud import Cloud
from simulators.hub import Hub
from simulators.zwave import ZwaveSimulator

CODED = {"code.assigned", "code.changed", "backup.ready", "backup.issued"}
"""The events that have codes."""
SETTLES_WITHIN_S = 20.0
BOUND_S = 60.0
"""How long a code of a lock that answers may outlast its window."""

OVER = """
SELECT l.lock_id, l.slot FROM leases l LEFT JOIN keys k ON k.id = l.key_id
    JOIN locks ON locks.id = l.lock_id AND locks.failures IS NULL
WHERE l.failures IS NULL AND (k.id IS NULL OR k.revoked OR k.ends < unixepoch() - ?)
"""


async def hold(
    hub: Hub, cloud: Cloud, zwave: ZwaveSimulator | None, private: Collection[str]
) -> None:
    """Of a hub that runs, once it has had the time to say and to do what is left. What is private
    may be said to the cloud and to a lock only. Nuki locks' memory is not looked up."""
    await _settled("commands without an answer", lambda: _unanswered(cloud))
    await _settled("events without a receipt", lambda: _waiting(hub))
    await _settled("codes that outlast their windows", lambda: _over(hub))
    if zwave is not None:
        unknown = "codes at locks of which the hub knows nothing"
        await _settled(unknown, lambda: _unknown(hub, zwave))
        assert not await _lost(cloud, zwave), "a person's code is gone"
        assert not await _twice(zwave), "a lock has a code twice"
    assert not _leaks(hub, cloud, private), "a code or a guest's name where none belongs"


async def _settled(what: str, left: Callable[[], Coroutine[Any, Any, object]]) -> None:
    try:
        async with asyncio.timeout(SETTLES_WITHIN_S):
            while await left():  # noqa: ASYNC110  # the state is in other processes
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{what}: {await left()}") from None


async def _unanswered(cloud: Cloud) -> object:
    return cloud.unanswered if cloud.receipts else None


async def _waiting(hub: Hub) -> object:
    return _rows(hub, "SELECT type FROM outbox WHERE parked IS NULL")


async def _over(hub: Hub) -> object:
    return _rows(hub, OVER, BOUND_S)


async def _unknown(hub: Hub, zwave: ZwaveSimulator) -> object:
    """A lease is on disk before a code is at a lock, and until it is gone; what becomes of a lock
    that another one has replaced is a person's to see to."""
    active = _rows(hub, "SELECT id, address FROM locks WHERE driver = 'zwave' AND active")
    nodes = {lock: int(address) for lock, address in active}
    leases = _rows(hub, "SELECT lock_id, slot, code FROM leases")
    known = {(nodes[lock], slot, code) for lock, slot, code in leases if lock in nodes}
    known |= {(*at, code) for at, code in zwave.by_hand.items()}
    there = {(n, slot, code) for n, codes in (await _codes(zwave)).items() for slot, code in codes}
    return {at for at in there - known if at[0] in nodes.values()}


async def _lost(cloud: Cloud, zwave: ZwaveSimulator) -> set[tuple[str, int]]:
    """But for those that the cloud has made the hub's."""
    there = {(f"l{n}", slot) for n, codes in (await _codes(zwave)).items() for slot, _ in codes}
    told = (e["data"] for e in cloud.events if e["type"] == "lock.adopted")
    adopted = {(data["lock_id"], data["slot"]) for data in told}
    return {(f"l{n}", slot) for n, slot in zwave.by_hand} - there - adopted


async def _twice(zwave: ZwaveSimulator) -> object:
    counts = {n: Counter(code for _, code in codes) for n, codes in (await _codes(zwave)).items()}
    return [n for n, count in counts.items() if any(times > 1 for times in count.values())]


async def _codes(zwave: ZwaveSimulator) -> dict[int, list[tuple[int, str]]]:
    return {node["id"]: list(node["codes"].items()) for node in await zwave.nodes()}


def _leaks(hub: Hub, cloud: Cloud, private: Collection[str]) -> list[str]:
    secrets = {
        code for (code,) in _rows(hub, "SELECT code FROM keys UNION SELECT code FROM leases")
    }
    secrets |= {leaf for e in cloud.events if e["type"] in CODED for leaf in _coded(e["data"])}
    found = ["log" for word in private if word in hub.log.read_text()]
    found += ["log" for _ in logged(hub, secrets)]
    for event in cloud.events:
        if event["type"] not in CODED and secrets & {*map(str, _leaves(event["data"]))}:
            found.append(event["type"])
    history = [json.loads(data) for (data,) in _rows(hub, "SELECT data FROM journal")]
    found += ["journal" for data in history if secrets & {*map(str, _leaves(data))}]
    return found + ["journal" for word in private if word in json.dumps(history)]


def logged(hub: Hub, codes: Iterable[str]) -> set[str]:
    """Codes that stand in the log as words; a fraction of a second or an id may have the same
    digits."""
    return {*codes} & {*re.findall(r"\w+", hub.log.read_text())}


def _coded(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        yield from (str(data[name]) for name in ("code", "old_code") if name in data)
    if isinstance(data, dict | list):
        for each in data.values() if isinstance(data, dict) else data:
            yield from _coded(each)


def _leaves(data: Any) -> Iterator[object]:
    if isinstance(data, dict | list):
        for each in data.values() if isinstance(data, dict) else data:
            yield from _leaves(each)
    else:
        yield data


def _rows(hub: Hub, sql: str, *values: object) -> list[Any]:
    reader = sqlite3.connect(f"{hub.database.as_uri()}?mode=ro", uri=True)
    try:
        return reader.execute(sql, values).fetchall()
    finally:
        reader.close()
