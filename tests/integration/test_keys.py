"""Keys by hand, staff's word on top of reservations, and what makes a key wait for its code."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.code import CodeRules
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.store import site as sites
from gatewayd.store import situations
from tests import house as houses
from tests.house import DAY, NOON, Document, House, data, opened, reservation, types

KEY = "res:R1"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as house:
        await house.send("site.put", houses.site())
        yield house


def by_hand(version: int = 1, **changed: object) -> Document:
    """A cleaner's key for a day."""
    key = {
        "id": "cleaner",
        "version": version,
        "name": "Cleaner",
        "doors": {"add": ["front", "flat-1-door"]},
        "starts": "2026-07-02T08:00",
        "ends": "2026-07-02T18:00",
    }
    return key | changed


async def window(house: House, key: str) -> tuple[str, str]:
    """As UTC texts."""
    rows = await house.rows(
        "SELECT strftime('%m-%dT%H:%M', starts, 'unixepoch'), "
        "strftime('%m-%dT%H:%M', ends, 'unixepoch') FROM keys WHERE id = ?",
        key,
    )
    return rows[0][0], rows[0][1]


async def doors(house: House, key: str) -> set[str]:
    rows = await house.rows("SELECT lock_id FROM doors WHERE key_id = ?", key)
    return {lock for (lock,) in rows}


async def withheld(house: House, key: str) -> set[str | None]:
    rows = await house.rows("SELECT withheld FROM doors WHERE key_id = ?", key)
    return {why for (why,) in rows}


async def held(house: House) -> str | None:
    ((why,),) = await house.rows("SELECT held FROM reservations WHERE id = 'R1'")
    return None if why is None else str(why)


# --- keys by hand ------------------------------------------------------------------------------


async def test_a_key_by_hand_names_its_doors_and_times(house: House) -> None:
    told = await house.send("key.put", by_hand())
    assert types(told) == ["code.assigned", "command.accepted"]
    assert data(told, "code.assigned")["reservation_id"] is None
    assert await doors(house, "cleaner") == {"front", "flat-1-door"}
    assert await window(house, "cleaner") == ("07-02T06:00", "07-02T16:00")


@pytest.mark.parametrize(
    ("changed", "reason", "path"),
    [
        ({"starts": None}, "missing_field", "data"),
        ({"ends": "2026-07-02T08:00"}, "dates_reversed", "data.ends"),
        ({"doors": {"add": ["attic"]}}, "unknown_lock", "data.doors"),
        ({"starts": "tomorrow"}, "invalid_field", "data.starts"),
        ({"id": "res:R9"}, "invalid_field", "data.id"),
    ],
)
async def test_a_key_that_cannot_be_is_refused_and_nothing_is_kept(
    house: House, changed: Document, reason: str, path: str
) -> None:
    told = await house.send("key.put", by_hand(**changed))
    answer = data(told, "command.rejected")
    assert (answer["reason"], answer["path"]) == (reason, path)
    assert await house.rows("SELECT * FROM overrides") == []
    assert await house.rows("SELECT * FROM keys") == []


async def test_what_staff_says_by_version(house: House) -> None:
    await house.send("key.put", by_hand(2))
    older = await house.send("key.put", by_hand(1))
    assert data(older, "command.rejected")["reason"] == "stale_version"
    same = await house.send("key.put", by_hand(2, ends="2026-07-03T18:00"))
    assert types(same) == ["command.accepted"]
    await house.send("key.put", {"id": "cleaner", "version": 3, "ends": "2026-07-03T18:00"})
    assert await window(house, "cleaner") == ("07-02T06:00", "07-03T16:00")


async def test_a_deleted_key_is_gone(house: House) -> None:
    await house.send("key.put", by_hand())
    told = await house.send("key.delete", {"id": "cleaner", "version": 2})
    assert types(told) == ["command.done", "command.accepted", "command.done"]
    assert await doors(house, "cleaner") == set()
    late = await house.send("key.put", by_hand(1))
    assert data(late, "command.rejected")["reason"] == "stale_version"


# --- on a reservation's key --------------------------------------------------------------------


