"""The ladder keeps its minutes, whatever the clock and the daemon do."""

from collections.abc import Callable
from datetime import timedelta
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from gatewayd.domain.moment import Window
from gatewayd.domain.report import Alive
from gatewayd.domain.retry import DELAYS, Ladder, Retry, Tick, failed
from gatewayd.domain.situation import Claim
from tests.properties.lock import Fault, VirtualLock
from tests.properties.world import World
from tests.unit.domain.builders import HOUR, KEY, NOON, only

MINUTES = [0, 1, 2, 3, 5, 8, 13, 18, 23, 28, 33]  # S3-13
TRIES = len(MINUTES)

type Upset = Callable[[World], None]

STEPS = st.integers(-(10**5), 10**5)
UPSETS: st.SearchStrategy[Upset] = st.one_of(
    st.just(lambda _: None),
    st.just(lambda world: world.lock.mail.clear()),  # the daemon starts anew from its disk
    st.builds(lambda s: lambda world: world.set_clock(timedelta(seconds=s), world.doubt), STEPS),
)


def due(world: World) -> None:
    """A key that is due at every time that the hub's clock may show."""
    window = Window(NOON - 1000 * HOUR, NOON + 1000 * HOUR)
    world.wish(Claim(KEY, world.new_code(), window, window.start))


@given(upsets=st.lists(UPSETS, min_size=TRIES, max_size=TRIES), dies=st.sets(st.integers(0, 10)))
def test_an_unreachable_lock_is_tried_at_the_ladders_minutes(
    upsets: list[Upset], dies: set[int]
) -> None:
    """Wall-clock steps and restarts move no try; a try cut off by a restart is made again."""
    world = World()
    due(world)
    for n, upset in enumerate(upsets):
        lost = [Fault.RESTART_NOT_DONE] if n in dies else []
        world.work(iter([*lost, Fault.UNREACHABLE]))
        upset(world)
        world.sleep(int(world.plan().look_again_in or 0))
    assert sorted(set(world.tries)) == [60 * m for m in MINUTES]
    assert len(world.tries) == TRIES + len(dies)


@given(
    upsets=st.lists(UPSETS, min_size=TRIES, max_size=TRIES),
    fault=st.sampled_from([Fault.REFUSED, Fault.FALSE_ACK, Fault.MANGLED, Fault.UNKNOWN_NOT_DONE]),
    echoes=st.booleans(),
)
def test_a_code_that_the_lock_does_not_take_is_written_at_the_ladders_minutes(
    upsets: list[Upset], fault: Fault, echoes: bool
) -> None:
    """One rung for each write, however often the slot is read in between."""
    world = World(lock=VirtualLock(echoes=echoes))
    due(world)
    for upset in upsets:
        world.work(iter([fault] * 9))
        upset(world)
        world.sleep(int(world.plan().look_again_in or 0))
    assert [age for age, _ in world.touches] == [60 * m for m in MINUTES]


@given(rungs=st.integers(1, 9), passed=st.integers(0, 59))
def test_after_a_reboot_the_next_try_is_at_once_and_the_rung_is_kept(
    rungs: int, passed: int
) -> None:
    """Ticks begin anew; the failures on disk go on counting."""
    world = World()
    due(world)
    for _ in range(rungs):
        world.work(iter([Fault.UNREACHABLE]))
        world.sleep(int(world.plan().look_again_in or 0))
    world.work(iter([Fault.UNREACHABLE]))
    world.sleep(passed)
    world.reboot()
    assert world.plan().step is not None
    world.work(iter([Fault.UNREACHABLE]))
    assert world.tries[-1] == world.booted
    assert world.s.ladder == Ladder(rungs + 2, Tick(60.0 * DELAYS[Retry.LADDER][min(rungs + 1, 5)]))


@given(rungs=st.integers(1, 9), passed=st.integers(0, 59))
def test_a_lock_that_comes_back_is_tried_at_once(rungs: int, passed: int) -> None:
    """Its own word is enough; if it was wrong the ladder goes on where it was."""
    world = World()
    due(world)
    for _ in range(rungs):
        world.work(iter([Fault.UNREACHABLE]))
        world.sleep(int(world.plan().look_again_in or 0))
    world.work(iter([Fault.UNREACHABLE]))
    world.sleep(passed)
    world.lock.mail.append(Alive())
    world.work(iter([]))  # S3-13
    assert world.tries[-1] == world.age
    assert only(world.s.leases).proven


@given(late=st.lists(st.floats(0, 59), min_size=TRIES, max_size=TRIES))
def test_delays_of_the_worker_do_not_add_up(late: list[float]) -> None:
    """A try that waited for its turn leaves the later ones where they were."""
    ladder = Ladder(0, Tick(0.0))
    dues = [ladder.due]
    for delay in late[1:]:
        ladder = failed(ladder, Tick(ladder.due + delay))
        dues.append(ladder.due)
    assert dues == [60.0 * m for m in MINUTES]
    assert dues == list(accumulate([0.0, *(60.0 * d for d in DELAYS[Retry.LADDER]), *[300.0] * 4]))
