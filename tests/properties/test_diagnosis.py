"""Whatever is on disk, there is a diagnosis, and no code is in it."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gatewayd.domain.diagnosis import Part, State, text
from gatewayd.domain.diagnosis.diagnose import of_key, of_lock
from gatewayd.domain.diagnosis.door import KeyAtDoor
from gatewayd.domain.diagnosis.facts import Case, Door
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import LockId
from gatewayd.domain.lease import Proof, Stage
from gatewayd.domain.moment import Now
from gatewayd.domain.retry import Ladder
from gatewayd.domain.situation import Situation
from gatewayd.domain.slot import Empty, Foreign, Holds, Occupied
from gatewayd.errors import Reason
from tests.unit.domain.builders import CODE, HOUR, KEY, NEW_CODE, NOON, claim, lease, tick
from tests.unit.domain.builders import situation as situation_of
from tests.unit.domain.test_diagnosis import GRANT, HUB, STAY

hours = st.integers(-100, 100).map(lambda n: NOON + n * HOUR)
ladders = st.none() | st.builds(Ladder, st.integers(0, 9), st.integers(-900, 900).map(tick))
reasons = st.none() | st.sampled_from(Reason)
alerts = st.dictionaries(st.sampled_from(AlertCode), hours, max_size=4)
codes = st.sampled_from([CODE, NEW_CODE])
claims = st.builds(
    lambda code, at, lasts, reason, goes: claim(
        code=code, start=at, end=at + timedelta(hours=lasts), withheld=reason, old_codes_go=goes
    ),
    codes,
    hours,
    st.integers(1, 100),
    reasons,
    st.booleans(),
)
leases = st.builds(
    lambda stage, proof, code, slot, ladder, reason: lease(
        stage, proof, code=code, slot=slot, ladder=ladder, reason=reason
    ),
    st.sampled_from(Stage),
    st.none() | st.sampled_from(Proof),
    codes,
    st.none() | st.integers(1, 3),
    ladders,
    reasons,
)
seen = (
    st.builds(Empty, hours)
    | st.builds(Foreign, hours)
    | st.builds(Occupied, hours)
    | st.builds(Holds, hours, codes)
)
situations = st.builds(
    lambda wishes, held, slots, ladder, reason, flags: replace(
        situation_of(wishes, held, slots, ladder=ladder, active=flags[0], inventoried=flags[1]),
        reason=reason,
        rebuilding=flags[2],
    ),
    st.lists(claims, max_size=1),
    st.lists(leases, max_size=2, unique_by=lambda held: held.code),
    st.dictionaries(st.integers(1, 3), seen),
    ladders,
    reasons,
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
doors = st.builds(
    Door,
    situations,
    st.just("Front door"),
    st.just("zwave"),
    st.booleans(),
    st.none() | hours,
    st.none() | hours,
    reasons,
    alerts,
    alerts,
    alerts,
    st.lists(hours, max_size=3).map(tuple),
    st.none() | hours,
)
cases = st.builds(
    lambda at, stay, key, doubt, standing: Case(
        "R1",
        KEY,
        replace(HUB, now=Now(NOON, NOON + timedelta(hours=doubt)), alerts=standing),
        stay,
        key,
        tuple(replace(door, situation=_named(door.situation, n)) for n, door in enumerate(at)),
        standing,
    ),
    st.lists(doors, max_size=3),
    st.none() | st.builds(replace, st.just(STAY), confirmed=st.booleans(), held=reasons),
    st.none() | st.builds(replace, st.just(GRANT), revoked=st.booleans()),
    st.sampled_from([0, 72]),
    alerts,
)


def _named(s: Situation, number: int) -> Situation:
    return replace(s, lock=LockId(f"door-{number}"))


@given(cases)
def test_there_is_always_an_answer_without_a_code(case: Case) -> None:
    """S0-5, S3-21: a sentence, whose first broken link is one of the chain."""
    found = of_key(case)
    assert found.summary.endswith(".")
    assert "None" not in text(found)
    broken = [link for link in found.links if link.state is State.BROKEN]
    assert (found.first_broken is None) == (not broken)
    typed = [link for link in broken if link.name is Part.KEYPAD]
    assert not typed or found.first_broken == typed[0]
    for code in (CODE, NEW_CODE):
        assert code.digits not in repr(found) + text(found)


@given(doors)
def test_there_is_always_an_answer_about_a_lock(door: Door) -> None:
    at = [KeyAtDoor(key, door, HUB) for key in door.situation.claims]
    found = of_lock(door, at, HUB, ())
    assert found.summary.startswith("Front door: ")
    assert CODE.digits not in repr(found) + text(found)
