"""The shipped site and calendars for a run of a minute that happens now, and an inn beside it."""

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

CONFIG = Path(__file__).parents[2] / "config"

ZONE = ZoneInfo("Indian/Mauritius")
"""Never changes its clocks, so a window of seconds is what it says on every day of the year."""
POLICY = {
    "grace": "0",
    "verify_after": "2s",
    "backup": {"pool": 0},
    "health_check": {"within": "4s"},
}

HOMES = {
    "harbour": ("gate", "harbour-door", "harbour-terrace"),
    "orchard": ("gate", "orchard-door", "orchard-cellar"),
    "mill": ("gate", "mill-door", "mill-loft"),
}
"""What config/site.toml lets, each with a calendar."""
TIMES = {"check_in": "15:00", "check_out": "11:00"}
ROOMS = {"red": ("inn-door", "inn-red"), "blue": ("inn-door", "inn-blue")}
"""The inn's, which only the demo has."""
DOORS = HOMES | ROOMS
POOL = "inn-blue"
"""The one lock that has a backup code."""
NODES = {
    "gate": 5,
    "harbour-door": 2,
    "harbour-terrace": 7,
    "orchard-door": 3,
    "orchard-cellar": 8,
    "inn-door": 9,
    "inn-red": 4,
    "inn-blue": 10,
}
"""The Z-Wave locks."""
NUKIS = {"mill-door": 1, "mill-loft": 2}
"""The Nuki locks, by their number in the simulator."""
KINDS = {
    "gate": "V2",
    "harbour-door": "V1",
    "harbour-terrace": "V1, S2",
    "orchard-door": "V2, S2",
    "orchard-cellar": "V2",
    "mill-door": "Nuki",
    "mill-loft": "Nuki",
    "inn-door": "V1",
    "inn-red": "credentials, S2",
    "inn-blue": "V2",
}
"""All locks: User Code version and security of a node, or what else it is."""


def site(nukis: Mapping[str, str] | None = None) -> dict[str, Any]:
    """config/site.toml with the demo's zone and policy, and the inn; its locks must be those named
    here. `nukis`: addresses of Nuki locks."""
    document = tomllib.loads((CONFIG / "site.toml").read_text())
    document["properties"] += [
        {"id": room, "name": f"Inn, {room} room", **TIMES, "locks": [*locks]}
        for room, locks in ROOMS.items()
    ]
    document["locks"] += [_inn_lock(id_) for id_ in sorted({*chain(*ROOMS.values())})]
    locks = {lock["id"]: lock for lock in document["locks"]}
    nodes = {id_: int(x["address"]) for id_, x in locks.items() if x["driver"] == "zwave"}
    doors = {p["id"]: tuple(p["locks"]) for p in document["properties"]}
    if (nodes, doors, locks.keys()) != (NODES, DOORS, KINDS.keys()):
        raise ValueError("config/site.toml has other locks than the demo")
    for id_, address in (nukis or {}).items():
        locks[id_]["address"] = address
    return document | {"zone": ZONE.key, "policy": POLICY}


def _inn_lock(id_: str) -> dict[str, Any]:
    lock = {"id": id_, "name": id_, "driver": "zwave", "address": str(NODES[id_])}
    return lock | ({"policy": {"backup": {"pool": 1}}} if id_ == POOL else {})


def calendar(property_id: str) -> bytes:
    """The example calendar, moved so that its first guest arrived the day before yesterday."""
    text = (CONFIG / "examples" / f"{property_id}.ics").read_bytes().decode()
    stamp = re.compile(r"(?<=;VALUE=DATE:)\d{8}")
    first = min(_day(day) for day in stamp.findall(text))
    shift = today() - timedelta(days=2) - first
    return stamp.sub(lambda m: f"{_day(m[0]) + shift:%Y%m%d}", text).encode()


def today() -> date:
    """At the site."""
    return datetime.now(ZONE).date()


def stay(id_: str, property_id: str, name: str) -> dict[str, Any]:
    """A booking from two days ago until in two days, in a shape for `reservation.put`."""
    return {
        "id": id_,
        "version": 1,
        "property_id": property_id,
        "arrival": f"{today() - timedelta(days=2)}",
        "departure": f"{today() + timedelta(days=2)}",
        "guest": {"name": name},
        "confirmation_code": f"DEMO-{id_}",
    }


def ending(at: datetime) -> dict[str, Any]:
    """Fields of a stay that is over at that second: check-out at its minute, the rest is grace."""
    minute = at.astimezone(ZONE).replace(second=0, microsecond=0)
    return {
        "departure": f"{minute:%Y-%m-%d}",
        "check_out": f"{minute:%H:%M}",
        "policy": {"grace_after": f"{(at - minute).seconds}s"},
    }


def starting(at: datetime, **policy: str) -> dict[str, Any]:
    """Fields of a stay that begins at that second."""
    minute = (at + timedelta(minutes=1)).astimezone(ZONE).replace(second=0, microsecond=0)
    return {
        "arrival": f"{minute:%Y-%m-%d}",
        "check_in": f"{minute:%H:%M}",
        "policy": {"grace_before": f"{(minute - at).seconds}s", **policy},
    }


def in_seconds(seconds: int) -> datetime:
    """A whole second of the near future."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds + 1)


def next_minute(seconds: int) -> datetime:
    """The first whole minute that is not so near."""
    soon = datetime.now(UTC) + timedelta(seconds=seconds, minutes=1)
    return soon.replace(second=0, microsecond=0)


def _day(text: str) -> date:
    return datetime.strptime(text, "%Y%m%d").replace(tzinfo=ZONE).date()
