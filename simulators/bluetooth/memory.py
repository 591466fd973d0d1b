"""What a lock keeps over a restart: identity, authorisations, codes, log; as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from simulators.bluetooth.lock import Battery, Lock, LockState
from simulators.bluetooth.records import Authorisation, KeypadCode, LogEntry, LogType, Window


def save(path: Path, locks: Iterable[Lock]) -> None:
    """All locks into one file, which is replaced as a whole."""
    if not path.parent.exists():  # who started the simulator has died, and its folder with it
        return
    new = path.with_suffix(".new")
    new.write_text(json.dumps({lock.number: _kept(lock) for lock in locks}, default=_plain))
    new.replace(path)


def load(path: Path, locks: Iterable[Lock]) -> None:
    """Those locks that the file knows, if there is one."""
    if not path.exists():
        return
    kept = json.loads(path.read_text())
    for lock in locks:
        if (memory := kept.get(str(lock.number))) is not None:
            _recall(lock, memory)


def _plain(value: object) -> str:
    match value:
        case bytes():
            return value.hex()
        case datetime():
            return value.isoformat()
    raise TypeError(type(value).__name__)


def _kept(lock: Lock) -> dict[str, Any]:
    return {
        "uuid": lock.uuid,
        "private": lock.private,
        "pin": lock.pin,
        "wrong_pins": lock.wrong_pins,
        "drift": lock.drift,
        "skew_s": lock.skew_s,
        "state": lock.state,
        "battery": asdict(lock.battery),
        "keypad_present": lock.keypad_present,
        "changed": lock.changed,
        "config_updates": lock.config_updates,
        "next_authorisation": lock.next_authorisation,
        "authorisations": [asdict(entry) for entry in lock.authorisations.values()],
        "next_code": lock.book.next_id,
        "codes": [asdict(entry) for entry in lock.book.codes.values()],
        "log_index": lock.log_index,
        "log": [asdict(entry) for entry in lock.log],
    }


def _recall(lock: Lock, memory: dict[str, Any]) -> None:
    lock.uuid = bytes.fromhex(memory["uuid"])
    lock.take_identity(bytes.fromhex(memory["private"]))
    for name in ("pin", "wrong_pins", "drift", "skew_s", "keypad_present", "changed"):
        setattr(lock, name, memory[name])
    lock.config_updates = memory["config_updates"]
    lock.state = LockState(memory["state"])
    lock.battery = Battery(**memory["battery"])
    lock.next_authorisation = memory["next_authorisation"]
    for entry in memory["authorisations"]:
        key = bytes.fromhex(entry["key"])
        who = Authorisation(**{**entry, "key": key, "challenge": None})
        lock.authorisations[who.id] = who
    lock.book.next_id = memory["next_code"]
    for entry in memory["codes"]:
        code = _code(entry)
        lock.book.codes[code.id] = code
    lock.log_index = memory["log_index"]
    lock.log = [_entry(entry) for entry in memory["log"]]


def _date(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _code(kept: dict[str, Any]) -> KeypadCode:
    window = kept["window"]
    times = {name: tuple(window[name]) for name in ("from_time", "until_time")}
    dates = {name: _date(window[name]) for name in ("starts", "ends")}
    moments = {name: _date(kept[name]) for name in ("created", "last_active")}
    return KeypadCode(**{**kept, **moments, "window": Window(**{**window, **times, **dates})})


def _entry(kept: dict[str, Any]) -> LogEntry:
    at, data = datetime.fromisoformat(kept["at"]), bytes.fromhex(kept["data"])
    return LogEntry(**{**kept, "at": at, "type": LogType(kept["type"]), "data": data})