async def test_staff_edits_a_reservations_key_and_its_word_stays(house: House) -> None:
    # S3-1, S3-5
    await house.send("reservation.put", reservation())
    edit = {
        "id": KEY,
        "version": 1,
        "doors": {"add": ["shed-door"], "remove": ["front"]},
        "ends": "2026-07-18T20:00",
    }
    await house.send("key.put", edit)
    assert await doors(house, KEY) == {"flat-1-door", "shed-door"}
    assert (await window(house, KEY))[1] == "07-18T18:00"
    await house.send("reservation.put", reservation(version=2, departure="2026-07-14"))
    assert (await window(house, KEY))[1] == "07-18T18:00"
    await house.send("site.put", houses.site(2, policy={"grace": "2h"}))
    assert await doors(house, KEY) == {"flat-1-door", "shed-door"}
    await house.send("key.put", {"id": KEY, "version": 2, "ends": None})
    assert (await window(house, KEY))[1] == "07-14T11:00"
    await house.send("key.delete", {"id": KEY, "version": 3})
    assert await doors(house, KEY) == {"flat-1-door", "front"}


async def test_a_cancellation_beats_staffs_word(house: House) -> None:
    await house.send("reservation.put", reservation())
    await house.send("key.put", {"id": KEY, "version": 1, "doors": {"add": ["shed-door"]}})
    await house.send("reservation.cancel", {"id": "R1", "version": 2})
    assert await doors(house, KEY) == set()


async def test_revoke_and_restore_whole_or_by_door(house: House) -> None:
    # S3-12
    await house.send("reservation.put", reservation())
    code = await house.code_of("R1")
    await house.send("key.revoke", {"id": KEY, "version": 1, "doors": ["front"]})
    assert await doors(house, KEY) == {"flat-1-door"}
    await house.send("key.revoke", {"id": KEY, "version": 2})
    assert await doors(house, KEY) == set()
    await house.send("reservation.put", reservation(version=2, departure="2026-07-14"))
    assert await doors(house, KEY) == set(), "staff's word wins"
    await house.send("key.restore", {"id": KEY, "version": 3, "doors": ["flat-1-door"]})
    assert await doors(house, KEY) == {"flat-1-door"}
    await house.send("key.restore", {"id": KEY, "version": 4})
    assert await doors(house, KEY) == {"front", "flat-1-door"}
    assert await house.code_of("R1") == code


async def test_staff_may_name_the_code_and_a_strict_one_is_reserved(house: House) -> None:
    # S3-2
    await house.send("reservation.put", reservation())
    strict = {"id": KEY, "version": 1, "code": "739164", "policy": {"pin": {"policy": "strict"}}}
    await house.send("key.put", strict)
    assert await house.code_of("R1") == "739164"
    later = reservation("R2", arrival="2028-07-05", departure="2028-07-07", code="739164")
    told = await house.send("reservation.put", later)
    assert data(told, "command.rejected")["reason"] == "code_taken"
    preferred = later | {"policy": {"pin": {"policy": "preferred"}}}
    await house.send("reservation.put", preferred)
    assert await house.code_of("R2") != "739164"


PREFERRED: Document = {"policy": {"pin": {"policy": "preferred"}}}


def told_code(told: list[Document]) -> tuple[str, bool]:
    """What the cloud hears of the code of a key: which it is, and whether it is another than the
    one that was asked for."""
    assigned = data(told, "code.assigned")
    return assigned["display"], assigned["declined"]


@pytest.mark.parametrize("why", ["mapping_unknown", "times_missing"])
async def test_a_code_that_somebody_saw_is_changed_while_its_reservation_is_held(
    house: House, why: str
) -> None:
    # S3-3, suffering 23
    await house.send("reservation.put", reservation(arrival="2026-07-01"))
    seen = await house.code_of("R1")
    await house.prove("front", "R1")
    if why == "mapping_unknown":
        moved = reservation(version=2, arrival="2026-07-01", property_id="attic")
        await house.send("reservation.put", moved)
    else:
        timeless = houses.property_("flat-1", "front", "flat-1-door", check_in=...)
        await house.send("site.put", houses.site(2, properties=[timeless]))
    assert await held(house) == why
    told = await house.send("code.regenerate", {"key_id": KEY, "reason": "it was seen"})
    changed = data(told, "code.changed")
    code = await house.code_of("R1")
    assert changed["display"] == code != seen
    assert {door["lock_id"]: door["old"] for door in changed["doors"]} == {
        "front": "removed_first",
        "flat-1-door": "absent",
    }
    assert await held(house) == why


