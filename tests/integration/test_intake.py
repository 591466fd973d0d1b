"""Good commands, one at a time: reservations, codes, doors, what is said and when it is done."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.code import Code, CodeRules
from gatewayd.domain.events.alert import raised
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.lease import Lease, Proof, Stage
from gatewayd.intake import health
from gatewayd.intake.accept import Intake
from gatewayd.store import site as sites
from gatewayd.store import situations, waits
from gatewayd.store.database import Transaction
from gatewayd.store.outbox import receipted
from tests.house import (
    DAY,
    HUB,
    Document,
    House,
    command,
    data,
    lock,
    opened,
    property_,
    reservation,
    site,
    types,
)

NUKI = CodeRules(6, 6, frozenset("123456789"), frozenset({"12"}))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as house:
        await house.send("site.put", site())
        yield house


async def put(house: House, *args: Any, **changed: Any) -> list[dict[str, Any]]:
    """Send a reservation; returns what was told."""
    return await house.send("reservation.put", reservation(*args, **changed))


async def learn(house: House, lock_id: str, able: Capabilities) -> None:
    """The lock has told what it can do."""
    async with house.database.transaction() as tx:
        await sites.learned(tx, LockId(lock_id), able)
        await house.intake.lock_learned(tx, house.clock.now(), LockId(lock_id))


# --- a reservation's way -------------------------------------------------------------------------


async def test_a_reservation_gets_one_code_for_all_its_doors(house: House) -> None:
    told = await put(house)
    assert sorted(types(told)) == ["code.assigned", "command.accepted"]
    assigned = data(told, "code.assigned")
    code = await house.code_of("R1")
    assert assigned == {  # S1-1, S2-17
        "key_id": "res:R1",
        "reservation_id": "R1",
        "doors": [
            {"lock_id": "front", "name": "The front", "code": code},
            {"lock_id": "flat-1-door", "name": "The flat-1-door", "code": code},
        ],
        "display": code,
        "late": False,
        "declined": False,
    }
    assert {event["cause"] for event in told} == {"C0002"}


async def test_the_default_code_fits_every_lock_known(house: House) -> None:
    for n in range(20):
        await put(house, f"R{n}")
        assert NUKI.allow(Code(await house.code_of(f"R{n}")))  # S1-23


async def test_a_property_without_grace_is_warned_of(house: House) -> None:
    """S2-4, S2-5"""
    for version, changed, warned in (
        (2, {"policy": {"grace": "0"}}, True),
        (3, {"policy": {"grace": "all_day"}}, False),
        (4, {"check_in": "all_day"}, True),
        (5, {}, False),
    ):
        flat = property_("flat-1", "front", "flat-1-door", **changed)
        await house.send("site.put", site(version, properties=[flat]))
        assert (("no_grace", "flat-1") in await house.alerts()) is warned


async def test_the_window_is_the_local_stay_and_its_grace(house: House) -> None:
    await put(house)
    ((starts, ends),) = await house.rows("SELECT starts, ends FROM keys")
    assert (starts, ends) == (1783771200.0, 1784109600.0)  # S1-2, S2-3: 12:00Z to 10:00Z


async def test_the_locks_concerned_are_woken(house: House) -> None:
    woken: list[set[LockId]] = []
    house.database.committed = lambda tx: woken.append(tx.woken)
    await put(house)
    assert woken == [{"front", "flat-1-door"}]


async def test_a_moved_reservation_keeps_its_code_and_changes_its_doors(house: House) -> None:
    """S1-10, S2-2, suffering 22: at once."""
    await put(house)
    code = await house.code_of("R1")
    woken: list[set[LockId]] = []
    house.database.committed = lambda tx: woken.append(tx.woken)
    told = await put(house, version=2, property_id="flat-2", departure="2026-07-18")
    assert types(told) == ["command.accepted"]
    assert await house.code_of("R1") == code
    assert await house.doors_of("R1") == ["flat-2-door", "front"]
    assert woken == [{"front", "flat-1-door", "flat-2-door"}]
    ((ends,),) = await house.rows("SELECT ends FROM keys")
    assert ends == 1784109600.0 + 3 * DAY.total_seconds()


async def test_new_dates_alone_wake_the_doors_and_say_nothing(house: House) -> None:
    await put(house)
    woken: list[set[LockId]] = []
    house.database.committed = lambda tx: woken.append(tx.woken)
    told = await put(house, version=2, arrival="2026-07-12")
    assert types(told) == ["command.accepted"]
    assert woken == [{"front", "flat-1-door"}]


async def test_what_an_update_leaves_out_stays_and_what_it_nulls_is_cleared(house: House) -> None:
    guest = {"name": "Ada", "phone": "+41 79 555 01 23"}
    await put(house, check_in="09:00", check_out="18:00", guest=guest)
    update = reservation(version=2, check_in=None, guest={"name": None})
    await house.send("reservation.put", update)
    ((document, starts, ends),) = await house.rows(
        "SELECT r.document, starts, ends FROM reservations r JOIN keys"
    )
    assert json.loads(document)["guest"] == {"name": None, "phone": "+41 79 555 01 23"}
    assert (starts, ends) == (1783771200.0, 1784109600.0 + 7 * 3600)  # the property's check-in
    await put(house, version=3, guest=None)
    ((document,),) = await house.rows("SELECT document FROM reservations")
    assert json.loads(document)["guest"] is None


async def test_unknown_fields_are_ignored(house: House) -> None:
    envelope = command("reservation.put", reservation(colour="blue"), id="C9", extra={"a": [None]})
    assert "command.accepted" in types(await house.take(envelope))


async def test_a_cancelled_reservation_loses_its_key_and_when_it_returns_has_the_same_code(
    house: House,
) -> None:
    """S1-13"""
    await put(house)
    code = await house.code_of("R1")
    told = await house.send("reservation.cancel", {"id": "R1", "version": 2})
    assert types(told) == ["command.done", "command.accepted", "command.done"]  # on no lock yet
    assert (await house.live(), await house.doors_of("R1")) == (set(), [])
    told = await put(house, version=3, status="confirmed")
    assert data(told, "code.assigned")["display"] == code


async def test_a_status_of_cancelled_is_a_cancellation(house: House) -> None:
    await put(house)
    await put(house, version=2, status="cancelled")
    assert await house.live() == set()


async def test_the_cancellation_of_an_unknown_reservation_is_rejected(house: House) -> None:
    told = await house.send("reservation.cancel", {"id": "R9", "version": 1})
    rejected = data(told, "command.rejected")
    assert (rejected["reason"], rejected["path"]) == ("invalid_field", "data.id")


@pytest.mark.parametrize("spoilt", ["property gone", "times gone"])
async def test_a_cancellation_is_never_refused_for_what_the_site_lacks(
    house: House, spoilt: str
) -> None:
    await put(house)
    changed = [] if spoilt == "property gone" else [property_("flat-1", "front", check_in=...)]
    await house.send("site.put", site(2, properties=changed))
    told = await house.send("reservation.cancel", {"id": "R1", "version": 2})
    assert "command.accepted" in types(told)
    assert await house.live() == set()
    assert await house.alerts() == set()
    told = await house.send("site.put", site(3))  # and it does not come back to life
    assert "code.assigned" not in types(told)


async def test_a_reservation_that_is_over_gets_no_code(house: House) -> None:
    told = await put(house, arrival="2026-06-01", departure="2026-06-05")
    assert types(told) == ["command.accepted", "command.done"]


async def test_an_extension_of_a_stay_that_was_over_brings_the_same_code_back(house: House) -> None:
    await put(house)
    code = await house.code_of("R1")
    house.clock.at += 20 * DAY
    await put(house, version=2)  # any update sees that it is over
    told = await put(house, version=3, departure="2026-07-30")
    assert data(told, "code.assigned")["display"] == code


async def test_a_property_without_locks_has_no_code_and_no_error(house: House) -> None:
    told = await put(house, property_id="cabin")  # S2-12
    assert types(told) == ["command.accepted", "command.done"]
    assert await house.rows("SELECT * FROM keys") == []
    assert await house.alerts() == set()


async def test_a_move_to_a_property_without_locks_takes_the_key_away(house: House) -> None:
    await put(house)
    await put(house, version=2, property_id="cabin")
    assert await house.live() == set()


@pytest.mark.parametrize("kind", ["block", "mutual_block"])
async def test_blocked_dates_get_no_code(house: House, kind: str) -> None:
    told = await put(house, kind=kind)  # S2-9
    assert types(told) == ["command.accepted", "command.done"]
    assert await house.rows("SELECT * FROM keys") == []


@pytest.mark.parametrize(
    ("door", "of_reservation", "active", "withheld"),
    [
        (True, True, True, None),
        (False, True, True, "provisioning_disabled_door"),
        (True, False, True, "provisioning_disabled_key"),
        (False, False, True, "provisioning_disabled_key"),
        (True, True, False, "lock_inactive"),
    ],
)
async def test_both_the_door_and_the_reservation_must_allow_provisioning(
    house: House, door: bool, of_reservation: bool, active: bool, withheld: str | None
) -> None:
    front = lock("shed-door", 5, allow_provisioning=door, active=active)  # S3-20, S2-20
    await house.send("site.put", site(2, locks=[*site()["locks"][:3], front]))
    told = await put(house, property_id="shed", allow_provisioning=of_reservation)
    assert "code.assigned" in types(told)  # S3-15: making a code is not yet provisioning it
    assert await house.rows("SELECT withheld FROM doors") == [(withheld,)]


async def test_a_lock_taken_off_a_property_is_no_door_any_more(house: House) -> None:
    await put(house)
    woken: list[set[LockId]] = []
    house.database.committed = lambda tx: woken.append(tx.woken)
    flat = property_("flat-1", "flat-1-door")
    await house.send("site.put", site(2, properties=[flat, *site()["properties"][1:]]))
    assert await house.doors_of("R1") == ["flat-1-door"]  # S1-14
    assert "front" in woken[0]


async def test_a_restart_judges_by_the_same_site(house: House) -> None:
    await house.restart()
    assert "code.assigned" in types(await put(house))
    assert data(await house.send("site.put", site(0)), "command.rejected")["reason"] == (
        "stale_version"
    )


async def test_a_site_document_whose_taking_was_cancelled_is_whole_after_the_resend(
    house: House,
) -> None:
    """The link was lost at any moment; the broker sends the command again."""
    announced: set[int] = set()

    def committed(tx: Transaction) -> None:
        if tx.site_changed:
            announced.add(version)

    house.database.committed = committed
    for version in range(2, 42):
        cottage = property_(f"cottage-{version}", "front")
        payload = json.dumps(
            command("site.put", site(version, properties=[cottage]), id=f"S{version}")
        ).encode()
        task = asyncio.create_task(house.intake.accept(payload))
        for _ in range(8 * (version - 1)):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await house.intake.accept(payload)
        assert version in announced
        told = await put(house, f"R{version}", property_id=f"cottage-{version}")
        assert "code.assigned" in types(told), f"version {version}"


# --- order and duplicates ------------------------------------------------------------------------


async def test_the_same_command_again_gets_the_same_answer_and_changes_nothing(
    house: House,
) -> None:
    # Fault 4
    payload = command("reservation.put", reservation(), id="C7")
    told = await house.take(payload)
    ((receipt),) = [event for event in told if event["type"] == "command.accepted"]
    async with house.database.transaction() as tx:
        await receipted(tx, [event["id"] for event in told])
    before = await house.dump(without=["outbox", "journal"])
    await house.restart()
    (again,) = await house.take(payload)
    assert again == receipt
    assert await house.dump(without=["outbox", "journal"]) == before
    assert await house.take(payload) == []  # it still waits for its receipt


async def test_the_same_rejected_command_again_gets_the_same_answer(house: House) -> None:
    payload = command("reservation.put", reservation(code="123456789"), id="C7")
    (first,) = (e for e in await house.take(payload) if e["type"] == "command.rejected")
    async with house.database.transaction() as tx:
        await receipted(tx, [first["id"]])
    (again,) = await house.take(payload)
    assert again["id"] == first["id"]


async def test_the_same_version_in_another_command_is_accepted_and_changes_nothing(
    house: House,
) -> None:
    await put(house)
    before = await house.dump(without=["outbox", "journal", "commands"])
    house.clock.at += DAY
    again = reservation(departure="2026-07-29", guest=None)
    assert types(await house.send("reservation.put", again, id="C9")) == ["command.accepted"]
    assert types(await house.send("site.put", site(properties=[]))) == [
        "command.accepted",
        "command.done",
    ]
    async with house.database.transaction() as tx:  # but for the command that waits
        await tx.rows("DELETE FROM waits WHERE command = 'C9'")
    assert await house.dump(without=["outbox", "journal", "commands"]) == before


async def test_an_expired_command_says_so_and_does_nothing(house: House) -> None:
    # Fault 6
    payload = command("reservation.put", reservation(), expires="2026-07-01T12:00:00Z", id="C7")
    before = await house.dump(without=["outbox", "journal", "commands"])
    assert types(await house.take(payload)) == ["command.expired"]
    assert await house.dump(without=["outbox", "journal", "commands"]) == before
    late = command("reservation.put", reservation(), expires="2026-07-01T14:00:01+02:00", id="C8")
    assert "command.accepted" in types(await house.take(late))


async def test_a_doubtful_clock_expires_nothing_that_may_still_hold(house: House) -> None:
    # Faults 6, 31
    house.clock.doubt = 3 * DAY
    payload = command("reservation.put", reservation(), expires="2026-07-01T12:00:01Z")
    assert "command.accepted" in types(await house.take(payload))


# --- codes ---------------------------------------------------------------------------------------


class Stubborn(Random):
    """Draws 739164 three times out of four, then something else."""

    def choices(self, population: Any, *args: Any, **options: Any) -> Any:
        """The first draws of each seed are always the same."""
        if self.random() < 0.75:
            return list("739164")
        return super().choices(population, *args, **options)


async def test_codes_are_unique_among_all_that_overlap_on_the_site(house: House) -> None:
    # Fault 13
    house.intake = Intake(house.database, house.outbox, house.clock, Stubborn(3), HUB)
    flats = ["flat-1", "flat-2", "shed"]
    for n in range(30):  # suffering 11: also where they share no lock
        await put(house, f"R{n}", property_id=flats[n % 3])
    codes = [code for (code,) in await house.rows("SELECT code FROM keys")]
    assert len(codes) == len(set(codes)) == 30
    assert "739164" in codes


@pytest.mark.parametrize(
    ("arrival", "departure", "free"),
    [
        ("2026-08-13", "2026-08-14", False),  # 29 days after, the graces counted in
        ("2026-08-16", "2026-08-17", True),
        ("2026-07-02", "2026-07-03", False),  # before it, too
    ],
)
async def test_a_code_is_not_used_again_within_thirty_days(
    house: House, arrival: str, departure: str, free: bool
) -> None:
    await put(house, code="739164")
    told = await put(
        house, "R2", property_id="shed", arrival=arrival, departure=departure, code="739164"
    )
    if free:
        assert data(told, "code.assigned")["display"] == "739164"
    else:
        rejected = data(told, "command.rejected")
        assert (rejected["reason"], rejected["path"]) == ("code_taken", "data.code")
        assert "739164" not in json.dumps(told)


async def test_the_code_of_a_cancelled_stay_is_not_free_at_once(house: House) -> None:
    await put(house, code="739164")
    await house.send("reservation.cancel", {"id": "R1", "version": 2})
    told = await put(house, "R2", code="739164")
    assert data(told, "command.rejected")["reason"] == "code_taken"


@pytest.mark.parametrize("code", ["0739", "07391648", "739164"])
async def test_a_dictated_code_is_taken_as_it_is(house: House, code: str) -> None:
    told = await put(house, code=code)  # suffering 18, 29
    assert data(told, "code.assigned")["display"] == code


@pytest.mark.parametrize(
    "code", ["123", "12345678901", "12a456", "", "\uff11\uff12\uff13\uff14\uff15\uff16"]
)
async def test_a_dictated_code_of_no_possible_form_is_rejected(house: House, code: str) -> None:
    rejected = data(await put(house, code=code), "command.rejected")
    assert (rejected["reason"], rejected["path"]) == ("invalid_field", "data.code")
    assert not code or code not in rejected["message"]


async def test_a_dictated_code_that_a_lock_would_refuse_is_rejected_with_an_alert(
    house: House,
) -> None:
    await learn(house, "flat-1-door", Capabilities(code=NUKI))
    told = await put(house, code="120456")
    rejected = data(told, "command.rejected")
    assert (rejected["reason"], rejected["path"]) == ("code_impossible", "data.code")
    assert await house.alerts() == {("code_impossible", "R1")}
    assert await house.rows("SELECT * FROM reservations") == []
    await put(house, code="739164")
    assert await house.alerts() == set()


async def test_another_dictated_code_is_a_change_with_a_handover(house: House) -> None:
    await put(house, code="739164")
    await house.prove("front", "R1")
    told = await put(house, version=2, code="846291", announced_at="2026-07-01T10:00:00Z")
    changed = data(told, "code.changed")
    assert changed["display"] == "846291"
    assert {(door["lock_id"], door["code"], door["old"]) for door in changed["doors"]} == {
        ("front", "846291", "kept_until_proven"),
        ("flat-1-door", "846291", "absent"),
    }
    assert changed["announced"] is True
    (event,) = (event["id"] for event in told if event["type"] == "code.changed")
    assert await house.rows("SELECT code, handover FROM keys") == [("846291", event)]


async def test_in_a_handover_the_old_code_goes_last(house: House) -> None:
    """Receipted, and proven on all doors."""
    await put(house, code="739164", arrival="2026-07-01")
    told = await put(house, version=2, code="846291", arrival="2026-07-01")
    house.clock.at += DAY

    async def may_go() -> bool:
        front = await situations.load(house.database.read, LockId("front"), house.clock.now())
        return front.claims[KeyId("res:R1")].old_codes_go

    assert not await may_go()
    await house.prove("front", "R1")
    async with house.database.transaction() as tx:
        await receipted(tx, [event["id"] for event in told])
    assert not await may_go()
    await house.prove("flat-1-door", "R1")
    assert await may_go()


@pytest.mark.parametrize(
    ("phone", "length", "digits"),
    [
        ("+41 79 555 73 91", None, "7391"),  # S1-3
        ("+41 79 555 73 91", 6, "557391"),  # S2-6
        ("(044) 071-02-73", 6, "710273"),
        ("+41 79 555 73 91".translate({ord("7"): "\u0667"}), 4, None),  # its digits are not ours
        ("555", None, None),  # too short
        ("+41 79 555 12 34", None, None),  # too easily guessed
        ("", None, None),
        (None, None, None),  # S1-22
    ],
)
async def test_a_code_is_made_from_the_phone_or_drawn_where_that_gives_none(
    house: House, phone: str | None, length: int | None, digits: str | None
) -> None:
    pin = {"source": "phone"} | ({"length": length} if length else {})
    told = await put(house, guest={"phone": phone}, policy={"pin": pin})
    code = data(told, "code.assigned")["display"]
    if digits is None:
        assert len(code) == (length or 6)
    else:
        assert code == digits


async def test_two_guests_with_the_same_phone_get_two_codes(house: House) -> None:
    options = {"guest": {"phone": "+41 79 555 73 91"}, "policy": {"pin": {"source": "phone"}}}
    await put(house, "R1", **options)
    await put(house, "R2", property_id="shed", **options)
    assert await house.code_of("R1") == "7391"
    assert await house.code_of("R2") != "7391"


async def test_a_later_phone_does_not_change_a_code_that_is_out(house: House) -> None:
    policy = {"pin": {"source": "phone"}}
    await put(house, policy=policy)
    code = await house.code_of("R1")
    told = await put(house, version=2, guest={"phone": "+41 79 555 73 91"})
    assert types(told) == ["command.accepted"]
    assert await house.code_of("R1") == code


async def test_what_a_lock_tells_later_makes_its_keys_anew(house: House) -> None:
    """S1-7, S1-23: it refuses the code's form, and holds the window itself."""
    stay = {"arrival": "2026-07-20", "departure": "2026-07-22"}
    await put(house, code="120456", **stay)
    await put(house, version=2, code=None, **stay)  # it stays, and is not dictated any more
    due = "SELECT due FROM doors WHERE lock_id = 'flat-1-door'"
    ((late,),) = await house.rows(due)
    await learn(house, "flat-1-door", Capabilities(code=NUKI, enforces_windows=True))
    ((early,),) = await house.rows(due)
    assert late - early == (72 * 60 - 10) * 60
    assert NUKI.allow(Code(await house.code_of("R1")))
    assert data(await house.told(), "code.changed")["display"] == await house.code_of("R1")


