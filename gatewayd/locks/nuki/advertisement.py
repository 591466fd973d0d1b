"""What a lock tells all the time, without a connection.

Nuki Smart Lock API 2.1, "Bluetooth GATT services"; the iBeacon's fields as I-Connect/NukiBleEsp32
reads them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

APPLE = 0x004C
PAIRING_SERVICE = "a92ee100-5501-11e4-916c-0800200c9a66"
PAIRING_GDIO = "a92ee101-5501-11e4-916c-0800200c9a66"
KEYTURNER_SERVICE = "a92ee200-5501-11e4-916c-0800200c9a66"
KEYTURNER_GDIO = "a92ee201-5501-11e4-916c-0800200c9a66"
KEYTURNER_USDIO = "a92ee202-5501-11e4-916c-0800200c9a66"
ULTRA_PAIRING_SERVICE = "a92ee300-5501-11e4-916c-0800200c9a66"

BEACON = b"\x02\x15" + UUID(KEYTURNER_SERVICE).bytes
"""Type and length of an iBeacon and the UUID; major, minor and power follow."""
_BEACON_SIZE = 23
_ID_SIZE = 4


@dataclass(frozen=True, slots=True)
class Advertisement:
    """A Nuki Smart Lock is near.

    `nuki_id` is what its name ends with, in hexadecimal. `state_changed` stays set until somebody
    reads the states. `ultra` is known only while it is in pairing mode.
    """

    nuki_id: int | None
    state_changed: bool = False
    pairing: bool = False
    ultra: bool = False


def read_advertisement(
    manufacturer_data: Mapping[int, bytes], service_data: Mapping[str, bytes]
) -> Advertisement | None:
    """What this says of a lock; None where it is not of a Nuki Smart Lock.

    Manufacturer data are keyed by company and without its number, service data by UUID, as bleak
    gives them.
    """
    services = {uuid.lower(): data for uuid, data in service_data.items()}
    for service in (PAIRING_SERVICE, ULTRA_PAIRING_SERVICE):
        if service in services:
            ultra = service == ULTRA_PAIRING_SERVICE
            return Advertisement(_nuki_id(services[service]), pairing=True, ultra=ultra)
    beacon = manufacturer_data.get(APPLE, b"")
    if len(beacon) != _BEACON_SIZE or not beacon.startswith(BEACON):
        return None
    return Advertisement(_nuki_id(beacon[len(BEACON) :]), state_changed=bool(beacon[-1] & 1))


def _nuki_id(data: bytes) -> int | None:
    return int.from_bytes(data[:_ID_SIZE], "big") if len(data) >= _ID_SIZE else None