async def test_a_held_reservation_that_has_no_key_has_no_code_to_change(house: House) -> None:
    await house.send("reservation.put", reservation(property_id="attic"))
    told = await house.send("code.regenerate", {"key_id": KEY, "reason": "it was seen"})
    assert data(told, "command.rejected")["reason"] == "mapping_unknown"


async def test_a_wish_for_a_key_that_has_a_code_is_declined_and_the_guest_keeps_his(
    house: House,
) -> None:
    # S3-2
    wish = reservation(code="739164", **PREFERRED)
    assert told_code(await house.send("reservation.put", wish)) == ("739164", False)
    later = wish | {"version": 2, "code": "846291"}
    assert told_code(await house.send("reservation.put", later)) == ("739164", True)
    again = await house.send("reservation.put", later | {"version": 3, "departure": "2026-07-16"})
    assert types(again) == ["command.accepted"], "it was told"
    echo = await house.send("reservation.put", later | {"version": 4, "code": "739164"})
    assert types(echo) == ["command.accepted"]
    word = {"id": KEY, "version": 1, "code": "846291"}
    assert told_code(await house.send("key.put", word)) == ("739164", True)
    named = await house.send("key.put", word | {"version": 2, "name": "Ada"})
    assert types(named) == ["command.accepted"]
    told = await house.send("site.put", houses.site(2, policy={"grace": "2h"}))
    assert types(told) == ["command.accepted", "command.done"]
    assert await house.code_of("R1") == "739164"


async def test_a_wish_that_cannot_be_is_declined(house: House) -> None:
    # S3-2: somebody has it; so is the next one, where the code that it got cannot be any more
    await house.send("reservation.put", reservation(code="739164"))
    wish = reservation("R2", code="739164", **PREFERRED)
    code, declined = told_code(await house.send("reservation.put", wish))
    assert (code != "739164", declined) == (True, True)
    async with house.database.transaction() as tx:
        await sites.learned(tx, LockId("front"), Capabilities(code=CodeRules(4, 4)))
    await house.restart()
    told = await house.send("reservation.put", wish | {"version": 2, "code": "846291"})
    changed = data(told, "code.changed")
    assert (len(changed["display"]), changed["declined"]) == (4, True)


async def test_a_wish_that_waits_with_its_reservation_is_declined_when_the_key_comes(
    house: House,
) -> None:
    # S3-2
    await house.send("reservation.put", reservation(code="739164"))
    wish = reservation("R2", code="739164", property_id="attic", **PREFERRED)
    await house.send("reservation.put", wish)
    attic = [*houses.site()["properties"], houses.property_("attic", "shed-door")]
    told = await house.send("site.put", houses.site(2, properties=attic))
    assert told_code(told)[1]


async def test_a_code_is_shown_in_segments_and_stored_whole(house: House) -> None:
    # S2-10
    policy = {"pin": {"segment": 3}}
    told = await house.send("reservation.put", reservation(policy=policy))
    digits = await house.code_of("R1")
    assert data(told, "code.assigned")["display"] == f"{digits[:3]}-{digits[3:]}"
    assert data(told, "code.assigned")["doors"][0]["code"] == digits


async def test_a_code_that_a_lock_shows_already_is_not_drawn(house: House) -> None:
    # S1-20: known before it is refused
    await house.rows("SELECT 1")
    async with house.database.transaction() as tx:
        await tx.rows(
            "INSERT INTO slots VALUES ('front', 9, 'holds', '4455', 0, 1, NULL, NULL, NULL)"
        )
    policy = {"pin": {"source": "phone", "length": 4}}
    guest = {"phone": "+41 79 123 44 55"}
    await house.send("reservation.put", reservation(policy=policy, guest=guest))
    assert await house.code_of("R1") != "4455"