async def test_doors_with_no_common_form_get_no_code_and_an_alert(house: House) -> None:
    await learn(house, "front", Capabilities(code=CodeRules(4, 5)))
    await learn(house, "flat-1-door", Capabilities(code=CodeRules(6, 8)))
    told = await put(house)
    assert data(told, "command.rejected")["reason"] == "rules_conflict"
    assert await house.alerts() == {("code_impossible", "R1")}
    assert await house.rows("SELECT * FROM keys") == []


async def test_a_length_that_no_lock_takes_is_impossible(house: House) -> None:
    await learn(house, "front", Capabilities(code=CodeRules(4, 5)))
    told = await put(house, policy={"pin": {"length": 8}})
    assert data(told, "command.rejected")["reason"] == "code_impossible"


async def test_a_code_that_a_lock_has_already_is_replaced_by_handover(house: House) -> None:
    """S1-4, S1-20, suffering 4"""
    await put(house, arrival="2026-07-01")
    code = Code(await house.code_of("R1"))
    async with house.database.transaction() as tx:
        await house.intake.another_code(tx, house.clock.now(), KeyId("res:R1"), code)
        await house.intake.another_code(
            tx, house.clock.now(), KeyId("res:R1"), code
        )  # one is enough
    changed = data(await house.told(), "code.changed")
    assert changed["reason"] == "duplicate_code"
    assert await house.code_of("R1") == changed["display"] != code.digits
    ((handover,),) = await house.rows("SELECT handover FROM keys")
    assert handover is not None


