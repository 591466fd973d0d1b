"""What the booking side knows of one site, and what it tells the hub of it.

A calendar that is read again gives puts and cancels for what changed; versions rise with every
change, whatever the calendar says. `follow` answers `snapshot.wanted` with everything there is.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from ulid import ULID

from simulators.cloud import Cloud
from simulators.cloud.calendar import reservations

type Data = dict[str, Any]

PART_BYTES = 200 * 1024
"""Of reservations in one part: a message may have 256 KiB, envelope included."""
PART_ITEMS = 1_000


class Bookings:
    """The reservations of one site, by id, as they were last told."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.reservations: dict[str, Data] = {}
        self._calendars: dict[str, set[str]] = {}

    async def put(self, data: Data) -> str | None:
        """Tell a reservation, new or changed; the command's id, or None where nothing changed."""
        return await self._tell(data) if self._keep(data) else None

    async def cancel(self, id_: str) -> str:
        """Cancel a reservation that was told; the command's id."""
        known = self.reservations[id_]
        known |= {"status": "cancelled", "version": known["version"] + 1}
        return await self._cloud.send(
            "reservation.cancel", {"id": id_, "version": known["version"]}
        )

    async def read(self, property_id: str, content: bytes, today: date) -> list[str]:
        """Tell what is new in a property's calendar; the commands' ids.

        A stay that vanished before its last day is cancelled; later the site only tidied up.

        Raises:
            CalendarError: nothing is told.
        """
        changed, gone = self._compare(property_id, content, today)
        told = [await self._tell(data) for data in changed]
        return told + [await self.cancel(id_) for id_ in gone]

    def learn(self, property_id: str, content: bytes, today: date) -> None:
        """Take a calendar without telling it: the snapshot that is asked for will.

        Raises:
            CalendarError: nothing is taken.
        """
        for id_ in self._compare(property_id, content, today)[1]:
            known = self.reservations[id_]
            known |= {"status": "cancelled", "version": known["version"] + 1}

    async def snapshot(self) -> list[str]:
        """Tell all reservations there are; the ids of the commands, one for each part."""
        snapshot_id, as_of = str(ULID()), datetime.now(UTC).isoformat()
        parts = list(_parts(list(self.reservations.values())))
        return [
            await self._cloud.send(
                "reservation.snapshot",
                {
                    "snapshot_id": snapshot_id,
                    "part": number,
                    "parts": len(parts),
                    "as_of": as_of,
                    "complete": True,
                    "items": items,
                },
            )
            for number, items in enumerate(parts, 1)
        ]

    async def follow(self) -> None:
        """Send a snapshot whenever the hub asks for one; for ever."""
        async for event in self._cloud.follow():
            if event["type"] == "snapshot.wanted":
                await self.snapshot()

    def _compare(
        self, property_id: str, content: bytes, today: date
    ) -> tuple[list[Data], list[str]]:
        """Reservations that are new or changed, and ids that are cancelled by their absence."""
        listed = reservations(content, property_id)
        ids = {data["id"] for data in listed}
        before = self._calendars.get(property_id, set())
        self._calendars[property_id] = ids
        gone = [id_ for id_ in sorted(before - ids) if self._stands(id_, today)]
        return [data for data in listed if self._keep(data)], gone

    def _stands(self, id_: str, today: date) -> bool:
        known = self.reservations[id_]
        return known["status"] == "confirmed" and date.fromisoformat(known["departure"]) > today

    def _keep(self, data: Data) -> bool:
        """Whether this says something new; its version is made to say so too."""
        known = self.reservations.get(data["id"])
        if known is not None:
            if known | {"version": None} == data | {"version": None}:
                return False
            data["version"] = max(data["version"], known["version"] + 1)
        self.reservations[data["id"]] = data
        return True

    async def _tell(self, data: Data) -> str:
        return await self._cloud.send("reservation.put", data)


def _parts(items: list[Data]) -> Iterator[list[Data]]:
    """The items in parts that fit into a message; one empty part where there are none."""
    part: list[Data] = []
    size = 0
    for item in items:
        length = len(json.dumps(item)) + 2
        if part and (size + length > PART_BYTES or len(part) == PART_ITEMS):
            yield part
            part, size = [], 0
        part.append(item)
        size += length
    yield part
