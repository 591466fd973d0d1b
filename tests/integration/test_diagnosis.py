"""Why a code is not on a door, as the disk says it: from the booking to a failing lock and back."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gatewayd.domain.diagnosis import Diagnosis, Part, State, text
from gatewayd.domain.events.alert import raised
from gatewayd.domain.events.lock import LockUsed
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.report import KeypadDisabled, Used, WrongCode
from gatewayd.errors import Reason, UnknownSubject
from gatewayd.store import signals
from gatewayd.store.diagnosis import why
from gatewayd.store.outbox import receipted
from tests.house import DAY, House, command, opened, property_, reservation
from tests.house import site as whole_site
from tests.integration.test_reconciler import HOUR, MINUTE, Site, VirtualClock, site, take

STAY = {
    "id": "r1",
    "version": 1,
    "property_id": "p",
    "arrival": "2026-07-01",
    "departure": "2026-07-03",
    "confirmation_code": "HM1",
    "guest": {"name": "Quixote"},
    "code": "739164",
}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as house:
        yield house


async def diagnosed(hub: Site, subject: str, *, connected: bool | None = None) -> Diagnosis:
    """Without a code and a guest's name in it, whatever it says."""
    now = hub.clock.now()
    found = await why(hub.database.read, subject, now, hub.clock.tick(), connected=connected)
    for secret in (STAY["code"], "Quixote"):
        assert str(secret) not in repr(found) + text(found)
    return found


async def asked(house: House, subject: str) -> Diagnosis:
    return await why(house.database.read, subject, house.clock.now(), house.clock.tick())


async def test_why_follows_a_code_from_the_booking_to_a_failing_lock_and_back(
    tmp_path: Path,
) -> None:
    """S3-9, S3-10, S3-21, suffering 28, suffering 16: one stay, on two doors."""
    clock = VirtualClock()
    async with site(tmp_path, clock, "a", "b") as hub:
        lock = hub.lock("a")
        lock.dead = True
        await take(hub.intake, command("reservation.put", STAY, id="PUT"))
        await clock.settle(2)
        found = await diagnosed(hub, "r1")
        assert found.summary == "r1 has no code on a yet: the code goes in at 12:50."
        assert (found.first_broken, found.attempts) == (None, ())

        await hub.pass_(52.5 * MINUTE)
        found = await diagnosed(hub, "r1")
        assert found.summary == (
            "r1 has no code on a: the lock has not answered since 12:50 (3 attempts); it is tried "
            "again at 12:53."
        )
        assert found.first_broken is not None
        broken = found.first_broken
        assert (broken.name, broken.reason, broken.door) == (
            Part.LOCK,
            Reason.LOCK_UNREACHABLE,
            "a",
        )
        assert found.attempts[0].text == (
            "12:52 a: the code is not on it: the lock does not answer (attempt 3)"
        )
        shown = [link for link in found.links if link.name is Part.PROOF]
        assert [(link.door, link.state) for link in shown] == [
            ("a", State.WAITING),
            ("b", State.OK),
        ]
        assert (await diagnosed(hub, "a/res:r1")).summary == found.summary
        assert (await diagnosed(hub, "b/res:r1")).first_broken is None
        assert (await diagnosed(hub, "a")).first_broken is not None
        assert (await diagnosed(hub, "b")).summary == "b: the lock answered at 12:50."

        lock.dead = False
        await hub.pass_(2 * MINUTE)
        found = await diagnosed(hub, "r1", connected=True)
        assert found.summary == "The code of r1 is on a and b; the code comes out on Fri 10:00."
        assert [link.state for link in found.links if link.name is Part.CLOUD] == [State.OK]

        await hub.pass_(HOUR)
        for _ in range(3):
            hub.radio.report("a", WrongCode())
            await hub.pass_(MINUTE)
        hub.radio.report("a", KeypadDisabled())
        await hub.pass_(MINUTE)
        found = await diagnosed(hub, "r1")
        assert found.summary == (
            "The code of r1 is on a; the keypad of a is locked out after wrong codes; a wrong code "
            "was typed there 3 times since 13:54, the last at 13:56: the guest mistypes, or uses "
            "another door; the code comes out on Fri 10:00."
        )
        assert (await diagnosed(hub, "b/res:r1")).first_broken is None
        (slot,) = lock.codes
        hub.radio.report("a", Used(slot, opened=True))
        await hub.pass_(MINUTE)
        assert (await diagnosed(hub, "r1")).first_broken is None

        lock.drops_writes = True
        cancel = command("reservation.cancel", {"id": "r1", "version": 2}, id="CANCEL")
        await take(hub.intake, cancel)
        await hub.pass_(10 * MINUTE)
        found = await diagnosed(hub, "r1")
        assert found.summary == (
            "r1 has no code: it is cancelled; a code that is over still lies on a; it is tried "
            "again at 14:12."
        )
        assert any("delete it at the keypad" in what for what in found.what_to_do)


async def test_a_held_reservation_says_why_and_what_helps(house: House) -> None:
    """S3-9, S3-10: the mapping; times are those of the property's zone."""
    document = whole_site(properties=[property_("far", "front", zone="Asia/Tokyo")])
    await house.send("site.put", document)
    await house.send("reservation.put", reservation(property_id="nowhere"))
    found = await asked(house, "R1")
    assert found.summary == "R1 has no code: R1 names a property that this hub does not know."
    assert found.what_to_do[0] == "send the site document that holds the property"
    await house.send("reservation.put", reservation("R2", property_id="far"))
    assert "from 2026-07-11 14:00" in (await asked(house, "R2")).links[1].text
    assert "came at 21:00" in (await asked(house, "R2")).links[-2].text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kind": "block"}, "R1 has no code: it only blocks the dates: nobody comes."),  # S2-9
        ({"property_id": "cabin"}, "R1 has no code: its property has no lock"),  # S2-12
        (
            {"arrival": "2026-05-01", "departure": "2026-05-04"},
            "R1 has no code: its last day is over.",
        ),
        ({"policy": {"generate": "before_arrival"}}, "its code is made on 2026-07-08 14:00"),
    ],
)
async def test_a_reservation_without_a_key_says_why(
    house: House, changed: dict[str, Any], said: str
) -> None:
    await house.send("site.put", whole_site())
    await house.send("reservation.put", reservation(**changed))
    assert said in (await asked(house, "R1")).summary