async def test_a_guest_who_was_told_a_code_keeps_it_where_it_opens(house: House) -> None:
    """S1-20"""
    await put(house, arrival="2026-07-01", announced_at="2026-06-30T12:00:00Z")
    code = Code(await house.code_of("R1"))
    async with house.database.transaction() as tx:
        await house.intake.another_code(tx, house.clock.now(), KeyId("res:R1"), code)
    assert await house.code_of("R1") == code.digits
    assert await house.alerts() == {("code_refused", "R1")}
    await house.send("code.regenerate", {"key_id": "res:R1"})
    assert await house.alerts() == set()


async def test_a_lock_that_takes_no_code_does_not_use_up_all_codes(house: House) -> None:
    """Suffering 4"""
    await put(house, arrival="2026-07-01")
    for _ in range(20):
        async with house.database.transaction() as tx:
            code = Code(await house.code_of("R1"))
            await house.intake.another_code(tx, house.clock.now(), KeyId("res:R1"), code)
    assert types(await house.told()).count("code.changed") == 5
    assert await house.alerts() == {("code_impossible", "R1")}
    await house.send("code.regenerate", {"key_id": "res:R1"})
    async with house.database.transaction() as tx:
        code = Code(await house.code_of("R1"))
        await house.intake.another_code(tx, house.clock.now(), KeyId("res:R1"), code)
    assert types(await house.told()).count("code.changed") == 7


