"""No repr, no text and no error shows a code's digits or a guest's name."""

from dataclasses import dataclass, replace
from datetime import date
from random import Random
from traceback import format_exception
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from gatewayd.domain.backup import Held
from gatewayd.domain.code import Code, CodeRules, candidates, from_phone
from gatewayd.domain.events.backup import BackupIssued, BackupReady
from gatewayd.domain.events.code import ChangedDoor, CodeAssigned, CodeChanged, DoorCode, OldCode
from gatewayd.domain.ids import PropertyId, ReservationId
from gatewayd.domain.label import label
from gatewayd.domain.lease import Proof, Stage
from gatewayd.domain.outcome import Outcome
from gatewayd.domain.plan import Clear, Free, Plan, Take, Write, plan
from gatewayd.domain.policy import Policy
from gatewayd.domain.reservation import Guest, Reservation
from gatewayd.domain.site import Property
from gatewayd.domain.slot import Entry, Holds
from gatewayd.domain.stay import window
from gatewayd.errors import Rejected
from tests.unit.domain.builders import KEY, LOCK, NOON, NOW, TICK, claim, lease, situation

SECRETS = st.from_regex(r"9[3-9]{9}", fullmatch=True)
NAMES = st.from_regex(r"Quixo[a-z]{4,8}", fullmatch=True)


@dataclass(frozen=True)
class Around:
    """Whatever holds it: the repr of a whole calls the reprs of its parts."""

    held: object


@given(digits=SECRETS)
def test_nothing_that_holds_a_code_shows_it(digits: str) -> None:
    """S0-5: facts, steps, plans, outcomes and events; as repr and as text."""
    code = Code(digits)
    held = lease(Stage.WRITTEN, Proof.MATCHED, code=code)
    s = situation([claim(code=code)], [held], {1: Holds(NOON, code)})
    doors = (DoorCode(LOCK, "Front", digits),)
    ready = BackupReady(LOCK, "Backup-1", digits)
    issued = BackupIssued(KEY, ReservationId("R1"), LOCK, "Backup-1", digits, None, "he rang")
    assigned = CodeAssigned(KEY, ReservationId("R1"), doors, digits)
    changing = (ChangedDoor(LOCK, "Front", digits, OldCode.ABSENT),)
    changed = CodeChanged(KEY, ReservationId("R1"), changing, digits)
    shown: list[object] = [
        code,
        s,
        plan(s, NOW, TICK),
        plan(replace(s, leases=()), NOW, TICK),
        Plan(Write(held, Entry(code, "HMA4XT"))),
        Clear(held),
        Free(held),
        Take(KEY, code, 1),
        Outcome(s, (assigned, changed, ready, issued)),
        Held(code),
    ]
    for thing in shown:
        assert digits not in f"{thing!r} {thing!s} {thing} {Around(thing)}"


@given(name=NAMES, digits=SECRETS)
def test_a_reservation_shows_neither_guest_nor_code(name: str, digits: str) -> None:
    """Name, telephone and address of the guest, and a code that the cloud dictated."""
    reservation = _reservation(name, digits)
    text = f"{reservation!r} {reservation!s} {reservation.guest}"
    assert name not in text
    assert digits not in text


@given(name=NAMES)
def test_a_label_is_shown_by_nothing_that_holds_it(name: str) -> None:
    """S2-11: it may be the guest's name."""
    s = situation([replace(claim(), label=name)])
    entry = s.claims[KEY].entry(s.capabilities, NOW)
    assert entry.label == name
    for thing in (s, entry, plan(s, NOW, TICK), Write(lease(), entry), Outcome(s)):
        assert name not in f"{thing!r} {thing}"


@given(name=NAMES, digits=SECRETS)
def test_an_error_shows_neither_guest_nor_code(name: str, digits: str) -> None:
    """Neither in its message nor in its fields."""
    errors: list[Exception] = []
    try:
        Code(digits + "x")
    except ValueError as bad:
        errors.append(bad)
    try:
        next(candidates(CodeRules(), int(digits[:2]), Random(1)))
    except Rejected as bad:
        errors.append(bad)
    reversed_ = replace(_reservation(name, digits), departure=date(2026, 6, 1))
    for reservation in (_reservation(name, digits), reversed_):
        try:
            window(reservation, Property(PropertyId("flat"), "Flat"), ZoneInfo("UTC"), Policy())
        except Rejected as bad:
            errors.append(bad)
    assert len(errors) == 4
    for error in errors:
        text = f"{error!r} {error} {vars(error)} {''.join(format_exception(error))}"
        assert name not in text
        assert digits not in text


@given(digits=SECRETS)
def test_a_phone_that_is_a_code_is_hidden_as_one(digits: str) -> None:
    """The code from a telephone number is of the same type."""
    code = from_phone(digits, CodeRules(), 8)
    assert code is None or code.digits not in repr(code)


@given(
    text=st.one_of(st.text(max_size=30), st.text("A b\té", max_size=8)), length=st.integers(0, 20)
)
def test_a_label_is_plain_and_fits(text: str, length: int) -> None:
    """Printable ASCII, at most as long as the lock can hold, without surrounding space."""
    got = label(text, length)
    assert len(got) <= length  # S1-24
    assert got.isascii()
    assert got.isprintable()
    assert got == got.strip()


def _reservation(name: str, digits: str) -> Reservation:
    return Reservation(
        ReservationId("R1"),
        1,
        PropertyId("flat"),
        date(2026, 7, 1),
        date(2026, 7, 4),
        "HMA4XT",
        guest=Guest(name, digits, f"{name}@example.org"),
        code=Code(digits),
    )