async def test_another_code_at_once_takes_the_old_one_away_first(house: House) -> None:
    # S3-3, suffering 23
    await house.send("reservation.put", reservation())
    old = await house.code_of("R1")
    await house.prove("front", "R1")
    told = await house.send("code.regenerate", {"key_id": KEY, "reason": "it was seen"})
    assert types(told) == ["code.changed", "command.accepted"]
    fates = {door["lock_id"]: door["old"] for door in data(told, "code.changed")["doors"]}
    assert fates == {"front": "removed_first", "flat-1-door": "absent"}
    assert await house.code_of("R1") != old
    assert await house.rows("SELECT handover FROM keys") == [(None,)]
    unknown = await house.send("code.regenerate", {"key_id": "res:R9"})
    assert data(unknown, "command.rejected")["path"] == "data.key_id"


# --- what a key waits for ----------------------------------------------------------------------


async def test_no_code_until_the_phone_is_known_and_then_at_once(house: House) -> None:
    # S2-7
    policy = {"pin": {"source": "phone", "length": 4, "missing_phone": "wait"}}
    told = await house.send("reservation.put", reservation(policy=policy))
    assert types(told) == ["command.accepted"]
    assert await held(house) == "phone_missing"
    guest = {"phone": "+41 79 123 44 57"}
    told = await house.send("reservation.put", reservation(version=2, policy=policy, guest=guest))
    assert data(told, "code.assigned")["late"] is True
    assert await house.code_of("R1") == "4457"
    assert await held(house) is None


async def test_a_code_is_made_some_days_before_arrival(house: House) -> None:
    # S2-8
    policy = {"generate": "before_arrival", "generate_days": 2}
    await house.send("reservation.put", reservation(arrival="2026-07-05", policy=policy))
    assert await held(house) == "not_due"
    await house.intake.look_again()
    assert await held(house) == "not_due"
    house.clock.at = NOON + 2 * DAY
    await house.intake.look_again()
    assert await held(house) is None
    assert "code.assigned" in types(await house.told())


async def test_a_code_is_made_when_the_guest_checks_in(house: House) -> None:
    # S2-8
    policy = {"generate": "at_check_in"}
    await house.send("reservation.put", reservation(arrival="2026-07-01", policy=policy))
    assert await held(house) == "awaiting_check_in"
    told = await house.send("reservation.check_in", {"id": "R1", "at": NOON.isoformat()})
    assert "code.assigned" in types(told)


async def test_a_code_is_made_when_it_is_asked_for(house: House) -> None:
    # S2-8
    await house.send("reservation.put", reservation(policy={"generate": "manual"}))
    assert await held(house) == "not_due"
    told = await house.send("code.regenerate", {"key_id": KEY})
    assert "code.assigned" in types(told)
    await house.send("site.put", houses.site(2, policy={"grace": "2h"}))
    assert await house.live() == {"R1"}


async def test_nothing_is_written_before_the_guest_has_checked_in(house: House) -> None:
    # S3-17
    await house.send("reservation.put", reservation(policy={"provision_at": "check_in"}))
    assert await withheld(house, KEY) == {"awaiting_check_in"}
    await house.send("reservation.check_in", {"id": "R1", "at": NOON.isoformat()})
    assert await withheld(house, KEY) == {None}


async def test_an_early_check_out_ends_the_access_and_the_key_is_past(house: House) -> None:
    await house.send("reservation.put", reservation(arrival="2026-06-30"))
    code = await house.code_of("R1")
    await house.prove("front", "R1")
    await house.prove("flat-1-door", "R1")
    at = (NOON - timedelta(minutes=1)).isoformat()
    told = await house.send("reservation.check_out", {"id": "R1", "at": at})
    assert types(told) == ["command.accepted"]
    assert await doors(house, KEY) == set()
    assert await house.rows("SELECT revoked FROM keys") == [(0,)]
    assert await house.free("front", "R1") == []
    assert await house.free("flat-1-door", "R1") != []
    gone = await house.send("reservation.check_out", {"id": "R9", "at": at})
    assert data(gone, "command.rejected")["path"] == "data.id"
    assert await house.code_of("R1") == code