async def watched(house: House) -> set[tuple[str, str]]:
    """The alerts that stand after the hub has looked."""
    await house.intake.attend(partial(health.watch, since={}, tick=house.clock.tick()))
    return await house.alerts()


@pytest.mark.parametrize(
    ("alert", "said"),
    [
        ("code_refused", {"announced_at": "2026-06-30T12:00:00Z"}),
        ("code_impossible", {"code": "4829135"}),  # the locks take four digits
        ("code_impossible", {}),  # they take four, and six
    ],
)
async def test_an_alert_on_a_code_ends_with_the_stay(
    house: House, alert: str, said: Document
) -> None:
    """S1-20, S2-15"""
    await put(house, **said)
    if alert == "code_refused":
        async with house.database.transaction() as tx:
            code = Code(await house.code_of("R1"))
            await house.intake.another_code(tx, house.clock.now(), KeyId("res:R1"), code)
    else:
        other = CodeRules(4, 4) if said else CodeRules(6, 6)
        await learn(house, "front", Capabilities(code=CodeRules(4, 4)))
        await learn(house, "flat-1-door", Capabilities(code=other))
    assert await watched(house) == {(alert, "R1")}
    house.clock.at += 13 * DAY  # the day before the departure
    assert await watched(house) == {(alert, "R1")}
    house.clock.at += 5 * DAY
    assert await watched(house) == set()