async def test_it_knows_what_the_cloud_has_and_when_the_guest_was_told(house: House) -> None:
    """S3-21: the notification's timing, and the booking connection."""
    await house.send("site.put", whole_site())
    await house.send("reservation.put", reservation())
    notice = (await asked(house, "R1")).links[-1]
    assert (notice.name, notice.state) == (Part.NOTICE, State.WAITING)
    async with house.database.transaction() as tx:
        await receipted(tx, [event["id"] for event in await house.told()])
    notice = (await asked(house, "R1")).links[-1]
    assert (notice.state, notice.since) == (State.UNKNOWN, house.clock.at)
    told_at = "2026-07-01T13:00:00Z"
    await house.send("reservation.put", reservation(version=2, announced_at=told_at))
    notice = (await asked(house, "R1")).links[-1]
    assert notice.state is State.OK
    assert notice.text.endswith("the guest was told at 15:00")
    await house.send("code.regenerate", {"key_id": "res:R1", "reason": "it was seen"})
    house.clock.at += DAY
    assert (await asked(house, "R1")).links[-1].state is State.WAITING


async def test_a_command_that_waits_to_be_confirmed_is_named(house: House) -> None:
    """S3-21: the booking side wants something that the hub holds."""
    await house.send("site.put", whole_site())
    for number in range(1, 6):
        stay = reservation(f"R{number}", property_id="shed")
        moved = {"arrival": f"2026-08-{number:02}", "departure": f"2026-08-{number + 1:02}"}
        await house.send("reservation.put", stay | moved)
    nothing = {"snapshot_id": "S", "part": 1, "parts": 1, "complete": True, "items": []}
    await house.send("reservation.snapshot", nothing | {"as_of": "2026-07-02T00:00:00Z"})
    found = await asked(house, "R1")
    assert found.first_broken is not None
    assert found.first_broken.reason is Reason.BRAKE_HELD


async def test_a_key_by_hand_has_its_chain_too(house: House) -> None:
    await house.send("site.put", whole_site())
    by_hand = {"id": "cleaner", "version": 1, "doors": {"add": ["front"]}}
    times = {"starts": "2026-07-01T08:00", "ends": "2026-07-02T11:00"}
    await house.send("key.put", by_hand | times)
    found = await asked(house, "cleaner")
    assert found.links[0].text == "it opens until Thu 11:00"
    assert found.links[2].door_name == "The front"


async def test_what_is_not_there_is_told_with_what_is_like_it(house: House) -> None:
    await house.send("site.put", whole_site())
    await house.send("reservation.put", reservation("HMABCDE"))
    for subject, like in (("HMABCDF", "HMABCDE"), ("fornt", "front"), ("front/HMABCD", "HMABCDE")):
        with pytest.raises(UnknownSubject) as error:
            await asked(house, subject)
        assert like in error.value.nearest
        assert like in str(error.value)
        assert subject not in str(error.value)
    with pytest.raises(UnknownSubject, match=r"has that id$"):
        await asked(house, "zzzzzzzzzzzz")


async def test_without_a_site_there_is_an_answer_too(house: House) -> None:
    await house.send("reservation.put", reservation())
    found = await asked(house, "res:R1")
    assert found.first_broken is not None
    assert found.first_broken.reason is Reason.MAPPING_UNKNOWN


async def test_alerts_that_stand_are_part_of_it(house: House) -> None:
    """S3-9: those of the radio, and of the key at a door."""
    await house.send("site.put", whole_site())
    await house.send("reservation.put", reservation(property_id="shed"))
    house.clock.at += 11 * DAY
    unset = raised(AlertCode.CODE_UNSET, "shed-door/res:R1")
    async with house.database.transaction() as tx:
        await house.outbox.tell(tx, house.clock.now(), [unset])
    assert any("backup.issued" in what for what in (await asked(house, "R1")).what_to_do)
    async with house.database.transaction() as tx:
        await house.outbox.tell(tx, house.clock.now(), [raised(AlertCode.RADIO_DOWN, "zwave")])
    found = await asked(house, "R1")
    assert found.first_broken is not None
    assert found.first_broken.name is Part.RADIO


@pytest.mark.parametrize(("minutes", "broken"), [(2, False), (4, True)])
async def test_a_log_that_is_read_later_tells_whether_the_guest_got_in(
    house: House, minutes: int, broken: bool
) -> None:
    """Suffering 28: a wrong code three minutes ago, and the door opened after it, or before."""
    await house.send("site.put", whole_site())
    await house.send("reservation.put", reservation(property_id="shed"))
    house.clock.at += 11 * DAY
    await house.prove("shed-door", "R1")
    lock, now = LockId("shed-door"), house.clock.at
    opened_at = now - timedelta(minutes=minutes)
    used = LockUsed(lock, 1, KeyId("res:R1"), "unlock", opened_at)
    async with house.database.transaction() as tx:
        signals.wrong_code(tx, lock, now - timedelta(minutes=3))
        await house.outbox.tell(tx, house.clock.now(), [used])
    found = await asked(house, "R1")
    assert (found.first_broken is not None) is broken
