"""A code is in the lock within its window and bounds, however little the hub knows of the time."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gatewayd.domain.moment import Window
from gatewayd.domain.situation import Claim
from tests.properties.lock import VirtualLock
from tests.properties.world import GONE_WITHIN, World
from tests.unit.domain.builders import KEY, NOON

SECONDS = st.integers(0, 3 * 86400)
MARGINS = st.one_of(st.just(0), SECONDS)


@given(
    start=st.integers(1, 10**6),
    length=st.integers(1, 10**6),
    lead=st.sampled_from([600, 72 * 3600]),
    before=MARGINS,
    after=MARGINS,
    masked=st.booleans(),
)
def test_a_code_lies_in_the_lock_from_its_lead_to_its_end(  # noqa: PLR0917  # one draw each
    start: int, length: int, lead: int, before: int, after: int, masked: bool
) -> None:
    """In when start - lead <= latest, out when end <= earliest, to the second; S1-2, S1-7."""
    world = World(
        lock=VirtualLock(masked), doubt=(timedelta(seconds=before), timedelta(seconds=after))
    )
    window = Window(NOON + timedelta(seconds=start), NOON + timedelta(seconds=start + length))
    world.wish(Claim(KEY, world.new_code(), window, window.start - timedelta(seconds=lead)))

    comes, goes = max(0, start - lead - after), start + length + before
    if comes > 0:
        world.live(comes - 1)
        assert not world.lock.stored, "too early"
        world.live(1)
    else:
        world.live(0)
    assert world.lock.stored, "too late"
    world.live(max(0, start - world.age))
    assert world.lock.stored, "a rightful guest is locked out"
    world.live(goes - 1 - world.age)
    assert world.lock.stored, "a stay is ended early"
    world.live(1 + GONE_WITHIN)
    assert not world.lock.stored, "a code outlives its window"
    assert not world.s.leases


@given(
    start=st.integers(-7200, 10**5),
    length=st.integers(1, 10**5),
    moved=st.integers(-7200, 10**5),
    at=st.integers(0, 10**5),
)
def test_a_change_acts_at_once(start: int, length: int, moved: int, at: int) -> None:
    """Shortened, extended or moved: the lock is as the new window says in the same session."""
    world = World()
    code = world.new_code()

    def book(begin: int) -> None:
        window = Window(NOON + timedelta(seconds=begin), NOON + timedelta(seconds=begin + length))
        world.wish(Claim(KEY, code, window, window.start - timedelta(minutes=10)))

    book(start)
    world.live(at)
    book(moved)  # S1-10, suffering 22
    world.live(GONE_WITHIN)
    assert bool(world.lock.stored) is (moved - 600 <= world.age < moved + length)