@pytest.mark.parametrize(
    ("kind", "blocks", "opens"),
    [("block", True, True), ("block", False, False), ("mutual_block", True, False)],
)
async def test_blocked_time_has_a_code_where_that_is_wanted(
    house: House, kind: str, blocks: bool, opens: bool
) -> None:
    # S2-9
    await house.send("reservation.put", reservation(kind=kind, policy={"blocks": blocks}))
    assert bool(await house.live()) is opens


async def test_the_bookings_that_are_there_already_wait_where_that_is_wanted(house: House) -> None:
    # S2-13
    await house.send("site.put", houses.site(2, policy={"existing_bookings": False}))
    snapshot = {
        "snapshot_id": "S1",
        "part": 1,
        "parts": 1,
        "as_of": NOON.isoformat(),
        "complete": True,
        "items": [reservation()],
    }
    await house.send("reservation.snapshot", snapshot)
    assert await held(house) == "not_due"
    await house.send("reservation.put", reservation("R2"))
    assert await house.live() == {"R2"}
    await house.send("code.regenerate", {"key_id": KEY})
    assert await house.live() == {"R1", "R2"}


async def test_a_locks_own_policy_is_narrower_than_its_propertys(house: House) -> None:
    policy = {"write_lead": "48h", "retry": "daily", "external_delete": "restore"}
    slow = houses.lock("front", 2) | {"policy": policy}
    locks = [slow if lock["id"] == "front" else lock for lock in houses.site()["locks"]]
    await house.send("site.put", houses.site(2, locks=locks, policy={"write_lead": "1h"}))
    await house.send("reservation.put", reservation())
    rows = await house.rows(
        "SELECT lock_id, (starts - due) / 3600, retry, external_delete "
        "FROM doors JOIN keys ON id = key_id ORDER BY 1"
    )
    assert rows == [
        ("flat-1-door", 1.0, "ladder", "respect"),
        ("front", 48.0, "daily", "restore"),
    ]


async def test_a_report_tells_which_level_decides_each_setting(house: House) -> None:
    """The narrower wins; a lock that has settings of its own is named."""
    slow = houses.lock("front", 2) | {"policy": {"write_lead": "48h", "verify_after": "5s"}}
    locks = [slow if lock["id"] == "front" else lock for lock in houses.site()["locks"]]
    policy = {"write_lead": "1h", "health_check": {"at": "07:30"}}
    await house.send("site.put", houses.site(2, locks=locks, policy=policy))
    own: dict[str, object] = {"pin": {"length": 6}, "verify_after": "9s"}
    own |= {"backup": {"pool": 1}, "health_check": {"at": "09:00"}}  # not a reservation's to say
    await house.send("reservation.put", reservation(policy=own))
    told = await house.send("report", {"key_id": KEY})
    assert types(told) == ["policy.in_force", "command.accepted", "command.done"]
    found = data(told, "policy.in_force")
    decided = [s for s in found["settings"] if s["level"] != "default"]
    assert decided == [
        {"name": "pin.length", "value": 6, "level": "reservation"},
        {"name": "write_lead", "value": "3600s", "level": "site"},
        {"name": "verify_after", "value": "9s", "level": "reservation"},
        {"name": "health_check.at", "value": "07:30", "level": "site"},
    ]
    defaults = {s["name"]: s["value"] for s in found["settings"] if s["level"] == "default"}
    assert (defaults["label"], defaults["pin.source"]) == ("code", "random")
    assert (defaults["grace_all_day"], defaults["backup.pool"]) == (False, 3)
    assert found["doors"] == [
        {"lock_id": "flat-1-door", "settings": []},
        {
            "lock_id": "front",
            "settings": [{"name": "write_lead", "value": "172800s", "level": "lock"}],
        },
    ]


async def test_a_report_on_a_key_that_is_not_there_is_refused(house: House) -> None:
    told = await house.send("report", {"key_id": "res:NOBODY"})
    rejected = data(told, "command.rejected")
    assert (rejected["reason"], rejected["path"]) == ("invalid_field", "data.key_id")


# --- what must not be undone by the next look ---------------------------------------------------


async def test_a_put_that_comes_twice_does_not_forget_when_its_code_is_due(house: House) -> None:
    booking = reservation(policy={"generate": "before_arrival", "generate_days": 2})
    await house.send("reservation.put", booking)
    await house.send("reservation.put", booking)
    house.clock.at = NOON + 9 * DAY
    await house.intake.look_again()
    assert await house.live() == {"R1"}


