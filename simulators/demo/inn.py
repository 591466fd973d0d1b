"""The inn, two rooms behind one door: what people ask for, and what a lock holds against it.

Played while the other scenes wait for a stay to end.
"""

from datetime import UTC, datetime

from simulators.demo.site import NODES, POOL, stay
from simulators.demo.stage import SLOTS, Stage

STUCK, MOVING, TWIN = "stuck", "moving", "twin"
DOOR, RED, BLUE = "inn-door", "inn-red", "inn-blue"
DIGITS = "271828"
"""What somebody has set by hand, and a guest is to get."""


async def silent_lock(stage: Stage) -> None:
    """A lock is dead and stays so: the daily check finds it, and what is in it already helps."""
    backup = (await stage.told("backup.ready", lock_id=POOL))["data"]["code"]
    ahead = backup in (await stage.memory())[POOL]
    await stage.locks.faults(NODES[POOL], dead=True)
    stage.say(f"{POOL} has a backup code, and is dead from now on; Quinn books the blue room")
    await stage.book(stay(STUCK, "blue", "Quinn, dead lock"))
    await stage.told("code.failed", lock_id=POOL, key_id=f"res:{STUCK}")
    stage.say("the daily check, now: which guest cannot count on the code?")
    await stage.cloud.done(await stage.cloud.send("health.run", {}))
    found = (await stage.told("health.checked"))["data"]["keys_failing"]
    unset = [(x["reservation_id"], x["lock_id"], x["backup"] is not None) for x in found]
    issued = [e["data"] for e in stage.cloud.events if e["type"] == "backup.issued"]
    given = [(x["reservation_id"], x["lock_id"], x["code"] == backup) for x in issued]
    held, own = (await stage.memory())[POOL], await stage.holding(STUCK)
    stage.expect(
        "at a dead lock the daily check gives the guest the backup code that is in it",
        ahead and (STUCK, POOL, True) in unset and given == [(STUCK, POOL, True)],
        f"there ahead: {ahead}, found: {unset}, given: {given}",
    )
    stage.expect(
        "and the guest's own code is at the other door alone",
        held == [backup] and own == {DOOR},
        f"codes in {POOL}: {len(held)}, own code in {sorted(own)}",
    )


async def rotation(stage: Stage) -> None:
    """Who had a backup code is gone, and so is that code."""
    stage.say(f"Quinn has checked out, and {POOL} has a new battery")
    at = datetime.now(UTC).isoformat()
    stage.staying.discard(STUCK)
    await stage.cloud.send("reservation.check_out", {"id": STUCK, "at": at})
    await stage.locks.faults(NODES[POOL])
    old = (await stage.told("backup.issued", lock_id=POOL))["data"]["code"]
    rotated = await stage.told("backup.rotated", lock_id=POOL, reservation_id=STUCK)

    async def another() -> bool:
        codes = (await stage.memory())[POOL]
        return len(codes) == 1 and old not in codes and await stage.gone(STUCK)

    there = await stage.comes_true(15, another)
    stage.expect(
        "after the check-out another backup code takes the place of the one that was given out",
        there and rotated["data"]["replacing"],
        f"another one alone: {there}, told: {rotated['data']}",
    )


async def room_change(stage: Stage) -> None:
    """The new door opens before the old one is shut."""
    stage.say("Rosa has the red room, and moves to the blue one; at no moment has she none")
    red = stay(MOVING, "red", "Rosa, moves")
    await stage.book(red)
    before = await stage.comes_true(15, lambda: stage.in_everywhere(MOVING))
    code, shut = await stage.code(MOVING), 0
    await stage.book(red | {"property_id": "blue", "version": 2})

    async def moved() -> bool:
        nonlocal shut
        memory = await stage.memory()
        shut += code not in memory[RED] and code not in memory[BLUE]
        return code not in memory[RED] and code in memory[BLUE]

    there = await stage.comes_true(15, moved)
    opens = await stage.told("code.confirmed", lock_id=BLUE, key_id=f"res:{MOVING}")
    closes = await stage.told("code.removed", lock_id=RED, key_id=f"res:{MOVING}")
    in_order = opens["seq"] < closes["seq"]
    stage.expect(
        "who changes rooms has the new door before the old one is shut, and then that alone",
        before and there and not shut and in_order and await stage.in_everywhere(MOVING),
        f"was there: {before}, moved: {there}, looks at two shut doors: {shut}, told in order:"
        f" {in_order}",
    )


async def revoked_door(stage: Stage) -> None:
    """Staff take a door from a key, and give it back."""
    key, code = f"res:{MOVING}", await stage.code(MOVING)
    stage.say(f"staff take {BLUE} from Rosa's key, and give it back")
    word = {"id": key, "doors": [BLUE]}
    await stage.cloud.done(await stage.cloud.send("key.revoke", word | {"version": 1}))
    left = await stage.holding(MOVING)
    await stage.cloud.done(await stage.cloud.send("key.restore", word | {"version": 2}))
    back = await stage.holding(MOVING)
    stage.expect(
        "a door that is revoked loses the code and the other keeps it",
        left == {DOOR},
        f"in {sorted(left)}",
    )
    stage.expect(
        "a door that is restored has the same code again",
        back == {DOOR, BLUE} and await stage.code(MOVING) == code,
        f"in {sorted(back)}",
    )


async def same_digits(stage: Stage) -> None:
    """A lock has the guest's digits already, of which the hub cannot know."""
    stage.say(f"by hand {DIGITS} is set at {DOOR}; Sam is to get just that, and the lock refuses")
    await stage.set_by_hand(DOOR, SLOTS, DIGITS)
    await stage.book(stay(TWIN, "red", "Sam, same digits") | {"code": DIGITS})
    changed = (await stage.told("code.changed", reservation_id=TWIN))["data"]

    async def new_alone() -> bool:
        return await stage.in_everywhere(TWIN) and DIGITS not in (await stage.memory())[RED]

    there = await stage.comes_true(15, new_alone)
    new = {door["code"] for door in changed["doors"]} == {await stage.code(TWIN)} != {DIGITS}
    held = (await stage.locks.node(NODES[DOOR]))["codes"].get(SLOTS)
    stage.expect(
        "digits that one lock refuses become a new code at both",
        there and new and changed["reason"] == "duplicate_code",
        f"the new one alone at both: {there}, told: {changed['reason']}",
    )
    stage.expect("and whoever has those digits keeps them", held == DIGITS, f"{SLOTS}: {held}")