ONE_DAY = {"arrival": "2026-07-15", "departure": "2026-07-15", "check_in": "08:00"}


@pytest.mark.parametrize(
    ("alert", "said", "there"),
    [
        ("mapping_unknown", {"property_id": "attic"}, {}),
        ("times_missing", {}, {"check_in": ...}),
        ("key_impossible", ONE_DAY, {"check_out": "07:00"}),
    ],
)
async def test_an_alert_on_what_is_held_ends_with_the_stay_and_so_does_its_command(
    house: House, alert: str, said: Document, there: Document
) -> None:
    """S2-15"""
    await house.send("reservation.put", reservation(**said), id="PUT")
    flat = property_("flat-1", "front", "flat-1-door", **there)
    await house.send("site.put", site(2, properties=[flat, *site()["properties"][1:]]))
    assert await watched(house) == {(alert, "R1")}
    house.clock.at += 13 * DAY  # the day before the departure
    assert await watched(house) == {(alert, "R1")}
    house.clock.at += 5 * DAY
    async with house.database.transaction() as tx:  # as the workers do at locks with free slots
        await tx.rows("DELETE FROM doors")
    assert await watched(house) == set()
    done = [e["cause"] for e in await house.told() if e["type"] == "command.done"]
    assert done.count("PUT") == 1
    told = await house.send("site.put", site(3, properties=[flat]), id="LATER")
    assert types(told) == ["command.accepted", "command.done"]


