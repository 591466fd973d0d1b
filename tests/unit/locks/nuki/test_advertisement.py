"""What is read from an advertisement."""

import pytest

from gatewayd.locks.nuki.advertisement import (
    APPLE,
    PAIRING_SERVICE,
    ULTRA_PAIRING_SERVICE,
    Advertisement,
    read_advertisement,
)

BEACON = bytes.fromhex("0215 A92EE200550111E4916C0800200C9A66 1A2B3C4D C4")
OPENER = bytes.fromhex("0215 A92AE200550111E4916C0800200C9A66 2A37599A C4")
"""As developer.nuki.io shows it; an Opener has no keyturner."""


@pytest.mark.parametrize(("power", "changed"), [(0xC4, False), (0xC5, True)])
def test_a_beacon_tells_of_a_change(power: int, changed: bool) -> None:
    """The lowest bit of its power."""
    beacon = BEACON[:-1] + bytes((power,))
    expected = Advertisement(0x1A2B3C4D, state_changed=changed)
    assert read_advertisement({APPLE: beacon}, {}) == expected


@pytest.mark.parametrize(
    ("service", "ultra"), [(PAIRING_SERVICE, False), (ULTRA_PAIRING_SERVICE, True)]
)
def test_pairing_mode(service: str, ultra: bool) -> None:
    """The data of the service, however its UUID is written."""
    got = read_advertisement({}, {service.upper(): b"\x1a\x2b\x3c\x4d"})
    assert got == Advertisement(0x1A2B3C4D, pairing=True, ultra=ultra)


def test_pairing_mode_without_id() -> None:
    """The service alone is enough."""
    assert read_advertisement({}, {PAIRING_SERVICE: b""}) == Advertisement(None, pairing=True)


@pytest.mark.parametrize(
    "manufacturer_data",
    [
        {},
        {APPLE: b""},
        {APPLE: BEACON[:-1]},
        {APPLE: BEACON + b"\0"},
        {APPLE: OPENER},
        {0x004D: BEACON},
    ],
)
def test_what_is_no_lock(manufacturer_data: dict[int, bytes]) -> None:
    """Other companies, other beacons, torn ones."""
    assert read_advertisement(manufacturer_data, {"180a": b""}) is None
