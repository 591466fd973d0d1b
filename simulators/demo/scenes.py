"""What happens on the site, scene by scene. Each waits for states, never for time to pass, except
for the one thing that is time: the end of a stay.
"""

from datetime import UTC, datetime, timedelta
from functools import partial

from simulators.cloud.calendar import reservations
from simulators.demo.site import HOMES, NODES, calendar, ending, in_seconds, site, stay, today
from simulators.demo.stage import Stage

FOREIGN = ("harbour-door", 1, "90210")
"""A code that somebody set by hand, in the slot that a hub would take first."""
DEAD = "orchard-cellar"
WORN, BACK_DOOR = "harbour-door", "harbour-terrace"
ENDS_IN_S = 30
"""Until the two stays end that one extension tells apart."""


async def opening(stage: Stage) -> None:
    """The locks as the hub finds them."""
    lock, slot, code = FOREIGN
    stage.say(f"somebody has set {code} by hand in slot {slot} of {lock}")
    await stage.set_by_hand(*FOREIGN)
    stage.say(f"the battery of {DEAD} is out: no answer")
    await stage.locks.faults(NODES[DEAD], dead=True)
    for property_id in HOMES:
        content = calendar(property_id)
        stage.bookings.learn(property_id, content, today())
        first = reservations(content, property_id)[0]
        stage.view.guest(first["id"], f"{property_id}'s guest")
        stage.staying.add(first["id"])
    stage.say("starting the hub; its database is new, so it asks the booking side for everything")
    await stage.start_hub()
    await stage.cloud.answer(await stage.cloud.send("site.put", site(stage.addresses)))


async def arrivals(stage: Stage) -> None:
    """Codes of three calendars on locks of every kind."""
    await stage.cloud.until(lambda e: e["type"] == "snapshot.wanted")
    stage.say("the booking side has sent all calendars; the guests of today get their codes")
    harbour, orchard, mill = stays = [current(property_id) for property_id in HOMES]
    await stage.expect_soon(
        "calendar harbour: code in all its locks (V1, V1 with S2, V2)",
        15,
        lambda: stage.in_everywhere(harbour),
    )
    await stage.expect_soon(
        "calendar orchard: code in its locks that answer (V2, V2 with S2)",
        15,
        lambda: stage.in_everywhere(orchard, DEAD),
    )
    await stage.expect_soon(
        "calendar mill: the same code in the gate (V2) and in both Nuki locks",
        15,
        lambda: stage.in_everywhere(mill),
    )
    codes = {await stage.code(each) for each in stays}
    stage.expect(
        "the common gate holds the codes of all three", codes <= set((await stage.memory())["gate"])
    )


async def leaving(stage: Stage) -> None:
    """Two stays with the same end; one is extended."""
    end = in_seconds(ENDS_IN_S)
    stage.ends = end
    stage.say(f"Ines and Jon check out at {end:%H:%M:%S} UTC; Ines extends by two days")
    for id_, name in (("extended", "Ines, extends"), ("control", "Jon, leaves")):
        await stage.book(stay(id_, "harbour", name) | ending(end))
        if not await stage.comes_true(15, partial(stage.in_everywhere, id_)):
            raise TimeoutError(f"the code of {id_} is not there before its end")
    later = stay("extended", "harbour", "Ines, extends") | ending(end + timedelta(days=2))
    await stage.cloud.answer(await stage.book(later | {"version": 2}))
    stage.expect("the extension came before the old end", datetime.now(UTC) < end)


async def revival(stage: Stage) -> None:
    """A lock that was dead is served as soon as it is heard of."""
    failed = await stage.cloud.until(
        lambda e: e["type"] == "code.failed" and e["data"]["lock_id"] == DEAD
    )
    due = datetime.fromisoformat(failed["data"]["next_try_at"])
    guest = current("orchard")
    stage.say(f"{DEAD} does not answer, next try at {due:%H:%M:%S} UTC; now it has a new battery")
    await stage.locks.faults(NODES[DEAD])
    there = await stage.comes_true(15, lambda: stage.in_everywhere(guest))
    early = due - datetime.now(UTC)
    stage.expect(
        "a dead lock that comes back gets its code at once",
        there and early > timedelta(),
        f"there: {there}, seconds before the ladder's next try: {early.total_seconds():.0f}",
    )


async def cancellation(stage: Stage) -> None:
    """A cancelled stay's code is nowhere."""
    stage.say("Kim books the orchard, has the code, and cancels")
    await stage.book(stay("cancelled", "orchard", "Kim, cancels"))
    there = await stage.comes_true(15, lambda: stage.in_everywhere("cancelled"))
    stage.staying.discard("cancelled")
    await stage.bookings.cancel("cancelled")
    gone = await stage.comes_true(15, lambda: stage.gone("cancelled"))
    stage.expect(
        "a cancellation removes the code everywhere",
        there and gone,
        f"was there: {there}, is gone: {gone}",
    )


async def departure(stage: Stage) -> None:
    """Past the old end of both stays."""
    end = stage.ends
    stage.say(f"waiting for {end:%H:%M:%S} UTC, when Jon's stay is over and Ines' would have been")
    left = (end - datetime.now(UTC)).total_seconds()
    await stage.comes_true(left + 5, lambda: passed(end))
    stage.staying.discard("control")
    await stage.expect_soon(
        "the stay that was not extended: its code is gone within 60 s",
        60 - max(0.0, (datetime.now(UTC) - end).total_seconds()),
        lambda: stage.gone("control"),
    )
    stage.expect(
        "the extended stay: its code is in all its locks past the old end",
        await passed(end) and await stage.in_everywhere("extended"),
        f"in {sorted(await stage.holding('extended'))}",
    )


async def questions(stage: Stage) -> None:
    """What is left as it is for whoever looks around."""
    stage.say(
        "left for you to find: which lock wants a battery, why Max has no code at one door and what"
        f" happens next, and who used the {BACK_DOOR} last"
    )
    await stage.locks.battery(NODES[WORN], 14)
    await stage.locks.keypad(NODES[BACK_DOOR], code=await stage.code(current("harbour")))
    await stage.locks.faults(NODES[DEAD], dead=True)
    await stage.book(stay("max", "orchard", "Max, at a dead lock"))


async def passed(end: datetime) -> bool:
    """Whether it is later than that."""
    return datetime.now(UTC) > end


def current(property_id: str) -> str:
    """The stay of a calendar whose guest is there now."""
    return str(reservations(calendar(property_id), property_id)[0]["id"])
