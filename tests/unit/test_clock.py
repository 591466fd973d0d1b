"""Time as an interval: what a hub knows that has no clock battery (faults 31, 32)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from gatewayd import clock
from gatewayd.app import hub_clock
from gatewayd.clock import BUILT, kernel_synchronised
from gatewayd.config import load
from gatewayd.domain.moment import DRIFT, FOREVER, Mark, Now
from gatewayd.domain.retry import Tick
from gatewayd.errors import ConfigError
from tests.clocks import NOON, UNCERTAINTY, SteppedClock

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def hub() -> SteppedClock:
    """It is noon, and the hub knows."""
    hub = SteppedClock()
    assert hub.now() == Now.exactly(NOON)
    return hub


def test_a_synchronised_clock_is_believed_wherever_it_steps(hub: SteppedClock) -> None:
    # Fault 32
    for wall in (NOON + 400 * DAY, NOON - DAY):  # one bad step does not stay
        hub.wall = wall
        assert hub.now() == Now.exactly(wall)
        assert hub.mark == Mark(wall, Tick(100.0), "first")


def test_while_it_runs_a_hub_without_a_time_server_knows_the_time_well(hub: SteppedClock) -> None:
    """Thirty days without internet: to some 20 minutes, whatever the wall says."""
    hub.synchronised = False
    hub.pass_(30 * DAY)
    hub.wall = datetime(1970, 1, 1, tzinfo=UTC)
    now = hub.now()
    assert now.earliest < NOON + 30 * DAY < now.latest
    assert now.latest - now.earliest == timedelta(seconds=2 * 500e-6 * 30 * 86_400)
    assert not now.trusted


def test_a_moment_without_a_time_server_is_no_doubt_worth_a_word(hub: SteppedClock) -> None:
    hub.synchronised = False
    hub.pass_(HOUR)
    assert not hub.now().doubtful
    hub.pass_(DAY)
    assert hub.now().doubtful


@pytest.mark.parametrize("wall", [datetime(1970, 1, 1, tzinfo=UTC), NOON, NOON + 400 * DAY])
def test_after_a_power_cut_it_may_have_been_off_for_so_long(
    hub: SteppedClock, wall: datetime
) -> None:
    """Whatever the machine believes: without battery it is a guess."""
    hub.reboot(HOUR, wall)
    earliest = NOON + timedelta(seconds=30)
    assert hub.now() == Now(earliest, earliest + UNCERTAINTY)
    hub.pass_(HOUR)
    assert hub.now() == Now(earliest + HOUR, earliest + HOUR + UNCERTAINTY)


def test_a_hub_that_never_knew_the_time_guesses_from_the_machines() -> None:
    # Fault 31
    hub = SteppedClock()
    hub.synchronised = False
    assert hub.now() == Now(BUILT, NOON + UNCERTAINTY)
    hub.wall = datetime(1970, 1, 1, tzinfo=UTC)
    assert hub.now() == Now(BUILT, BUILT + UNCERTAINTY)


def test_a_witness_narrows_the_doubt_until_the_clock_is_synchronised(hub: SteppedClock) -> None:
    hub.reboot(5 * HOUR, NOON)
    said = Now(NOON + 5 * HOUR, NOON + 5 * HOUR + MINUTE)
    hub.witness("cloud", said)
    assert hub.now() == said
    hub.pass_(DAY)
    drift = timedelta(seconds=86_400 * DRIFT)
    assert hub.now() == Now(said.earliest + DAY - drift, said.latest + DAY + drift)
    hub.synchronised, hub.wall = True, NOON + 6 * HOUR
    assert hub.now() == Now.exactly(NOON + 6 * HOUR)
    hub.witness("cloud", Now.exactly(NOON))
    assert hub.now() == Now.exactly(NOON + 6 * HOUR)
    hub.synchronised = False  # nor does what was said before come back
    assert hub.now() == Now.exactly(NOON + 6 * HOUR)


def test_a_witness_may_know_that_the_hub_was_off_for_longer(hub: SteppedClock) -> None:
    hub.reboot(200 * HOUR, NOON)
    later = NOON + 200 * HOUR
    hub.witness("queued", Now(later, FOREVER))
    assert hub.now() == Now(later, later + UNCERTAINTY)
    hub.witness("cloud", Now.exactly(later + HOUR))
    assert hub.now() == Now.exactly(later + HOUR)


def test_no_witness_takes_the_hub_back_before_what_it_knows(hub: SteppedClock) -> None:
    hub.reboot(HOUR, NOON)
    before = hub.now()
    hub.witness("cloud", Now(NOON - DAY, NOON - DAY + MINUTE))
    assert hub.now() == before


def test_what_waited_in_a_broker_says_only_that_it_is_not_earlier(hub: SteppedClock) -> None:
    """Else a guest's code would come late."""
    hub.reboot(30 * HOUR, NOON)
    latest = hub.now().latest
    hub.witness("time", Now(NOON + 5 * HOUR, FOREVER))
    assert hub.now() == Now(NOON + 5 * HOUR, latest)
    hub.witness("time", Now(NOON, FOREVER))
    assert hub.now() == Now(NOON + 30 * SECOND, latest)
    hub.witness("late", Now(NOON + 99 * HOUR, FOREVER))  # the hub was off for longer
    assert hub.now() == Now(NOON + 99 * HOUR, NOON + 99 * HOUR + UNCERTAINTY)
    hub.witness("cloud", Now.exactly(NOON + 40 * HOUR))  # one of them is wrong
    assert hub.now() == Now(NOON + 30 * SECOND, NOON + 99 * HOUR + UNCERTAINTY)


def test_witnesses_leave_what_all_say_or_where_they_contradict_what_any_does(
    hub: SteppedClock,
) -> None:
    hub.reboot(5 * HOUR, NOON)
    there = NOON + 5 * HOUR
    hub.witness("a", Now(there, there + 3 * MINUTE))
    hub.witness("b", Now(there + MINUTE, there + 4 * MINUTE))
    assert hub.now() == Now(there + MINUTE, there + 3 * MINUTE)
    hub.witness("b", Now(there + HOUR, there + HOUR + MINUTE))
    assert hub.now() == Now(there, there + HOUR + MINUTE)
    hub.witness("a", Now(NOON - DAY, NOON - HOUR))  # that cannot be
    assert hub.now() == Now(there + HOUR, there + HOUR + MINUTE)


@pytest.mark.parametrize(("off", "beyond"), [(71 * HOUR, False), (74 * HOUR, True)])
def test_it_knows_when_it_was_off_for_longer_than_it_reckoned(
    hub: SteppedClock, off: timedelta, beyond: bool
) -> None:
    before = hub.mark
    assert before is not None
    hub.reboot(off, NOON)
    assert not hub.beyond(before)
    hub.synchronised, hub.wall = True, hub.true
    hub.now()
    assert hub.beyond(before) is beyond


def test_a_kernel_that_may_not_be_asked_is_an_error_with_its_mend(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(clock, "LIBC", SimpleNamespace(adjtimex=lambda _: -1))
    path = tmp_path / "gatewayd.toml"
    path.write_text('[hub]\norg="o"\nsite="s"\nid="h"\n[mqtt]\nhost="localhost"\n')
    with pytest.raises(ConfigError, match="ProtectClock"):
        hub_clock(load(path))
    path.write_text(path.read_text() + '[clock]\ntrust = "always"\n')
    assert hub_clock(load(path)).now().trusted


def test_the_kernel_says_whether_its_clock_is_synchronised() -> None:
    assert kernel_synchronised() in {True, False}