async def test_an_alert_on_what_is_held_ends_when_the_guest_leaves(house: House) -> None:
    """S2-15"""
    told = await put(house, property_id="attic")
    gone = {"id": "R1", "at": "2026-07-01T12:00:00Z"}
    told = await house.send("reservation.check_out", gone)
    assert types(told) == ["alert.cleared", "command.done", "command.accepted", "command.done"]
    assert await house.alerts() == set()


async def test_an_alert_on_a_door_of_nobody_ends_with_the_stay(house: House) -> None:
    """S2-15: staff gave the guest of a cabin without a lock one that is gone"""
    await put(house, property_id="cabin", policy={"generate": "manual"})
    word = {"id": "res:R1", "version": 1, "doors": {"add": ["shed-door"]}}
    await house.send("key.put", word)
    gone = {"locks": site()["locks"][:-1], "properties": [property_("cabin")]}
    await house.send("site.put", site(2, **gone))
    assert await watched(house) == {("key_impossible", "R1")}
    house.clock.at += 18 * DAY
    assert await watched(house) == set()
    await house.send("site.put", site(3, **gone))
    assert await house.alerts() == set()


async def test_an_alert_on_what_was_rejected_ends_with_the_stay_that_it_named(
    house: House,
) -> None:
    """S2-15: the hub keeps nothing else of it"""
    timeless = [property_("flat-1", "front", check_in=...)]
    await house.send("site.put", site(2, properties=timeless))
    await put(house)
    await put(house, "R2", departure="2026-07-20")
    await put(house, "R3")
    assert await house.rows("SELECT * FROM reservations") == []
    house.clock.at += 13 * DAY
    assert await watched(house) == {("times_missing", id_) for id_ in ("R1", "R2", "R3")}
    await house.send("reservation.cancel", {"id": "R3", "version": 2})
    assert await watched(house) == {("times_missing", id_) for id_ in ("R1", "R2")}
    await put(house, departure="2026-07-20")
    house.clock.at += 5 * DAY
    assert await watched(house) == {("times_missing", id_) for id_ in ("R1", "R2")}
    house.clock.at += 5 * DAY
    assert await watched(house) == set()


async def test_an_alert_on_a_key_by_hand_ends_with_it(house: House) -> None:
    """S2-15"""
    word = {"id": "cleaner", "version": 1, "starts": "2026-07-02T08:00", "ends": "2026-07-05T18:00"}
    word |= {"doors": {"add": ["front", "flat-1-door"]}}
    await house.send("key.put", word)
    async with house.database.transaction() as tx:
        alert = raised(AlertCode.CODE_IMPOSSIBLE, "cleaner")
        await house.outbox.tell(tx, house.clock.now(), (alert,))
    assert await watched(house) == {("code_impossible", "cleaner")}
    house.clock.at += 5 * DAY
    assert await watched(house) == set()


async def test_a_dictated_code_that_a_lock_refused_does_not_come_back_by_itself(
    house: House,
) -> None:
    """Suffering 4: a duplicate is the end of that code for this key."""
    await put(house, code="739164")
    async with house.database.transaction() as tx:
        await house.intake.another_code(tx, house.clock.now(), KeyId("res:R1"), Code("739164"))
    code = await house.code_of("R1")
    assert code != "739164"
    flat = property_("flat-1", "front", "flat-1-door", check_out="10:00")
    told = await house.send("site.put", site(2, properties=[flat, *site()["properties"][1:]]))
    assert "code.changed" not in types(told)
    await put(house, version=2, departure="2026-07-16")
    assert await house.code_of("R1") == code


