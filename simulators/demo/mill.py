"""The mill, whose doors have Nuki locks: they keep to a code's window themselves, and everything
that is said to them goes through a radio link and BlueZ.
"""

from datetime import UTC, datetime
from functools import partial

from simulators.demo.scenes import passed
from simulators.demo.site import DOORS, NODES, NUKIS, next_minute, starting, stay
from simulators.demo.stage import Stage

SOONEST_S = 5
"""Until a guest arrives whose code is on the locks before; on a whole minute, since that is what
the hub gives to locks as a window."""
EARLY = "early"
TYPED_AT, BROKEN = "mill-door", "mill-loft"


async def ahead(stage: Stage) -> None:
    """A code is there before its time, and does not open yet."""
    start = stage.begins = next_minute(SOONEST_S)
    stage.say(f"Nora arrives at the mill at {start:%H:%M:%S} UTC; a Nuki keeps to that by itself")
    await stage.book(stay(EARLY, "mill", "Nora, arrives") | starting(start))
    there = await stage.comes_true(SOONEST_S, partial(_in_nukis, stage, EARLY))
    typed = await stage.nukis.keypad(NUKIS[TYPED_AT], await stage.code(EARLY))
    early = not await passed(start)
    stage.expect(
        "a Nuki holds a code before its time, and stays shut",
        there and early and not typed["opened"] and typed["id"] is not None,
        f"there: {there}, before the check-in: {early}, door: {typed}",
    )


async def lost_link(stage: Stage) -> None:
    """The link breaks after the lock has stored the code, before it says so."""
    number, id_ = NUKIS[BROKEN], "lost-link"
    before = await stage.nukis.lock(number)
    await stage.nukis.faults(number, drop_after={"command": "add_keypad_code"})
    stage.say(f"Otto books the mill, and the link to {BROKEN} breaks once the code is stored")
    await stage.book(stay(id_, "mill", "Otto, link breaks"))
    there = await stage.comes_true(25, partial(_confirmed, stage, id_))
    after = await stage.nukis.lock(number)
    code = await stage.code(id_)
    once = [each["code"] for each in after["codes"]].count(code) == 1
    more = len(after["codes"]) - len(before["codes"])
    adds = after["commands"]["add_keypad_code"] - before["commands"]["add_keypad_code"]
    broke = not after["faults"]
    stage.expect(
        "a link that breaks after the write leaves one code in the Nuki, not two",
        there and broke and once and (more, adds) == (1, 1),
        f"confirmed: {there}, broken: {broke}, codes more: {more}, added: {adds} times",
    )


async def silence(stage: Stage) -> None:
    """BlueZ vanishes and comes back."""
    id_, nukis = "silence", tuple(NUKIS)
    stage.say("BlueZ has vanished; Pia books the mill, and the gate does not wait for it")
    await stage.nukis.bus_faults(bluez=False)
    try:
        await stage.book(stay(id_, "mill", "Pia, no BlueZ"))
        gate = await stage.comes_true(10, lambda: stage.in_everywhere(id_, *nukis))
        code = await stage.code(id_)
        typed = await stage.locks.keypad(NODES["gate"], code=code)
    finally:
        await stage.nukis.bus_faults(bluez=True)
    stage.expect(
        "without BlueZ the Z-Wave locks go on",
        gate and bool(typed["opened"]),
        f"in the gate alone: {gate}, gate: {typed}",
    )
    stage.say("BlueZ is back")
    await stage.expect_soon(
        "when BlueZ is back, the Nuki locks get the code",
        25,
        lambda: stage.in_everywhere(id_),
    )


async def check_in(stage: Stage) -> None:
    """The guest whose code was there before."""
    start = stage.begins
    stage.say(f"waiting for {start:%H:%M:%S} UTC, when Nora arrives")
    left = (start - datetime.now(UTC)).total_seconds()
    await stage.comes_true(left + 5, lambda: passed(start))
    stage.say("it is Nora's time, and nobody has to tell the lock so")
    typed = await stage.nukis.keypad(NUKIS[TYPED_AT], await stage.code(EARLY))
    stage.expect(
        "at check-in the same code opens the Nuki", bool(typed["opened"]), f"door: {typed}"
    )


async def _in_nukis(stage: Stage, id_: str) -> bool:
    return NUKIS.keys() <= await stage.holding(id_)


async def _confirmed(stage: Stage, id_: str) -> bool:
    """Whether the hub has proven a stay's code at all its locks."""
    proven = {
        e["data"]["lock_id"]
        for e in stage.cloud.events
        if e["type"] == "code.confirmed" and e["data"]["key_id"] == f"res:{id_}"
    }
    return proven >= set(DOORS["mill"])
