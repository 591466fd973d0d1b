"""What must be true at the end: every lock's whole memory, every event, every command, the log."""

import json
from collections import Counter

from simulators.demo.scenes import FOREIGN
from simulators.demo.site import DOORS, KINDS, NODES
from simulators.demo.stage import Stage

NOT_TAKEN = ("command.rejected", "command.expired")


async def accounts(stage: Stage) -> None:
    """Each lock holds what it should and nothing else; nothing is lost, twice, or told to logs."""
    stage.say("reading every lock's memory, and counting events, receipts and what was logged")
    await stage.expect_soon(
        "every lock holds the codes of those who stay, once, and nothing else",
        15,
        lambda: as_wanted(stage),
    )
    lock, slot, code = FOREIGN
    held = (await stage.locks.node(NODES[lock]))["codes"].get(slot)
    told = (e["data"] for e in stage.cloud.events if e["type"] == "lock.foreign_code")
    foreign = any((x["lock_id"], x["slot"]) == (lock, slot) for x in told)
    stage.expect("the code set by hand is left alone", held == code, f"slot {slot} holds {held}")
    stage.expect("and the cloud was told of it", foreign)
    await stage.expect_soon("every command has its answer", 10, lambda: answered(stage))
    refused = [e for e in stage.cloud.events if e["type"] in NOT_TAKEN]
    stage.expect("no command was refused", not refused, str([e["data"] for e in refused]))
    await stage.expect_soon("every event has its receipt", 45, lambda: receipted(stage))
    ids = Counter(event["id"] for event in stage.cloud.events)
    places = Counter((event["epoch"], event["seq"]) for event in stage.cloud.events)
    twice = [each for each, times in (ids + places).items() if times > 1]
    stage.expect("every event is there once", not twice, str(twice))
    leaks = logged(stage)
    stage.expect("the hub's log contains no code", not leaks, f"{len(leaks)} lines do")


async def as_wanted(stage: Stage) -> bool:
    """Whether all locks hold exactly what they should."""
    wanted: dict[str, list[str]] = {lock: [] for lock in KINDS}
    for lock, code in [*((lock, code) for lock, _, code in stage.by_hand), *backups(stage)]:
        wanted[lock].append(code)
    for id_ in stage.staying:
        for lock in DOORS[stage.bookings.reservations[id_]["property_id"]]:
            wanted[lock].append(await stage.code(id_))
    memory = await stage.memory()
    return all(sorted(memory[lock]) == sorted(codes) for lock, codes in wanted.items())


def backups(stage: Stage) -> list[tuple[str, str]]:
    """Each lock with a backup code, and that code, as the booking side was told last."""
    last: dict[tuple[str, str], tuple[str, str]] = {}
    for event in sorted(stage.cloud.events, key=lambda e: int(e["seq"])):
        data = event["data"]
        if event["type"] == "backup.ready":
            last[data["lock_id"], data["label"]] = data["lock_id"], data["code"]
        elif event["type"] == "backup.rotated":
            last.pop((data["lock_id"], data["label"]), None)
    return list(last.values())


async def answered(stage: Stage) -> bool:
    """Whether no command waits for its receipt."""
    return not stage.cloud.unanswered


async def receipted(stage: Stage) -> bool:
    """Whether the hub has nothing left to send."""
    return not stage.outbox()


def logged(stage: Stage) -> list[str]:
    """Lines of the hub's log with a code in them; digits of a timestamp are none."""
    codes = {code for _, _, code in stage.by_hand}
    for event in stage.cloud.events:
        field = "code" if event["type"] in ("backup.ready", "backup.issued") else "display"
        codes |= {event["data"][field]} if field in event["data"] else set()
    return [line for line in map(_message, lines(stage)) if any(code in line for code in codes)]


def lines(stage: Stage) -> list[str]:
    """All that the hub has logged, over its restarts."""
    return stage.hub.log.read_text(errors="replace").splitlines()


def _message(line: str) -> str:
    try:
        return json.dumps({k: v for k, v in json.loads(line).items() if k != "timestamp"})
    except (ValueError, AttributeError):
        return line
