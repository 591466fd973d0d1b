"""What is on disk of one lock comes back as it was, field by field."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.code import Code, CodeRules
from gatewayd.domain.hours import Hours
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.lease import Lease, Proof, Stage
from gatewayd.domain.moment import Window
from gatewayd.domain.retry import Ladder, Tick
from gatewayd.domain.situation import Claim, Situation
from gatewayd.domain.slot import Empty, Foreign, Holds, Observation, Occupied
from gatewayd.errors import Reason
from gatewayd.store import site as sites
from gatewayd.store import situations
from tests.house import NOON, House, opened, reservation, site

FRONT = LockId("front")

codes = st.text("0123456789", min_size=4, max_size=10).map(Code)  # suffering 18: leading zeros
# To the millisecond, as the contract tells times.
ticks = st.integers(0, 10**12).map(lambda ms: Tick(ms / 1000))
times = st.integers(0, 10**12).map(lambda ms: NOON + timedelta(milliseconds=ms))
ladders = st.builds(Ladder, st.integers(0, 10_000), ticks)
windows = st.none() | st.builds(Window, times, times)
hours = st.none() | st.builds(
    lambda days, start, length: Hours(days, time(start), time(start + length)),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 11),
    st.integers(1, 12),
)
reasons = st.none() | st.sampled_from(Reason)
leases = st.builds(
    Lease,
    key_id=st.sampled_from([KeyId("res:R1"), KeyId("res:R2"), KeyId("res:R3")]),
    code=codes,
    slot=st.none() | st.integers(1, 250),
    stage=st.sampled_from(Stage),
    proof=st.none() | st.sampled_from(Proof),
    proven_at=st.none() | times,
    verify_due=st.none() | ticks,
    doubted_since=st.none() | ticks,
    missed=st.booleans(),
    ladder=st.none() | ladders,
    reason=reasons,
    window=windows,
    enabled=st.booleans(),
    hours=hours,
)
observations = (
    st.builds(Empty, times)
    | st.builds(Holds, times, codes, st.booleans(), windows, hours)
    | st.builds(Foreign, times)
    | st.builds(Occupied, times, st.booleans(), windows, hours)
)
rules = st.builds(
    CodeRules,
    st.integers(1, 8),
    st.integers(1, 10),
    st.frozensets(st.sampled_from("0123456789")),
    st.frozensets(st.text("0123456789", min_size=1, max_size=3)),
)
capabilities = st.builds(
    Capabilities,
    st.integers(0, 1000),
    rules,
    st.integers(0, 32),
    *[st.booleans() for _ in range(6)],
)


async def saved(house: House, lock: LockId, **facts: object) -> Situation:
    """Save these facts over whatever is there; returns what was meant."""
    async with house.database.transaction() as tx:
        before = await situations.load(tx, lock, house.clock.now())
        after = replace(before, **facts)  # type: ignore[arg-type]  # a strategy gave each its type
        situations.save(tx, before, after)
        return after


async def loaded(house: House, lock: LockId) -> Situation:
    """What the disk says."""
    return await situations.load(house.database.read, lock, house.clock.now())


def test_whatever_is_saved_over_whatever_was_there_is_loaded_again(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        context = opened(tmp_path)
        house = runner.run(context.__aenter__())
        runner.run(house.send("site.put", site()))

        @settings(max_examples=150, deadline=None)
        @given(
            st.lists(
                leases, max_size=4, unique_by=(lambda x: x.slot, lambda x: (x.key_id, x.code))
            ),
            st.dictionaries(st.integers(1, 250), observations, max_size=5),
            st.none() | ladders,
            reasons,
        )
        def holds(
            held: list[Lease],
            slots: dict[int, Observation],
            ladder: Ladder | None,
            reason: Reason | None,
        ) -> None:
            meant = runner.run(
                saved(house, FRONT, leases=tuple(held), slots=slots, ladder=ladder, reason=reason)
            )
            found = runner.run(loaded(house, FRONT))
            assert set(found.leases) == set(held)
            assert replace(found, leases=()) == replace(meant, leases=())

        holds()
        runner.run(context.__aexit__(None, None, None))


@settings(max_examples=100, deadline=None)
@given(capabilities)
def test_what_a_lock_can_do_survives_its_form_on_disk(able: Capabilities) -> None:
    assert situations.parse_capabilities(situations.dump_capabilities(able)) == able


async def test_one_lock_is_saved_without_touching_another(tmp_path: Path) -> None:
    """Suffering 24: what is wrong at one lock stays there."""
    async with opened(tmp_path) as house:
        await house.send("site.put", site())
        other = await saved(house, LockId("shed-door"), ladder=Ladder(1, Tick(5.0)))
        await saved(house, FRONT, slots={1: Empty(NOON)}, ladder=Ladder(2, Tick(9.0)))
        assert await loaded(house, LockId("shed-door")) == other


async def test_the_lease_that_was_touched_last_comes_last(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        await house.send("site.put", site())
        first = Lease(KeyId("res:R1"), Code("739164"), 1)
        second = Lease(KeyId("res:R2"), Code("846291"), 2)
        await saved(house, FRONT, leases=(first, second))
        touched = replace(first, stage=Stage.WRITING)
        await saved(house, FRONT, leases=(second, touched))
        assert (await loaded(house, FRONT)).leases == (second, touched)


async def test_a_claim_carries_what_its_key_and_door_say(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        await house.send("site.put", site())
        await house.send(
            "reservation.put",
            reservation(
                arrival="2026-07-01", code="073916", policy={"verify_after": "90s", "grace": "30m"}
            ),
        )
        async with house.database.transaction() as tx:
            await sites.learned(tx, FRONT, Capabilities(label_length=3))
            await house.intake.lock_learned(tx, house.clock.now(), FRONT)
        await house.send(
            "reservation.put",
            reservation(version=2, allow_provisioning=False, arrival="2026-07-01"),
        )
        start = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)  # 15:00 in Zurich less the grace
        house.clock.at = start
        claims = (await loaded(house, FRONT)).claims
    assert claims == {
        KeyId("res:R1"): Claim(
            KeyId("res:R1"),
            Code("073916"),
            Window(start, datetime(2026, 7, 15, 9, 30, tzinfo=UTC)),
            start - timedelta(minutes=10),  # S1-7
            label="HMR",
            withheld=Reason.PROVISIONING_DISABLED_KEY,
            verify_after=90.0,
        )
    }


async def test_a_key_not_due_yet_is_only_a_time_to_look_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        await house.send("site.put", site())
        await house.send("reservation.put", reservation())
        await house.send("reservation.put", reservation("R2", arrival="2026-07-12"))
        found = await loaded(house, FRONT)
    assert found.claims == {}
    assert found.next_due == datetime(2026, 7, 11, 11, 50, tzinfo=UTC)  # the earlier one's