async def test_a_refused_key_that_is_gone_meanwhile_gets_no_other_code(house: House) -> None:
    await put(house)
    code = Code(await house.code_of("R1"))
    await house.send("reservation.cancel", {"id": "R1", "version": 2})
    async with house.database.transaction() as tx:
        await house.intake.another_code(tx, house.clock.now(), KeyId("res:R1"), code)
        await house.intake.another_code(tx, house.clock.now(), KeyId("res:R9"), code)
    assert "code.changed" not in types(await house.told())


# --- done ----------------------------------------------------------------------------------------


async def test_a_command_is_done_once_when_every_door_has_proven_it(house: House) -> None:
    told = await put(house)
    assert "command.done" not in types(told)
    assert await house.prove("front", "R1") == []
    assert await house.prove("flat-1-door", "R1") == ["C0002"]
    async with house.database.transaction() as tx:
        assert await waits.settled(tx, KeyId("res:R1"), house.clock.now()) == []  # only once


async def test_an_acknowledgement_is_no_proof(house: House) -> None:
    """S0-1"""
    await put(house, property_id="shed")
    async with house.database.transaction() as tx:
        before = await situations.load(tx, LockId("shed-door"), house.clock.now())
        code = Code(await house.code_of("R1"))
        lease = Lease(KeyId("res:R1"), code, 1, Stage.WRITTEN, Proof.ACCEPTED)
        situations.save(tx, before, before.with_lease(lease))
        assert await waits.settled(tx, KeyId("res:R1"), house.clock.now()) == []
        after = before.with_lease(lease)
        matched = Lease(KeyId("res:R1"), code, 1, Stage.WRITTEN, Proof.PRESENT)
        situations.save(tx, after, after.with_lease(matched))
        assert await waits.settled(tx, KeyId("res:R1"), house.clock.now()) == ["C0002"]


async def test_a_door_that_is_withheld_is_not_waited_for(house: House) -> None:
    locks = [lock("front", 2, allow_provisioning=False), *site()["locks"][1:]]
    await house.send("site.put", site(2, locks=locks))
    await put(house)
    assert await house.prove("flat-1-door", "R1") == ["C0003"]


async def test_a_cancellation_is_done_when_the_code_is_gone_from_every_door(house: House) -> None:
    """S2-18"""
    await put(house, property_id="shed")
    await house.prove("shed-door", "R1")
    told = await house.send("reservation.cancel", {"id": "R1", "version": 2}, id="GO")
    assert types(told) == ["command.accepted"]
    assert await house.free("shed-door", "R1") == ["GO"]


async def test_a_change_that_is_proven_already_is_done_at_once(house: House) -> None:
    await put(house, property_id="shed")
    await house.prove("shed-door", "R1")
    told = await put(house, property_id="shed", version=2, departure="2026-07-16")
    assert types(told) == ["command.accepted", "command.done"]


async def test_another_command_for_the_same_is_done_when_that_is_proven(house: House) -> None:
    await put(house)
    await house.prove("front", "R1")
    told = await house.send("reservation.put", reservation(), id="AGAIN")
    assert types(told) == ["command.accepted"]
    assert await house.prove("flat-1-door", "R1") == ["AGAIN", "C0002"]
    told = await house.send("reservation.put", reservation(), id="ONCE-MORE")
    assert types(told) == ["command.accepted", "command.done"]
    assert {event["cause"] for event in told} == {"ONCE-MORE"}


async def test_another_command_for_what_has_no_key_is_done_at_once(house: House) -> None:
    for changed in ({"kind": "block"}, {"property_id": "cabin"}):
        id_ = next(iter(changed))
        for _ in range(2):
            told = await put(house, id_, **changed)
            assert types(told) == ["command.accepted", "command.done"]


async def test_a_command_that_came_before_its_property_is_done_when_its_key_is_proven(
    house: House,
) -> None:
    told = await house.send("reservation.put", reservation(property_id="attic"), id="EARLY")
    assert "command.done" not in types(told)
    await house.send("reservation.put", reservation("R2", property_id="attic"), id="TWIN")
    told = await house.send("reservation.put", reservation("R2", property_id="attic"), id="TWIN-2")
    assert types(told) == ["command.accepted"]
    await house.restart()
    here = [*site()["properties"], property_("attic", "shed-door")]
    times_to_come = [*site()["properties"], property_("attic", "shed-door", check_in=...)]
    await house.send("site.put", site(2, properties=times_to_come))
    told = await house.send("site.put", site(3, properties=here), id="SITE")
    assert [e["cause"] for e in told if e["type"] == "command.done"] == ["SITE"]
    assert await house.prove("shed-door", "R1") == ["EARLY"]
    assert await house.prove("shed-door", "R2") == ["TWIN", "TWIN-2"]


async def test_a_command_whose_property_turns_out_to_have_no_lock_is_done(house: House) -> None:
    await house.send("reservation.put", reservation(property_id="attic"), id="EARLY")
    there = [*site()["properties"], property_("attic")]
    told = await house.send("site.put", site(2, properties=there), id="SITE")
    assert [e["cause"] for e in told if e["type"] == "command.done"] == ["EARLY", "SITE"]
    again = site(3, properties=[property_("attic", check_in="12:00")])
    told = await house.send("site.put", again, id="LATER")
    assert [e["cause"] for e in told if e["type"] == "command.done"] == ["LATER"]  # once


