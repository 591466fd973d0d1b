"""Whatever the lock, the radio, the clock and people do, the plan keeps its rules."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.ids import KeyId
from gatewayd.domain.lease import Lease
from gatewayd.domain.moment import Window
from gatewayd.domain.plan import Plan
from gatewayd.domain.report import Alive, DuplicateRefused
from gatewayd.domain.situation import Claim
from gatewayd.errors import Reason
from tests.properties.lock import Fault, VirtualLock
from tests.properties.world import World

KINDS: list[dict[str, Any]] = [
    {},
    {"can_disable": True},
    {"can_disable": True, "checksum": True},
    {"enforces_windows": True},
    {"enforces_windows": True, "assigns_slots": True},
]
"""Locks by what they can do: User Code, its version 2, with a checksum, with schedules; a
lock with a list."""
KEYS = st.sampled_from([KeyId("res:R1"), KeyId("res:R2")])
SLOTS = st.integers(1, 3)
FAULTS = st.lists(st.sampled_from(Fault), min_size=1, max_size=8)
WHILES = st.sampled_from([1, 20, 45, 60, 61, 125, 300, 900, 7200])
BEGINS = st.sampled_from([-60, -5, 0, 9, 10, 11, 70]).map(lambda x: timedelta(minutes=x))
LENGTHS = st.sampled_from([1, 2, 3, 6, 60, 3000]).map(lambda x: timedelta(minutes=x))
LEADS = st.sampled_from([timedelta(minutes=10), timedelta(hours=72)])
STEPS = st.sampled_from([timedelta(hours=1), timedelta(seconds=10**6), -timedelta(seconds=10**6)])
DOUBTS = st.sampled_from([timedelta(), timedelta(days=20)])


class Site(RuleBasedStateMachine):
    """One lock among guests, faults and passers-by; the world checks its rules at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize(how=st.sampled_from(KINDS), masked=st.booleans(), size=SLOTS, faults=FAULTS)
    def install(self, how: dict[str, Any], masked: bool, size: int, faults: list[Fault]) -> None:
        """A lock as it comes, and a first guest."""
        able = Capabilities(slots=size, **how)
        lock = VirtualLock(
            masked=masked and not able.assigns_slots,
            echoes=size > 1 and not able.assigns_slots,
            counts=able.assigns_slots,
        )
        self.world = World(able, lock)
        self.book(KeyId("res:R1"), timedelta(), timedelta(hours=1), timedelta(minutes=10))
        self.world.live(1, faults)

    @rule(key=KEYS, begin=BEGINS, length=LENGTHS, lead=LEADS)
    def book(self, key: KeyId, begin: timedelta, length: timedelta, lead: timedelta) -> None:
        """A reservation is made, moved, shortened or extended; its key keeps its code."""
        start = self.world.now.latest + begin
        window, due = Window(start, start + length), start - lead
        if held := self.world.s.claims.get(key):
            self.world.wish(replace(held, window=window, due=due))
        else:
            self.world.wish(Claim(key, self.world.new_code(), window, due))

    @rule(key=KEYS, how=st.sampled_from(["cancel", "regenerate", "hand over", "withhold"]))
    def change(self, key: KeyId, how: str) -> None:
        """A key is cancelled, gets another code, or is not to be provisioned any more."""
        claim = self.world.s.claims.get(key)
        match how:
            case _ if claim is None:
                pass
            case "cancel":
                self.world.unwish(key)
            case "withhold":
                held = None if claim.withheld else Reason.PROVISIONING_DISABLED_KEY
                self.world.wish(replace(claim, withheld=held))
            case _:
                code, go = self.world.new_code(), how == "regenerate"
                self.world.wish(replace(claim, code=code, old_codes_go=go))

    @rule(seconds=WHILES)
    def live(self, seconds: int) -> None:
        """The worker works on."""
        self.world.live(seconds)

    @rule(seconds=WHILES, faults=FAULTS)
    def suffer(self, seconds: int, faults: list[Fault]) -> None:
        """The worker works on, through these faults."""
        self.world.live(seconds, faults)

    @rule(slot=SLOTS)
    def person_adds(self, slot: int) -> None:
        """A person programs a code at the keypad."""
        if slot <= self.world.able.slots:
            self.world.person_adds(slot)

    @rule(slot=SLOTS)
    def person_deletes(self, slot: int) -> None:
        """A person deletes a code at the keypad."""
        self.world.person_deletes(slot)

    @rule(step=STEPS)
    def step_clock(self, step: timedelta) -> None:
        """The wall clock jumps; ticks go on."""
        self.world.set_clock(self.world.offset + step, self.world.doubt)

    @rule(before=DOUBTS, after=DOUBTS, how=st.sampled_from(["reboot", "doubt", "alive", "echo"]))
    def shake(self, before: timedelta, after: timedelta, how: str) -> None:
        """The hub's power or its clock's source goes and comes; the lock speaks by itself."""
        match how:
            case "reboot":
                self.world.reboot()
            case "doubt":
                self.world.set_clock(self.world.offset, (before, after))
            case "alive":
                self.world.lock.mail.append(Alive())
            case _:  # a person typed a code that was there already
                self.world.lock.mail.append(DuplicateRefused())

    def teardown(self) -> None:
        """When the faults have ended the plan comes to its end, and stays there."""
        world = self.world
        world.live(4 * 3600)
        for key, claim in world.s.claims.items():
            if claim.wanted(world.now) and claim.withheld is None:
                lease = world.s.lease_of(key, claim.code)
                assert (lease and self.settled(lease)) or not world.s.has_room()
        for content in world.lock.stored.values():
            assert content.key is None or world.over_since(content) is None
        for key in list(world.s.claims):
            world.unwish(key)
        world.live(1800)
        assert not world.s.leases
        assert all(content.key is None for content in world.lock.stored.values())
        assert world.plan() == Plan(None, None)

    def settled(self, lease: Lease) -> bool:
        """On the lock and proven, or left alone for a reason."""
        if lease.reason is Reason.DELETED_AT_LOCK:
            return True
        content = self.world.lock.stored.get(lease.slot or 0)
        if content is None or content.key is None:  # a person was there, and nobody told
            return lease.proven
        return lease.proven and content.meant == lease.code


TestSite = Site.TestCase
TestSite.settings = settings(
    max_examples=2 * settings().max_examples,  # the many that end early are quick
    stateful_step_count=25,
    suppress_health_check=[HealthCheck.too_slow],
)