async def test_a_new_booking_is_no_existing_one_when_its_code_is_due(house: House) -> None:
    # S2-8, S2-13
    await house.send("site.put", houses.site(2, policy={"existing_bookings": False}))
    policy = {"generate": "before_arrival", "generate_days": 2}
    await house.send("reservation.put", reservation(policy=policy))
    house.clock.at = NOON + 9 * DAY
    await house.intake.look_again()
    assert await house.live() == {"R1"}


async def test_a_code_that_was_seen_does_not_come_back(house: House) -> None:
    # suffering 23
    await house.send("reservation.put", reservation(code="739164"))
    await house.send("code.regenerate", {"key_id": KEY})
    code = await house.code_of("R1")
    assert code != "739164"
    await house.send("site.put", houses.site(2, policy={"grace": "2h"}))
    await house.send("reservation.put", reservation(version=2, departure="2026-07-16"))
    assert await house.code_of("R1") == code


async def test_what_a_snapshot_left_out_stays_gone(house: House) -> None:
    # S1-14: also where staff has its word on it
    house.clock.at = NOON - DAY
    await house.send("reservation.put", reservation())
    await house.send("key.put", {"id": KEY, "version": 1, "doors": {"add": ["shed-door"]}})
    house.clock.at = NOON
    empty = {"snapshot_id": "S1", "part": 1, "parts": 1, "complete": True, "items": []}
    await house.send("reservation.snapshot", empty | {"as_of": NOON.isoformat()})
    assert await house.live() == set()
    await house.send("site.put", houses.site(2, policy={"grace": "2h"}))
    await house.send("reservation.check_in", {"id": "R1", "at": NOON.isoformat()})
    assert await house.live() == set()


async def test_one_door_of_a_revoked_key_opens_alone(house: House) -> None:
    # S3-12
    await house.send("reservation.put", reservation())
    await house.send("key.revoke", {"id": KEY, "version": 1})
    await house.send("key.restore", {"id": KEY, "version": 2, "doors": ["front"]})
    assert await doors(house, KEY) == {"front"}


async def test_a_key_is_revoked_also_where_it_could_not_be_made(house: House) -> None:
    # S3-12
    await house.send("reservation.put", reservation())
    timeless = houses.property_("flat-1", "front", "flat-1-door", check_in=..., check_out=...)
    await house.send("site.put", houses.site(2, properties=[timeless]))
    assert await doors(house, KEY) == {"front", "flat-1-door"}, "held, not lost"
    await house.send("key.revoke", {"id": KEY, "version": 1})
    assert await doors(house, KEY) == set()


async def test_a_lock_that_is_gone_keeps_no_door_of_a_key(house: House) -> None:
    # S1-14
    await house.send("reservation.put", reservation())
    await house.send("key.put", {"id": KEY, "version": 1, "doors": {"add": ["shed-door"]}})
    without = [lock for lock in houses.site()["locks"] if lock["id"] != "shed-door"]
    rest = [p for p in houses.site()["properties"] if p["id"] != "shed"]
    await house.send("site.put", houses.site(2, locks=without, properties=rest))
    assert await doors(house, KEY) == {"front", "flat-1-door"}


async def test_a_check_out_is_taken_back_by_a_later_check_in(house: House) -> None:
    await house.send("reservation.put", reservation(arrival="2026-06-30"))
    await house.send("reservation.check_out", {"id": "R1", "at": NOON.isoformat()})
    assert await doors(house, KEY) == set()
    again = (NOON + timedelta(minutes=5)).isoformat()
    await house.send("reservation.check_in", {"id": "R1", "at": again})
    assert await doors(house, KEY) == {"front", "flat-1-door"}


async def test_a_guest_who_stays_longer_keeps_the_code_in_anothers_quarantine(house: House) -> None:
    # S1-4, suffering 11: what is apart is apart
    phone: Document = {
        "guest": {"phone": "0791234457"},
        "policy": {"pin": {"source": "phone", "length": 4}},
    }
    other = reservation("R2", arrival="2026-09-10", departure="2026-09-12", **phone)
    await house.send("reservation.put", other)
    await house.send("reservation.put", reservation(**phone))
    assert await house.code_of("R1") == await house.code_of("R2") == "4457"
    longer = reservation(version=2, departure="2026-08-20", **phone)
    await house.send("reservation.put", longer)
    assert await house.code_of("R1") == "4457"