async def test_a_move_to_an_unknown_property_is_not_done_before_its_key_is_proven(
    house: House,
) -> None:
    await put(house, property_id="shed")
    told = await house.send("reservation.put", reservation(version=2, property_id="attic"), id="GO")
    assert "command.done" not in types(told)
    there = [*site()["properties"], property_("attic", "front")]
    await house.send("site.put", site(2, properties=there))
    assert await house.prove("front", "R1") == ["C0002", "GO"]


@pytest.mark.parametrize(
    "changed",
    [
        {"locks": [lock("front", 2, allow_provisioning=False), *site()["locks"][1:]]},
        {"properties": [property_("flat-1", "flat-1-door"), *site()["properties"][1:]]},
    ],
    ids=["withheld", "taken off"],
)
async def test_a_door_that_is_waited_for_no_more_ends_the_wait(
    house: House, changed: dict[str, Any]
) -> None:
    await house.send("reservation.put", reservation(), id="PUT")
    await house.prove("flat-1-door", "R1")
    told = await house.send("site.put", site(2, **changed), id="SITE")
    assert [e["cause"] for e in told if e["type"] == "command.done"] == ["PUT", "SITE"]


async def test_a_key_that_is_withheld_everywhere_has_nothing_to_prove(house: House) -> None:
    told = await put(house, allow_provisioning=False)
    assert types(told) == ["code.assigned", "command.accepted", "command.done"]
    assert await house.rows("SELECT * FROM waits") == []


# --- locks, report -------------------------------------------------------------------------------


async def test_a_resync_forgets_what_was_seen_and_respected_at_that_lock_alone(
    house: House,
) -> None:
    await put(house)
    await house.prove("front", "R1")
    await house.prove("flat-1-door", "R1")
    for id_ in ("front", "flat-1-door"):
        async with house.database.transaction() as tx:
            await tx.rows(
                "INSERT INTO slots VALUES (?, 9, 'occupied', NULL, 0, 1, 0, 9, NULL)", (id_,)
            )
            await tx.rows("UPDATE leases SET reason = 'deleted_at_lock'")
    woken: list[set[LockId]] = []
    house.database.committed = lambda tx: woken.append(tx.woken)
    told = await house.send("lock.resync", {"lock_id": "front"}, id="SYNC")  # S1-17, S1-26
    assert types(told) == ["command.accepted"]
    assert await house.rows("SELECT lock_id FROM slots") == [("flat-1-door",)]
    assert await house.rows("SELECT lock_id FROM leases WHERE reason IS NULL") == [("front",)]
    assert await sites.resynced(house.database.read, LockId("front")) == ["SYNC"]
    assert woken == [{"front"}]


async def test_a_resync_of_an_unknown_lock_changes_nothing(house: House) -> None:
    before = await house.dump(without=["outbox", "journal", "commands"])
    told = await house.send("lock.resync", {"lock_id": "attic"})
    rejected = data(told, "command.rejected")
    assert (rejected["reason"], rejected["path"]) == ("unknown_lock", "data.lock_id")
    assert await house.dump(without=["outbox", "journal", "commands"]) == before


@pytest.mark.parametrize("body", [{}, ...], ids=["empty", "absent"])
async def test_a_report_is_asked_for_and_done(house: House, body: object) -> None:
    wanted: list[bool] = []
    house.database.committed = lambda tx: wanted.append(tx.report_wanted)
    told = await house.take(command("report", body, id="C7"))
    assert types(told) == ["command.accepted", "command.done"]
    assert wanted == [True]


async def test_a_lock_keeps_its_id_and_leases_at_another_address_and_is_read_again(
    house: House,
) -> None:
    await put(house, property_id="shed")
    await house.prove("shed-door", "R1")
    moved = site(2)
    for entry in moved["locks"]:
        if entry["id"] == "shed-door":
            entry["address"] = "77"
    await house.send("site.put", moved)
    found = await situations.load(house.database.read, LockId("shed-door"), house.clock.now())
    (held,) = found.leases
    assert (held.stage, held.proof) == (Stage.MOVED, None)
    assert found.slots == {}
    assert found.ladder is None


async def test_a_bluetooth_address_is_written_one_way(house: House) -> None:
    """Drivers and reports compare addresses as they stand."""
    locks = [lock("shed-door", 0, driver="nuki", address="54:d2:72:00:00:0a")]
    await house.send("site.put", site(2, properties=[property_("shed")], locks=locks))
    rows = await sites.locks(house.database.read)
    assert [row.address for row in rows if row.driver == "nuki"] == ["54:D2:72:00:00:0A"]


async def test_a_lock_off_the_site_is_served_while_our_codes_are_on_it(house: House) -> None:
    await put(house, property_id="shed")
    await house.prove("shed-door", "R1")
    empty = site(2, properties=[property_("shed")], locks=[])
    await house.send("site.put", empty)
    assert [row.id for row in await sites.locks(house.database.read)] == ["shed-door"]
    await house.free("shed-door", "R1")
    assert await sites.locks(house.database.read) == []
