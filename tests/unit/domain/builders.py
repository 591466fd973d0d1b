"""One lock at one moment, in few words: what tests of the domain are made of."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.code import Code
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.lease import Lease, Proof, Stage
from gatewayd.domain.moment import Now, Window
from gatewayd.domain.retry import Ladder, Tick
from gatewayd.domain.situation import Claim, Situation
from gatewayd.domain.slot import Observation
from gatewayd.errors import Reason

LOCK = LockId("front-door")
KEY = KeyId("res:R1")
OTHER_KEY = KeyId("res:R2")

CODE = Code("97531864")
NEW_CODE = Code("96428753")
THEIRS = Code("84848486")  # a person's

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
NOW = Now.exactly(NOON)
TICK = Tick(1000.0)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
OVER = Now.exactly(NOON + 3 * HOUR)
"""A moment after the window of `claim()`."""


def later(seconds: float) -> Now:
    """A trusted reading that many seconds after noon."""
    return Now.exactly(NOON + timedelta(seconds=seconds))


def tick(seconds: float) -> Tick:
    """That many seconds after TICK."""
    return Tick(TICK + seconds)


def claim(
    key: KeyId = KEY,
    code: Code = CODE,
    *,
    start: datetime = NOON - HOUR,
    end: datetime = NOON + 3 * HOUR,
    due: datetime | None = None,
    withheld: Reason | None = None,
    old_codes_go: bool = True,
) -> Claim:
    """A key's wish; by default its stay has begun and lasts three hours more."""
    return Claim(
        key,
        code,
        Window(start, end),
        due or start - 10 * MINUTE,
        label="HMA4XT",
        withheld=withheld,
        old_codes_go=old_codes_go,
    )


def lease(
    stage: Stage = Stage.TAKEN,
    proof: Proof | None = None,
    *,
    key: KeyId = KEY,
    code: Code = CODE,
    slot: int | None = 1,
    verify_due: Tick | None = None,
    doubted_since: Tick | None = None,
    ladder: Ladder | None = None,
    reason: Reason | None = None,
    missed: bool = False,
) -> Lease:
    """A claim on slot 1 that has touched nothing yet."""
    return Lease(
        key,
        code,
        slot,
        stage,
        proof,
        None if proof in (None, Proof.ACCEPTED) else NOON,
        verify_due,
        doubted_since,
        missed,
        ladder,
        reason,
    )


def proven(proof: Proof = Proof.MATCHED, verify_due: Tick | None = None) -> Lease:
    """A code that the lock has shown."""
    return lease(Stage.WRITTEN, proof, verify_due=verify_due)


def situation(
    claims: Iterable[Claim] | None = None,
    leases: Iterable[Lease] = (),
    slots: Mapping[int, Observation] | None = None,
    *,
    size: int = 3,
    ladder: Ladder | None = None,
    next_due: datetime | None = None,
    active: bool = True,
    inventoried: bool = True,
) -> Situation:
    """A lock of three slots that one key wants; its inventory is over, and nothing is known now."""
    wishes = (claim(),) if claims is None else claims
    return Situation(
        LOCK,
        Capabilities(slots=size),
        {c.key_id: c for c in wishes},
        tuple(leases),
        slots or {},
        ladder,
        Reason.LOCK_UNREACHABLE if ladder else None,
        active,
        next_due,
        inventoried,
    )


def only(leases: Iterable[Lease]) -> Lease:
    """The one lease there is."""
    (one,) = leases
    return one