async def test_a_restored_door_is_not_done_while_its_code_is_being_cleared(house: House) -> None:
    await house.send("reservation.put", reservation(arrival="2026-06-30"))
    await house.prove("front", "R1")
    await house.prove("flat-1-door", "R1")
    await house.send("key.revoke", {"id": KEY, "version": 1})
    async with house.database.transaction() as tx:
        await tx.rows("UPDATE leases SET stage = 'clearing'")
    told = await house.send("key.restore", {"id": KEY, "version": 2})
    assert "command.done" not in types(told)


async def test_a_regenerated_key_of_a_cancelled_stay_has_nothing_to_prove(house: House) -> None:
    await house.send("reservation.put", reservation())
    await house.send("reservation.cancel", {"id": "R1", "version": 2})
    told = await house.send("code.regenerate", {"key_id": KEY})
    assert "code.changed" not in types(told)
    assert "command.done" in types(told)


# --- what was possible and is not any more -----------------------------------------------------


async def impossible(house: House) -> list[Document]:
    """The alerts of keys that cannot be as it was said, raised and cleared."""
    told = [event["data"] for event in await house.told() if event["type"].startswith("alert.")]
    return [alert for alert in told if alert["code"] == "key_impossible"]


async def test_a_stay_whose_dates_a_site_document_reverses_is_told_and_keeps_its_code(
    house: House,
) -> None:
    await house.send("reservation.put", reservation())
    await house.send("key.put", {"id": KEY, "version": 1, "ends": "2026-07-11T16:00"})
    await house.send("reservation.put", reservation("R2"))
    before = await window(house, KEY)
    late = houses.property_("flat-1", "front", "flat-1-door", check_in="17:00")
    told = await house.send("site.put", houses.site(2, properties=[late]))
    assert types(told)[-2:] == ["command.accepted", "command.done"]
    assert await held(house) == "dates_reversed"
    (alert,) = await impossible(house)
    assert (alert["subject"], alert["reason"]) == ("R1", "dates_reversed")
    assert "not after its start" in alert["what_to_do"]
    assert await window(house, KEY) == before
    assert (await window(house, "res:R2"))[0] == "07-11T14:00"
    await house.send("site.put", houses.site(3, properties=[late]))  # no news
    assert len(await impossible(house)) == 1
    await house.send("site.put", houses.site(4))
    assert await house.alerts() == set()
    assert await held(house) is None


@pytest.mark.parametrize("left", ["front", None])
async def test_a_key_by_hand_is_told_whose_door_is_not_on_the_site_any_more(
    house: House, left: str | None
) -> None:
    await house.send("key.put", by_hand(doors={"add": [*filter(None, [left]), "shed-door"]}))
    site = houses.site(2)
    site["properties"].pop()
    less = site | {"locks": site["locks"][:-1]}
    await house.send("site.put", less)
    (alert,) = await impossible(house)
    assert (alert["subject"], alert["reason"]) == ("cleaner", "unknown_lock")
    assert await doors(house, "cleaner") == {*filter(None, [left])}
    await house.send("site.put", less | {"version": 3})
    assert len(await impossible(house)) == 1
    await house.send("site.put", houses.site(4))
    assert await house.alerts() == set()
    assert "shed-door" in await doors(house, "cleaner")


async def test_a_code_that_another_key_gets_for_itself_is_told_and_the_others_go_on(
    house: House,
) -> None:
    later: Document = {"arrival": "2026-10-11", "departure": "2026-10-15"}
    await house.send("reservation.put", reservation(code="4711"))
    await house.send("reservation.put", reservation("R2", code="4711", **later))
    await house.send("reservation.put", reservation("R3", **later))
    await house.send("site.put", houses.site(2, policy={"pin": {"policy": "strict"}}))
    (alert,) = await impossible(house)
    assert (alert["subject"], alert["reason"]) == ("R2", "code_taken")
    assert await house.code_of("R2") == "4711"
    assert await house.rows("SELECT id FROM keys WHERE exclusive") == [("res:R1",), ("res:R3",)]
    await house.send("site.put", houses.site(3))
    assert await house.alerts() == set()


