"""What the control port does to locks, and how it shows them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from simulators.bluetooth.codes import Wanted
from simulators.bluetooth.faults import Unclear, number, parse_faults
from simulators.bluetooth.lock import MOST_AUTHORISATIONS, Action
from simulators.bluetooth.records import WEEKDAYS, Window
from simulators.bluetooth.wire import shared_key
from simulators.bluetooth.world import World

type Body = dict[str, Any]

ACTIONS: Final = {action.name.lower(): action for action in Action}
MOST_SKEW_S: Final = 10 * 365 * 86400
MOST_DRIFT: Final = 1000


def shown(world: World, lock_number: int) -> Body:
    """All that a lock is, whatever a client believes."""
    lock = world.locks[lock_number]
    entries = lock.book.codes.values()
    rssi = {name: world.air.rssi(a.address, lock.address) for name, a in world.adapters.items()}
    return {
        "id": lock_number,
        "address": lock.address,
        "name": lock.name,
        "state": lock.state.name.lower(),
        "codes": [entry.as_json() for entry in entries],
        "capacity": lock.book.capacity,
        "keypad_present": lock.keypad_present,
        "clock": {
            "now": lock.utc().isoformat(),
            "local": lock.local().isoformat(),
            "skew_s": lock.skew_s,
            "drift": lock.drift,
            "timezone": lock.timezone.key,
        },
        "battery": {
            "percent": lock.battery.percent,
            "critical": lock.battery.critical,
            "charging": lock.battery.charging,
            "keypad_critical": lock.battery.keypad_critical,
        },
        "pairing": lock.is_pairing,
        "authorisations": [entry.as_json() for entry in lock.authorisations.values()],
        "pin": lock.pin,
        "wrong_pins": lock.wrong_pins,
        "log_count": len(lock.log),
        "log": [entry.as_json() for entry in lock.log[-20:]],
        "changed": lock.changed,
        "config_updates": lock.config_updates,
        "faults": lock.faults.as_json(),
        "rssi": rssi,
        "connected": world.peripherals[lock_number].is_connected,
        "connections": lock.connections,
        "commands": dict(lock.commands),
    }


def _faults(world: World, lock: int, body: Body) -> Body:
    world.peripherals[lock].set_faults(parse_faults(body))
    return shown(world, lock)


def _button(world: World, lock: int, body: Body) -> Body:
    _only(body)
    world.locks[lock].press_button()
    return shown(world, lock)


def _keypad(world: World, lock: int, body: Body) -> Body:
    _only(body, "code", "action")
    action = _action(body.get("action", "unlock"))
    code = body.get("code")
    if code is None and action is not Action.LOCK:
        raise Unclear('want a code; only {"action": "lock"} needs none: the arrow on the keypad')
    typed = world.locks[lock].type_code(None if code is None else _digits(code), action)
    return {"opened": typed.opened, "reason": typed.reason, "id": typed.code_id}


def _turn(world: World, lock: int, body: Body) -> Body:
    _only(body, "action")
    world.locks[lock].turn(_action(body.get("action")))
    return shown(world, lock)


def _code(world: World, lock: int, body: Body) -> Body:
    """Adds a code past the radio, "unchecked" against all rules, changes the one with "id", or
    removes it."""
    _only(body, "id", "code", "name", "enabled", "remove", "unchecked", *_WINDOW)
    it = world.locks[lock]
    id_ = number("id", body["id"]) if "id" in body else None
    if body.get("remove"):
        if id_ is None:
            found = it.book.find(_digits(body.get("code")))
            id_ = 0 if found is None else found.id
        it.remove_code(id_)
        return shown(world, lock)
    name = body.get("name", "app")
    if not isinstance(name, str) or len(name.encode()) > 20:
        raise Unclear("a name is a string of at most 20 bytes")
    wanted = Wanted(
        code=_digits(body.get("code")),
        name=name,
        enabled=_flag(body, "enabled", default=True),
        limited=any(key in body for key in _WINDOW),
        window=_window(body),
    )
    if _flag(body, "unchecked", default=False):
        it.book.keep(wanted, it.utc())
    elif id_ is None:
        it.add_code(wanted)
    else:
        it.update_code(id_, wanted)
    return shown(world, lock)


def _clock(world: World, lock: int, body: Body) -> Body:
    _only(body, "skew_s", "drift", "timezone")
    it = world.locks[lock]
    skew, drift = body.get("skew_s", it.skew_s), body.get("drift", it.drift)
    if type(skew) not in (int, float) or abs(skew) > MOST_SKEW_S:
        raise Unclear(f"skew_s wants seconds, of at most {MOST_SKEW_S}")
    if type(drift) not in (int, float) or abs(drift) > MOST_DRIFT:
        raise Unclear(f"drift wants seconds gained in each, of at most {MOST_DRIFT}")
    zone = body.get("timezone", it.timezone.key)
    try:
        it.timezone = ZoneInfo(zone)
    except (TypeError, ValueError, KeyError, OSError):
        raise Unclear(f"no time zone {zone}") from None
    it.skew_s, it.drift = float(skew), float(drift)
    return shown(world, lock)


def _battery(world: World, lock: int, body: Body) -> Body:
    _only(body, "percent", "critical", "charging", "keypad_critical")
    battery = world.locks[lock].battery
    percent = number("percent", body.get("percent", battery.percent))
    if percent > 100:
        raise Unclear("percent wants 0 to 100")
    flags = {
        name: _flag(body, name, default=getattr(battery, name))
        for name in ("critical", "charging", "keypad_critical")
    }
    battery.percent = percent
    for name, value in flags.items():
        setattr(battery, name, value)
    return shown(world, lock)


def _keypad_present(world: World, lock: int, body: Body) -> Body:
    _only(body, "present")
    world.locks[lock].keypad_present = _flag(body, "present")
    return shown(world, lock)


def _pin(world: World, lock: int, body: Body) -> Body:
    _only(body, "pin")
    pin = number("pin", body.get("pin"))
    if pin > 0xFFFF:
        raise Unclear("pin wants 0 to 65535")
    world.locks[lock].set_pin(pin)
    return shown(world, lock)


def _capacity(world: World, lock: int, body: Body) -> Body:
    _only(body, "codes", "authorisations")
    it = world.locks[lock]
    codes = number("codes", body.get("codes", it.book.capacity))
    most = number("authorisations", body.get("authorisations", it.most_authorisations))
    it.book.capacity, it.most_authorisations = codes, most
    return shown(world, lock)


def _authorise(world: World, lock: int, body: Body) -> Body:
    """Pairs an app past the radio."""
    _only(body, "public_key", "name", "app_id")
    it = world.locks[lock]
    key = secrets.token_bytes(32)
    if "public_key" in body:
        try:
            public = bytes.fromhex(body["public_key"])
        except (TypeError, ValueError):
            public = b""
        if len(public) != 32:
            raise Unclear("public_key wants 64 hexadecimal digits")
        key = shared_key(public, it.private)
    app_id = number("app_id", body.get("app_id", 0))
    who = it.authorise(key, 0, app_id, str(body.get("name", "control port")))
    return {"auth_id": who.id, "shared_key": key.hex(), "pin": it.pin, "address": it.address}


def _forget(world: World, lock: int, body: Body) -> Body:
    """Removes one authorisation, or all."""
    _only(body, "auth_id")
    it = world.locks[lock]
    if "auth_id" in body:
        it.authorisations.pop(number("auth_id", body["auth_id"]), None)
    else:
        it.authorisations.clear()
    return shown(world, lock)


def _rssi(world: World, lock: int, body: Body) -> Body:
    _only(body, "adapter", "rssi")
    name = body.get("adapter", "hci0")
    if name not in world.adapters:
        raise Unclear(f"no adapter {name}; there are {', '.join(world.adapters)}")
    rssi = body.get("rssi")
    if rssi is not None and (type(rssi) is not int or not -127 <= rssi <= 20):
        raise Unclear("rssi wants dBm from -127 to 20, or null: out of reach")
    world.air.set_rssi(world.adapters[name].address, world.locks[lock].address, rssi)
    return shown(world, lock)


def _reset(world: World, lock: int, body: Body) -> Body:
    """As it was at the start, but for who is paired; healthy, without codes and log."""
    _only(body)
    it, setting = world.locks[lock], world.setting
    world.peripherals[lock].set_faults(parse_faults({}))
    world.air.forget_rssi(it.address)
    it.clear()
    it.set_pin(setting.pin)
    it.timezone = ZoneInfo(setting.timezone)
    it.book.capacity, it.most_authorisations = setting.codes, MOST_AUTHORISATIONS
    return shown(world, lock)


VERBS: Final[dict[str, Callable[[World, int, Body], Body]]] = {
    "faults": _faults,
    "button": _button,
    "keypad": _keypad,
    "turn": _turn,
    "code": _code,
    "clock": _clock,
    "battery": _battery,
    "keypad_present": _keypad_present,
    "pin": _pin,
    "capacity": _capacity,
    "authorise": _authorise,
    "forget": _forget,
    "rssi": _rssi,
    "reset": _reset,
}

# What bodies may hold


def _only(body: Body, *names: str) -> None:
    if unknown := sorted(set(body) - set(names)):
        wanted = ", ".join(names) or "nothing"
        raise Unclear(f"no {', '.join(unknown)} here; there is {wanted}")


def _flag(body: Body, name: str, *, default: bool | None = None) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise Unclear(f"{name} wants true or false")
    return value


def _digits(code: Any) -> int:
    if not isinstance(code, str) or not code.isascii() or not code.isdecimal():
        raise Unclear("a code is a string of digits")
    return int(code)


def _action(name: Any) -> Action:
    if name not in ACTIONS:
        raise Unclear(f"no action {name}; there are {', '.join(ACTIONS)}")
    return ACTIONS[name]


_WINDOW: Final = ("from", "until", "weekdays", "from_time", "until_time")


def _window(body: Body) -> Window:
    days = body.get("weekdays", [])
    if not isinstance(days, list) or not set(days) <= set(WEEKDAYS):
        raise Unclear(f"weekdays wants a list of {', '.join(WEEKDAYS)}")
    return Window(
        starts=_date(body.get("from")),
        ends=_date(body.get("until")),
        weekdays=sum(0x40 >> WEEKDAYS.index(day) for day in set(days)),
        from_time=_time(body.get("from_time", "00:00")),
        until_time=_time(body.get("until_time", "00:00")),
    )


def _date(text: Any) -> datetime | None:
    if text is None:
        return None
    try:
        date = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise Unclear(f"{text} is no date like 2026-07-01T14:00:00") from None
    if date.tzinfo is not None:
        date = date.astimezone(UTC).replace(tzinfo=None)
    return date.replace(microsecond=0)


def _time(text: Any) -> tuple[int, int]:
    match text.split(":") if isinstance(text, str) else []:
        case [hour, minute] if _is_byte(hour) and _is_byte(minute):
            return int(hour), int(minute)
    raise Unclear(f"{text} is no time like 14:30")


def _is_byte(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) <= 0xFF
