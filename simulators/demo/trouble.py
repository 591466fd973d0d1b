"""A power cut in the middle of a write, and an evening without internet."""

from datetime import UTC, datetime

from simulators.cloud import Event
from simulators.demo.scenes import current
from simulators.demo.site import DOORS, NODES, in_seconds, starting, stay
from simulators.demo.stage import Stage

SLOW = "orchard-cellar"
SLOW_MS = 2500
"""How late the slow lock does what it is told: the window in which the hub dies."""
ARRIVES_IN_S = 6
"""Until a guest arrives whom the hub knows, while the broker is down."""


async def power_cut(stage: Stage) -> None:
    """Killed while a write is on its way to a lock."""
    node, id_ = NODES[SLOW], "crash"
    # A look at a code of before would not be answered in time, and the write would wait.
    await stage.comes_true(10, lambda: stage.settled(SLOW))
    await stage.locks.faults(node, delayMs=SLOW_MS)
    before = (await stage.locks.frames())["exchanges"][node]["set"]
    codes = (await stage.memory())[SLOW]
    stage.say(f"Lou books; {SLOW} is slow, and while the code is on its way to it: kill -9")
    await stage.book(stay(id_, "orchard", "Lou, power cut"))

    async def begun() -> bool:
        return bool((await stage.locks.frames())["exchanges"][node]["set"] > before)

    sent = await stage.comes_true(20, begun)
    await stage.hub.kill()
    halfway = sent and (await stage.memory())[SLOW] == codes
    await stage.hub.start()
    await stage.locks.faults(node)
    stage.say("the hub is back; it knows that it had begun, and reads before it writes")
    there = await stage.comes_true(25, lambda: once_everywhere(stage, id_))
    stage.expect(
        "killed in the middle of a write", halfway, f"on its way: {sent}, or there already"
    )
    after = (await stage.memory())[SLOW]
    stage.expect(
        "after kill -9 exactly one slot of each lock holds the code",
        there and len(after) == len(codes) + 1,
        f"codes of {SLOW} before {len(codes)}, after {len(after)}",
    )


async def once_everywhere(stage: Stage, id_: str) -> bool:
    """Whether each lock of a stay holds its code in exactly one slot."""
    code = await stage.code(id_)
    doors = DOORS[stage.bookings.reservations[id_]["property_id"]]
    memory = await stage.memory()
    return all(memory[lock].count(code) == 1 for lock in doors)


async def outage(stage: Stage) -> None:
    """No broker, and life goes on."""
    start, id_, inside = in_seconds(ARRIVES_IN_S), "arrival", current("harbour")
    stage.say(f"Mia arrives at {start:%H:%M:%S} UTC; before that the broker goes down")
    await stage.cloud.answer(
        await stage.book(stay(id_, "harbour", "Mia, arrives") | starting(start, write_lead="0"))
    )
    early = await stage.holding(id_)
    await stage.broker.stop()
    known = len(stage.cloud.events)
    down_in_time = datetime.now(UTC) < start
    typed = await stage.locks.keypad(NODES["harbour-door"], code=await stage.code(inside))
    stage.say("without the cloud: a guest opens the harbour door, and Mia's code becomes due")
    there = await stage.comes_true(20, lambda: stage.in_everywhere(id_))
    stage.expect(
        "without a broker a code is written when it falls due, and a guest opens a door",
        there and not early and down_in_time and bool(typed["opened"]),
        f"there: {there}, before it was due in {sorted(early)}, door: {typed}",
    )
    wanted = {("code.confirmed", lock, f"res:{id_}") for lock in DOORS["harbour"]}
    wanted |= {("lock.used", "harbour-door", f"res:{inside}")}

    async def kept() -> bool:
        return wanted <= _facts(stage.outbox())

    async def arrived() -> bool:
        return wanted <= _facts(stage.cloud.events[known:])

    on_disk = await stage.comes_true(10, kept)
    back = datetime.now(UTC)
    await stage.broker.start()
    stage.say("the broker is back; what the hub kept on its disk arrives")
    there = await stage.comes_true(45, arrived)
    late = [e for e in stage.cloud.events[known:] if datetime.fromisoformat(e["ts"]) <= back]
    stage.expect(
        "the events of the outage are kept, and arrive later with their own time",
        on_disk and there and wanted <= _facts(late),
        f"kept: {on_disk}, arrived: {there}, missing: {sorted(wanted - _facts(late))}",
    )


def _facts(events: list[Event]) -> set[tuple[str, str | None, str | None]]:
    return {(e["type"], e["data"].get("lock_id"), e["data"].get("key_id")) for e in events}
