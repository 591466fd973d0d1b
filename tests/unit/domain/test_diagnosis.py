"""Why a code is not on a door, situation by situation: S3-10, S3-21."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gatewayd.domain.diagnosis import Diagnosis, Part, State, text
from gatewayd.domain.diagnosis.diagnose import HELP, of_key, of_lock
from gatewayd.domain.diagnosis.door import KeyAtDoor
from gatewayd.domain.diagnosis.facts import Case, Door, Grant, Hub, Stay, Told
from gatewayd.domain.diagnosis.words import REASONS, because, on, place, when
from gatewayd.domain.health import ALERTS, REMEDIES, AlertCode
from gatewayd.domain.hours import Keeper, Timetable
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.lease import Lease, Proof, Stage
from gatewayd.domain.moment import FOREVER, Now, Window
from gatewayd.domain.retry import Ladder
from gatewayd.domain.situation import Claim, Situation
from gatewayd.domain.slot import Holds
from gatewayd.errors import Reason
from tests.unit.domain.builders import (
    CODE,
    HOUR,
    KEY,
    MINUTE,
    NEW_CODE,
    NOON,
    NOW,
    OTHER_KEY,
    OVER,
    THEIRS,
    TICK,
    claim,
    lease,
    proven,
    situation,
    tick,
)

ZONE = ZoneInfo("Europe/Zurich")  # where noon is 14:00 in July; the day is a Wednesday
HUB = Hub(NOW, TICK, ZONE, connected=True, last_command=NOON - HOUR)
STAY = Stay("R1", True, NOON - 2 * HOUR, announced_at=NOON - HOUR, locks=1)
GRANT = Grant(Window(NOON - HOUR, NOON + 3 * HOUR), told=Told(NOON - 2 * HOUR, receipted=True))
LADDER = Ladder(3, tick(900))
FULL = dict.fromkeys((1, 2, 3), Holds(NOON, THEIRS))
LATER = claim(start=NOON + 48 * HOUR, end=NOON + 72 * HOUR)
SHOWN = {1: Holds(NOON, CODE)}
KEPT = replace(claim(), keeps=24 * HOUR)
DISABLED = replace(proven(), enabled=False)
SWITCHES = replace(situation().capabilities, can_disable=True)
AHEAD = replace(
    situation(
        [claim(start=NOON + HOUR, due=NOON)], [DISABLED], {1: Holds(NOON, CODE, enabled=False)}
    ),
    capabilities=SWITCHES,
)
MORNINGS = Timetable.parse("thu 08:00-12:00 Europe/Zurich")
CLEANING = replace(
    AHEAD,
    claims={KEY: replace(claim(end=NOON + 72 * HOUR), timetable=MORNINGS, keeper=Keeper.SWITCH)},
)


def door(s: Situation, name: str = "Front door", **facts: Any) -> Door:
    """A listed Z-Wave lock that answered a minute ago."""
    s = replace(s, lock=LockId(name.lower().replace(" ", "-")))
    there = Door(s, name, "zwave", last_contact=NOON - MINUTE, due=NOON - HOUR)
    return replace(there, **facts)


def case(*doors: Door, **facts: Any) -> Case:
    """Reservation R1, announced, whose stay has begun."""
    there = Case("R1", KEY, HUB, STAY, GRANT, doors)
    return replace(there, **facts)


def good(**facts: Any) -> Door:
    """A door that shows the code."""
    return door(situation(leases=[proven()], slots=SHOWN), **facts)


def silent(**facts: Any) -> Door:
    """A door whose lock has not answered for some time."""
    alerts = {AlertCode.LOCK_OFFLINE: NOON - 8 * MINUTE}
    return door(situation(ladder=LADDER), alerts=alerts, **facts)


def stopped(wish: Claim, **facts: Any) -> Door:
    return door(situation([wish]), **facts)


def stands(*codes: AlertCode) -> dict[AlertCode, datetime]:
    return dict.fromkeys(codes, NOON - HOUR)


@dataclass(frozen=True)
class Expected:
    """What a diagnosis should say."""

    case: Case
    summary: str
    broken: Part | None = None
    reason: Reason | None = None
    at: datetime | None = None
    help: list[str] = field(default_factory=list)


TABLE: dict[str, Expected] = {
    "all is well": Expected(
        case(good()),
        "The code of R1 is on Front door; the code comes out at 17:00.",
        at=NOON + 3 * HOUR,
    ),
    "two doors show it": Expected(
        case(good(), good(name="Flat 1")),
        "The code of R1 is on Front door and Flat 1; the code comes out at 17:00.",
        at=NOON + 3 * HOUR,
    ),
    # S3-9, S1-18, S1-25: one lock offline
    "the lock is silent": Expected(
        case(silent()),
        "R1 has no code on Front door: the lock has not answered since 13:52 (3 attempts); it is "
        "tried again at 14:15.",
        Part.LOCK,
        Reason.LOCK_UNREACHABLE,
        NOON + 15 * MINUTE,
        ["batteries", "lock.sync_now"],
    ),
    "one of two locks is silent": Expected(
        case(good(name="Flat 1"), silent()),
        "R1 has no code on Front door: the lock has not answered since 13:52 (3 attempts); it is "
        "tried again at 14:15.",
        Part.LOCK,
        Reason.LOCK_UNREACHABLE,
        NOON + 15 * MINUTE,
        ["batteries"],
    ),
    "silent, and showed it before": Expected(  # S1-9
        case(
            door(
                situation(leases=[proven()], slots=SHOWN, ladder=LADDER),
                alerts=stands(AlertCode.LOCK_OFFLINE),
            )
        ),
        "The code of R1 is on Front door; the lock has not answered since 13:00 (3 attempts); it "
        "is tried again at 14:15.",
        Part.LOCK,
        Reason.LOCK_UNREACHABLE,
        NOON + 15 * MINUTE,
    ),
    "silent with an empty battery": Expected(  # S1-25: low battery: replace
        case(replace(silent(), alerts=stands(AlertCode.LOCK_OFFLINE, AlertCode.BATTERY_CRITICAL))),
        "R1 has no code on Front door: the lock has not answered since 13:00 (3 attempts); it is "
        "tried again at 14:15.",
        Part.LOCK,
        Reason.LOCK_UNREACHABLE,
        NOON + 15 * MINUTE,
        ["replace the batteries today"],
    ),
    # S1-25: several: the hub
    "several locks are silent": Expected(
        case(silent(radio_alerts=stands(AlertCode.LOCKS_OFFLINE))),
        "R1 has no code on Front door: several locks of zwave do not answer; it is tried again at "
        "14:15.",
        Part.RADIO,
        Reason.RADIO_DOWN,
        NOON + 15 * MINUTE,
        help=["look at the hub, not at the locks"],
    ),
    "the radio is away": Expected(
        case(stopped(claim(), radio_alerts=stands(AlertCode.RADIO_DOWN))),
        "R1 has no code on Front door: the radio zwave is not there; it goes on as soon as the "
        "radio answers.",
        Part.RADIO,
        Reason.RADIO_DOWN,
        help=["zwave-js-server"],
    ),
    "the lock refuses the hub": Expected(
        case(
            door(
                replace(situation(ladder=LADDER), reason=Reason.PIN_REFUSED),
                alerts=stands(AlertCode.PIN_REFUSED),
            )
        ),
        "R1 has no code on Front door: Front door refuses the hub's security PIN; nothing more is "
        "written there; it is tried again at 14:15.",
        Part.LOCK,
        Reason.PIN_REFUSED,
        NOON + 15 * MINUTE,
        ["pair the lock again"],
    ),
    "the lock is not on the site": Expected(  # S3-9: mapping
        case(stopped(claim(), listed=False)),
        "R1 has no code on Front door: the lock is not on the site; the hub is at it.",
        Part.LOCK,
        Reason.MAPPING_MISSING,
        help=["at its property"],
    ),
    "the lock is not active": Expected(
        case(
            door(
                situation([claim(withheld=Reason.LOCK_INACTIVE)], active=False),
            )
        ),
        "R1 has no code on Front door: the lock is not active.",
        Part.LOCK,
        Reason.LOCK_INACTIVE,
        help=["set it active"],
    ),
    "the bolt is jammed": Expected(
        case(good(alerts=stands(AlertCode.LOCK_JAMMED))),
        "The code of R1 is on Front door; the bolt of Front door is jammed; the code comes out at "
        "17:00.",
        Part.LOCK,
        at=NOON + 3 * HOUR,
        help=["free the bolt"],
    ),
    # S3-9, S3-20: the allow flags
    "not allowed on the door": Expected(
        case(stopped(claim(withheld=Reason.PROVISIONING_DISABLED_DOOR))),
        "R1 has no code on Front door: provisioning is not allowed on the door.",
        Part.LEASE,
        Reason.PROVISIONING_DISABLED_DOOR,
        help=["allow provisioning on the door"],
    ),
    "not allowed on the reservation, long before": Expected(
        case(door(situation([]), due=NOON + 40 * HOUR, withheld=Reason.PROVISIONING_DISABLED_KEY)),
        "R1 has no code on Front door: provisioning is not allowed on the reservation.",
        Part.LEASE,
        Reason.PROVISIONING_DISABLED_KEY,
        help=["reservation.put"],
    ),
    "waits for the check-in": Expected(
        case(stopped(claim(withheld=Reason.AWAITING_CHECK_IN))),
        "R1 has no code on Front door yet: it waits for the guest's check-in; the code goes in "
        "when the guest checks in.",
        help=["reservation.check_in"],
    ),
    "not due": Expected(
        case(door(situation([]), due=NOON + 43 * HOUR)),
        "R1 has no code on Front door yet: the code goes in on Fri 09:00.",
        at=NOON + 43 * HOUR,
    ),
    "not due, with a claim": Expected(
        case(stopped(LATER)),
        "R1 has no code on Front door yet: the code goes in on Fri 13:50.",
        at=LATER.due,
    ),
    "one of two doors is not due": Expected(
        case(good(), door(situation([]), "Sauna", due=NOON + 2 * HOUR)),
        "R1 has no code on Sauna yet: the code goes in at 16:00.",
        at=NOON + 2 * HOUR,
    ),
    "tried just now": Expected(
        case(door(situation(leases=[lease(ladder=Ladder(1, TICK), reason=Reason.REFUSED)]))),
        "R1 has no code on Front door: the lock refuses it (1 attempt); the hub is at it.",
        Part.PROOF,
        Reason.REFUSED,
    ),
    "not allowed any more, and there": Expected(
        case(
            door(situation([claim(withheld=Reason.PROVISIONING_DISABLED_DOOR)], [proven()], SHOWN))
        ),
        "The code of R1 is on Front door; the code comes out at 17:00.",
        at=NOON + 3 * HOUR,
    ),
    "the lock is full": Expected(  # S1-18, S1-19
        case(
            door(
                situation([claim(OTHER_KEY, NEW_CODE, start=NOON - 2 * HOUR), claim()], slots=FULL)
            )
        ),
        "R1 has no code on Front door: the lock has no free slot for a code that is due; this one "
        "is 2nd of 2 that wait, the nearest arrival first; it goes in as soon as a place is free.",
        Part.LEASE,
        Reason.LOCK_FULL,
        help=["delete codes that nobody needs"],
    ),
    "changing rooms": Expected(  # S3-18
        case(stopped(claim(withheld=Reason.MAPPING_MISSING))),
        "R1 has no code on Front door yet: the key has other doors now; the code stays here until "
        "those open.",
    ),
    "refused": Expected(  # S1-18
        case(door(situation(leases=[lease(ladder=LADDER, reason=Reason.REFUSED)]))),
        "R1 has no code on Front door: the lock refuses it (3 attempts); it is tried again at "
        "14:15.",
        Part.PROOF,
        Reason.REFUSED,
        NOON + 15 * MINUTE,
        ["lock.sync_now"],
    ),
    "the same digits": Expected(  # S1-18
        case(door(situation(leases=[lease(ladder=LADDER, reason=Reason.DUPLICATE_CODE)]))),
        "R1 has no code on Front door: the lock holds the same digits already (3 attempts); it is "
        "tried again at 14:15.",
        Part.PROOF,
        Reason.DUPLICATE_CODE,
        NOON + 15 * MINUTE,
        ["delete them there"],
    ),
    "deleted at the lock": Expected(  # S1-17
        case(door(situation(leases=[lease(Stage.GONE, reason=Reason.DELETED_AT_LOCK)]))),
        "R1 has no code on Front door: a person deleted it at the lock.",
        Part.PROOF,
        Reason.DELETED_AT_LOCK,
        help=["lock.resync puts it back"],
    ),
    "on its way": Expected(
        case(door(situation(leases=[lease(Stage.WRITING)]))),
        "R1 has no code on Front door yet: it was sent, and the lock has not said that it has it; "
        "the hub is at it.",
    ),
    "acknowledged alone": Expected(
        case(door(situation(leases=[lease(Stage.WRITTEN, Proof.ACCEPTED)]))),
        "R1 has no code on Front door yet: the lock said that it has it, and has not shown it yet; "
        "the hub is at it.",
    ),
    "gone after it was there": Expected(
        case(door(situation(leases=[replace(lease(), losses=1)]))),
        "R1 has no code on Front door yet: it was on the lock, and was gone: it is written again; "
        "the hub is at it.",
    ),
    "missing, and a backup was given": Expected(
        case(stopped(claim(), key_alerts=stands(AlertCode.CODE_UNSET))),
        "R1 has no code on Front door yet: it has no place on the lock yet; the hub is at it.",
        help=["backup.issued"],
    ),
    "a handover": Expected(
        case(
            door(
                situation(
                    [claim(code=NEW_CODE, old_codes_go=False)],
                    [proven(), lease(code=NEW_CODE, slot=2)],
                    SHOWN,
                )
            )
        ),
        "R1: another code takes the place of the last one, which opens until the new one is proven "
        "on all doors and the cloud has it; the hub is at it.",
    ),
    "a code that another door refuses": Expected(  # S1-20
        case(good(), alerts=stands(AlertCode.CODE_REFUSED)),
        "The code of R1 is on Front door; a lock has the code of R1 already, and the guest was told"
        " that code; the code comes out at 17:00.",
        Part.CODE,
        Reason.DUPLICATE_CODE,
        NOON + 3 * HOUR,
        ["give the guest a backup code"],
    ),
    # suffering 28
    "mistyped": Expected(
        case(
            silent(name="Flat 1"),
            good(wrong=tuple(NOON - MINUTE * n for n in (8, 5, 4, 2, 1))),
        ),
        "The code of R1 is on Front door; a wrong code was typed there 5 times since 13:52, the "
        "last at 13:59: the guest mistypes, or uses another door; the code comes out at 17:00.",
        Part.KEYPAD,
        at=NOON + 3 * HOUR,
        help=["batteries", "credentials.resend"],
    ),
    "mistyped once, and locked out": Expected(
        case(
            good(
                name="Front",
                wrong=(NOON - MINUTE,),
                alerts={AlertCode.KEYPAD_DISABLED: NOON - MINUTE},
            )
        ),
        "The code of R1 is on Front; the keypad of Front is locked out after wrong codes; a wrong "
        "code was typed there at 13:59: the guest mistypes, or uses another door; the code "
        "comes out at 17:00.",
        Part.KEYPAD,
        at=NOON + 3 * HOUR,
        help=["type the code slowly"],
    ),
    "mistyped, then opened": Expected(
        case(good(wrong=(NOON - 2 * MINUTE,), used_at=NOON - MINUTE)),
        "The code of R1 is on Front door; the code comes out at 17:00.",
        at=NOON + 3 * HOUR,
    ),
    "mistyped before the stay began": Expected(
        case(door(AHEAD, wrong=(NOON - MINUTE,))),
        "The code of R1 is on Front door; it opens at 15:00.",
        at=NOON + HOUR,
    ),
    "mistyped where the code is not": Expected(
        case(stopped(claim(), wrong=(NOON - MINUTE,))),
        "R1 has no code on Front door yet: it has no place on the lock yet; the hub is at it.",
    ),
    # the reservation
    "cancelled": Expected(
        case(stay=replace(STAY, confirmed=False), key=replace(GRANT, revoked=True)),
        "R1 has no code: it is cancelled.",
        Part.RESERVATION,
    ),
    "cancelled, and still on the door": Expected(  # suffering 16
        case(
            door(
                situation([], [replace(proven(), ladder=LADDER)], SHOWN),
                due=None,
                key_alerts=stands(AlertCode.REMOVAL_FAILED),
            ),
            stay=replace(STAY, confirmed=False),
            key=replace(GRANT, revoked=True),
        ),
        "R1 has no code: it is cancelled; a code that is over still lies on Front door; it is tried"
        " again at 14:15.",
        Part.RESERVATION,
        at=NOON + 15 * MINUTE,
        help=["delete it at the keypad"],
    ),
    "revoked at a lock that is not active": Expected(  # S2-20
        case(
            door(situation([], [proven()], SHOWN, active=False), due=None),
            key=replace(GRANT, revoked=True),
        ),
        "R1 has no code: the key was withdrawn; a code that is over still lies on Front door.",
        Part.KEY,
        help=["set it active", "delete it at the keypad"],
    ),
    "revoked, and it went wrong before": Expected(
        case(
            door(
                situation([], [proven()], SHOWN),
                due=None,
                key_alerts=stands(AlertCode.REMOVAL_FAILED),
            ),
            key=replace(GRANT, revoked=True),
        ),
        "R1 has no code: the key was withdrawn; a code that is over still lies on Front door; the "
        "hub is at it.",
        Part.KEY,
    ),
    "taken from one door": Expected(
        case(good(), door(situation([], [proven()], SHOWN), "Flat 1", due=None)),
        "The code of R1 is still on Flat 1: it does not belong on the lock now, and is taken off; "
        "the hub is at it.",
    ),
    "over, and kept shut for a day": Expected(  # S1-12
        case(
            door(situation([KEPT], [replace(proven(), window=KEPT.window)], SHOWN)),
            hub=replace(HUB, now=OVER),
        ),
        "R1 has no code: it was over at 17:00.",
        Part.KEY,
        Reason.EXPIRED,
        KEPT.gone,
    ),
    "held: no such property": Expected(  # S3-9: mapping
        case(
            stay=replace(STAY, held=Reason.MAPPING_UNKNOWN, locks=None),
            key=None,
            alerts=stands(AlertCode.MAPPING_UNKNOWN),
        ),
        "R1 has no code: R1 names a property that this hub does not know.",
        Part.RESERVATION,
        Reason.MAPPING_UNKNOWN,
        help=["send the site document"],
    ),
    "held: its code is taken": Expected(
        case(
            stay=replace(STAY, held=Reason.CODE_TAKEN),
            key=None,
            alerts=stands(AlertCode.KEY_IMPOSSIBLE),
        ),
        "R1 has no code: the key of R1 cannot be as it was said any more; its codes stay where they"
        " fit.",
        Part.RESERVATION,
        Reason.CODE_TAKEN,
        help=["another key has its code by now"],
    ),
    "held, and the codes stay where they fit": Expected(
        case(
            good(),
            stay=replace(STAY, held=Reason.DATES_REVERSED),
            alerts=stands(AlertCode.KEY_IMPOSSIBLE),
        ),
        "The code of R1 is on Front door; the key of R1 cannot be as it was said any more; its "
        "codes stay where they fit; the code comes out at 17:00.",
        Part.RESERVATION,
        Reason.DATES_REVERSED,
        NOON + 3 * HOUR,
        ["change one of them"],
    ),
    "held until some days before": Expected(  # S2-8
        case(stay=replace(STAY, held=Reason.NOT_DUE, held_until=NOON + 240 * HOUR), key=None),
        "R1 has no code yet: its code is made on 2026-07-11 14:00.",
        at=NOON + 240 * HOUR,
        help=["batch"],
    ),
    "held until somebody asks": Expected(
        case(stay=replace(STAY, held=Reason.NOT_DUE), key=None),
        "R1 has no code yet: its code is made when somebody asks for it.",
    ),
    "held: no phone": Expected(  # S2-7
        case(stay=replace(STAY, held=Reason.PHONE_MISSING), key=None),
        "R1 has no code yet: its code comes from the guest's phone number, which is missing.",
        help=["phone number"],
    ),
    "a property without a lock": Expected(  # S2-12
        case(stay=replace(STAY, locks=0), key=None),
        "R1 has no code: its property has no lock: there is nothing to open.",
        Part.RESERVATION,
        Reason.MAPPING_MISSING,
    ),
    "dates that are blocked": Expected(  # S2-9
        case(stay=replace(STAY, blocks=True), key=None),
        "R1 has no code: it only blocks the dates: nobody comes.",
        Part.RESERVATION,
    ),
    "a stay that was over before it came": Expected(
        case(stay=replace(STAY, over=True), key=None),
        "R1 has no code: its last day is over.",
        Part.RESERVATION,
        Reason.EXPIRED,
    ),
    "on the lock, and shut until the stay begins": Expected(
        case(door(AHEAD)),
        "The code of R1 is on Front door; it opens at 15:00.",
        at=NOON + HOUR,
    ),
    "on the lock, outside of its hours": Expected(  # S3-6
        case(door(CLEANING)),
        "The code of R1 is on Front door; it opens on Thu 08:00.",
        at=NOON + 18 * HOUR,
    ),
    # the key
    "revoked": Expected(
        case(key=replace(GRANT, revoked=True)),
        "R1 has no code: the key was withdrawn.",
        Part.KEY,
        help=["key.restore"],
    ),
    "past": Expected(
        case(door(situation([]), due=None), hub=replace(HUB, now=OVER)),
        "R1 has no code: it was over at 17:00.",
        Part.KEY,
        Reason.EXPIRED,
    ),
    "by hand, and impossible": Expected(
        case(key_id=KeyId("cleaner"), stay=None, key=None, alerts=stands(AlertCode.KEY_IMPOSSIBLE)),
        "cleaner has no code: the key of cleaner cannot be as it was said any more; its codes stay "
        "where they fit.",
        Part.KEY,
        help=["key.put"],
    ),
    # S3-21: gateway, booking connection, notification timing
    "the database was lost": Expected(
        case(door(replace(situation(), rebuilding=True))),
        "R1 has no code on Front door yet: it has no place on the lock yet; the database of the hub"
        " was lost, or is an older one; until the cloud has told what it does not know no code is "
        "removed anywhere, also none that is over; the hub is at it.",
        Part.GATEWAY,
        help=["reservation.snapshot"],
    ),
    "the clock is in doubt": Expected(
        case(good(), hub=replace(HUB, now=Now(NOON, NOON + HOUR))),
        "The code of R1 is on Front door; the clock of the hub is not synchronised: codes go in "
        "early and come out late; the code comes out at 17:00.",
        Part.GATEWAY,
        Reason.CLOCK_IN_DOUBT,
        NOON + 3 * HOUR,
        ["time server"],
    ),
    "the disk is full": Expected(
        case(good(), hub=replace(HUB, alerts=stands(AlertCode.DISK_FULL))),
        "The code of R1 is on Front door; the disk of the hub is full; when the last of it is used "
        "up, nothing is written into locks any more; the code comes out at 17:00.",
        Part.GATEWAY,
        at=NOON + 3 * HOUR,
        help=["make room"],
    ),
    "the cloud is away": Expected(
        case(good(), hub=replace(HUB, connected=False)),
        "The code of R1 is on Front door; the booking connection is down; the last command came at "
        "13:00, and what changed since is not known here; the code comes out at 17:00.",
        Part.CLOUD,
        at=NOON + 3 * HOUR,
        help=["way to the internet"],
    ),
    "a command is held": Expected(
        case(good(), hub=replace(HUB, braked=True)),
        "The code of R1 is on Front door; a command that would remove many keys is held "
        "(brake.confirm); the code comes out at 17:00.",
        Part.CLOUD,
        Reason.BRAKE_HELD,
        NOON + 3 * HOUR,
        ["booking feed"],
    ),
    "the guest knows the code before": Expected(
        case(good(), key=replace(GRANT, told=Told(NOON - MINUTE, True, changed=True))),
        "The code of R1 is on Front door; the code was changed at 13:59, and the guest was told "
        "the one before, at 13:00; the code comes out at 17:00.",
        Part.NOTICE,
        at=NOON + 3 * HOUR,
        help=["credentials.resend"],
    ),
}


@pytest.mark.parametrize("told", TABLE.values(), ids=TABLE)
def test_each_situation_has_its_words(told: Expected) -> None:
    """S3-9, S3-10, S3-21, S1-18, S1-25, suffering 28: what is broken, what comes next, what to do,
    in the order in which it helps; never a code."""
    found = of_key(told.case)
    assert found.summary == told.summary
    assert (found.first_broken.name if found.first_broken else None) == told.broken
    assert (found.first_broken.reason if found.first_broken else None) == told.reason
    assert (found.next.at if found.next else None) == told.at
    places = [
        next(i for i, what in enumerate(found.what_to_do) if words in what) for words in told.help
    ]
    assert places == sorted(places)
    for code in (CODE, NEW_CODE, THEIRS):
        assert code.digits not in repr(found) + text(found)


def states(found: Diagnosis) -> list[tuple[Part, State]]:
    return [(link.name, link.state) for link in found.links]


def test_the_chain_goes_from_the_reservation_to_the_proof_once_for_each_door() -> None:
    found = of_key(case(good(), silent(name="Flat 1"), good(name="Gate")))
    assert [link.name for link in found.links] == [
        *(Part.RESERVATION, Part.KEY, Part.CODE),
        *(Part.LEASE, Part.LOCK, Part.RADIO, Part.PROOF) * 3,
        *(Part.GATEWAY, Part.CLOUD, Part.NOTICE),
    ]
    assert [link.door_name for link in found.links[3:15:4]] == ["Front door", "Flat 1", "Gate"]
    assert found.links[6].since == NOON


def test_a_guest_who_is_not_there_yet_needs_no_second_message() -> None:
    """Unless the code was changed after the first one."""
    later = replace(GRANT, window=LATER.window)
    there = door(situation([]), due=LATER.due)
    assert of_key(case(there, key=later)).what_to_do == ()
    changed = replace(later, told=Told(NOON, receipted=True, changed=True))
    assert "credentials.resend" in of_key(case(there, key=changed)).what_to_do[0]
    assert "credentials.resend" in of_key(case(good())).what_to_do[0]


def test_a_key_by_hand_has_no_reservation_and_nobody_to_tell() -> None:
    found = of_key(case(good(), key_id=KeyId("cleaner"), stay=None))
    assert found.links[0].name is Part.KEY
    assert found.links[-1].name is Part.CLOUD


def test_help_comes_in_the_order_in_which_it_helps() -> None:
    """S3-10: connectivity, mapping, allowed, resend, re-provision; S3-21: the lock, the gateway,
    the booking connection, the allow flag, the notification."""
    s310 = [Part.LOCK, Part.RESERVATION, Part.LEASE, Part.NOTICE, Part.PROOF]
    s321 = [Part.LOCK, Part.GATEWAY, Part.CLOUD, Part.LEASE, Part.NOTICE]
    for order in (s310, s321):
        assert sorted(order, key=HELP.index) == order
    assert set(HELP) == set(Part)
    all_wrong = case(
        silent(),
        stopped(claim(withheld=Reason.PROVISIONING_DISABLED_DOOR), name="Flat 1"),
        hub=replace(HUB, connected=False, alerts=stands(AlertCode.CLOCK_IN_DOUBT)),
        stay=replace(STAY, announced_at=None),
    )
    help_ = of_key(all_wrong).what_to_do
    words = ["batteries", "time server", "internet", "allow prov", "resend", "sync_now"]
    assert [word in what for word, what in zip(words, help_, strict=True)] == [True] * 6


def test_the_words_are_those_of_the_alerts() -> None:
    """There is no second table of them."""
    found = of_key(TABLE["the radio is away"].case)
    assert found.first_broken is not None
    assert found.first_broken.remedy == ALERTS[AlertCode.RADIO_DOWN].what_to_do
    found = of_key(TABLE["not allowed on the door"].case)
    assert found.what_to_do[0] == REMEDIES[Reason.PROVISIONING_DISABLED_DOOR]


def test_a_reason_without_words_is_said_as_it_is_called() -> None:
    assert because(Reason.STALE_VERSION) == "stale version"
    assert because(None) == "no reason is known"
    assert all(not text.endswith(".") for text in REASONS.values())


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (NOON, "at 14:00"),
        (NOON + 11 * HOUR, "on Thu 01:00"),
        (NOON - 30 * HOUR, "on Tue 08:00"),
        (NOON + timedelta(days=6), "on Tue 14:00"),
        (NOON + timedelta(days=7), "on 2026-07-08 14:00"),
    ],
)
def test_times_are_those_of_the_property(at: datetime, said: str) -> None:
    """Also whether it is today."""
    assert on(at, NOW, ZONE) == said
    assert said.endswith(when(at, NOW, ZONE))


def test_places_in_a_row_have_their_endings() -> None:
    said = [place(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 111)]
    assert said == ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "111th"]


def test_all_of_it_is_told_in_plain_lines() -> None:
    """The same on the command line and wherever else it is shown."""
    lines = text(of_key(case(silent()))).splitlines()
    assert lines[0].startswith("R1 has no code on Front door: the lock has not answered")
    assert "  broken  Front door: lock: the lock has not answered since 13:52 (3 attempts)" in lines
    assert "Next: it is tried again at 14:15" in lines
    assert lines[lines.index("What to do:") + 1].startswith("  1. look at its batteries")


SILENT = (
    "Front door: the lock has not answered since 13:52 (3 attempts); it is tried again at 14:15."
)
NOT_SHOWN = (
    "Front door: it has not shown 1 of 1 codes that are due: R1; it goes in as soon as a place is "
    "free."
)
TYPED = (
    "Front door: a wrong code was typed there at 13:59: the guest mistypes, or uses another door."
)


@pytest.mark.parametrize(
    ("here", "summary", "broken"),
    [
        (good(), "Front door: the lock answered at 13:59.", None),
        (
            silent(),
            SILENT,
            Part.LOCK,
        ),
        (
            door(situation(slots=FULL)),
            NOT_SHOWN,
            Part.PROOF,
        ),
        (
            door(situation([], [replace(proven(), ladder=LADDER)], SHOWN)),
            "Front door: a code that is over still lies on Front door.",
            Part.PROOF,
        ),
        (
            good(wrong=(NOON - MINUTE,)),
            TYPED,
            Part.KEYPAD,
        ),
    ],
)
def test_a_lock_says_how_it_is(here: Door, summary: str, broken: Part | None) -> None:
    """S3-9, S1-25: and which of the codes that are due it has not shown."""
    at = [KeyAtDoor(key, here, HUB) for key in here.situation.claims]
    found = of_lock(here, at, HUB, ())
    assert found.summary == summary
    assert (found.first_broken.name if found.first_broken else None) == broken


def test_a_backup_has_no_end_and_nothing_to_come() -> None:
    endless = replace(claim(), window=Window(NOON - HOUR, FOREVER))
    held: Lease = proven()
    there = door(situation([endless], [held], SHOWN))
    found = of_key(case(there, key=replace(GRANT, window=endless.window)))
    assert found.next is None
    assert found.links[1].text == "it opens, and has no end"
    assert there.id == LockId("front-door")