async def test_what_is_no_key_cannot_be_revoked(house: House) -> None:
    for word in ("key.revoke", "key.restore"):
        told = await house.send(word, {"id": "R1", "version": 1})
        assert data(told, "command.rejected")["path"] == "data.id"
    assert await house.rows("SELECT * FROM overrides") == []


async def test_of_a_revoked_key_only_the_restored_door_opens_wherever_the_guest_moves(
    house: House,
) -> None:
    """S3-12"""
    await house.send("reservation.put", reservation())
    await house.send("key.revoke", {"id": KEY, "version": 1})
    await house.send("key.restore", {"id": KEY, "version": 2, "doors": ["front"]})
    assert await doors(house, KEY) == {"front"}
    await house.send("reservation.put", reservation(version=2, property_id="flat-2"))
    assert await doors(house, KEY) == {"front"}
    await house.send("key.revoke", {"id": KEY, "version": 3, "doors": ["front"]})
    assert await doors(house, KEY) == set()
    await house.send("key.restore", {"id": KEY, "version": 4})
    assert await doors(house, KEY) == {"front", "flat-2-door"}


@pytest.mark.parametrize("source", ["dictated", "phone"])
async def test_a_code_that_was_replaced_is_nobody_elses_for_a_while(
    house: House, source: str
) -> None:
    """Suffering 23: whoever saw it might stand before another guest's door."""
    policy = {"pin": {"source": "phone", "length": 6}}
    guest = {"name": "A", "phone": "+41 79 482 913"}
    wish: Document = (
        {"code": "482913"} if source == "dictated" else {"guest": guest, "policy": policy}
    )
    await house.send("reservation.put", reservation(**wish))
    assert await house.code_of("R1") == "482913"
    await house.send("code.regenerate", {"key_id": KEY, "reason": "it was seen"})
    told = await house.send("reservation.put", reservation("R2", **wish))
    if source == "dictated":
        assert data(told, "command.rejected")["reason"] == "code_taken"
    else:
        assert await house.code_of("R2") != "482913"
    house.clock.at += 31 * DAY
    stay = {"arrival": "2026-09-01", "departure": "2026-09-05"}
    await house.send("reservation.put", reservation("R3", **wish | stay))
    assert await house.code_of("R3") == "482913"


async def test_a_door_that_is_not_provisioned_keeps_the_old_code(house: House) -> None:
    """S3-20: nothing new is written there, so nothing old is taken away for it."""
    await house.send("reservation.put", reservation(arrival="2026-07-01"))
    await house.prove("front", "R1")
    locks = [lock | {"allow_provisioning": False} for lock in houses.site()["locks"]]
    await house.send("site.put", houses.site(2, locks=locks))
    told = await house.send(
        "reservation.put", reservation(version=2, arrival="2026-07-01", code="482913")
    )
    assert "code.changed" in types(told)
    async with house.database.transaction() as tx:
        await tx.rows("DELETE FROM outbox")  # receipted
    house.clock.at += DAY
    front = await situations.load(house.database.read, LockId("front"), house.clock.now())
    assert not front.claims[KeyId(KEY)].old_codes_go


async def test_a_restored_key_is_put_back_where_a_person_deleted_it(house: House) -> None:
    """S1-17"""
    await house.send("reservation.put", reservation())
    for lock in ("front", "flat-1-door"):
        await house.prove(lock, "R1")
    async with house.database.transaction() as tx:
        await tx.rows("UPDATE leases SET stage = 'gone', proof = NULL, reason = 'deleted_at_lock'")
    await house.send("key.restore", {"id": KEY, "version": 1, "doors": ["front"]})
    asked = "SELECT lock_id FROM leases WHERE reason IS NULL ORDER BY lock_id"
    assert await house.rows(asked) == [("front",)]
    await house.send("key.restore", {"id": KEY, "version": 2})
    assert await house.rows(asked) == [("flat-1-door",), ("front",)]
