"""A lock and a radio in memory, proven by the same contract suite as the real drivers."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from gatewayd.clock import Clock
from gatewayd.domain.bolt import Action, Bolt
from gatewayd.domain.capabilities import NUKI, Capabilities
from gatewayd.domain.code import ANY_CODE, Code
from gatewayd.domain.hours import Hours
from gatewayd.domain.moment import Window
from gatewayd.domain.report import Heard
from gatewayd.domain.slot import Empty, Entry, Holds, Observation, Occupied
from gatewayd.errors import OutcomeUnknown, Reason, Refused, Unreachable, Unsupported
from gatewayd.locks.driver import IsServed, Link, OnReport


@dataclass(slots=True)
class Air:
    """A radio does one exchange at a time, and each takes so many seconds; `most` were asked for
    at a time."""

    seconds: float
    exchanges: int = 0
    most: int = 0
    _asked: int = 0
    _free: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def exchange(self) -> None:
        """There and back."""
        self._asked += 1
        self.most = max(self.most, self._asked)
        async with self._free:
            await asyncio.sleep(self.seconds)
        self._asked -= 1
        self.exchanges += 1


@dataclass(slots=True)
class FakeLock:
    """Holds codes; what is wrong with it is a flag. `touched` tells each operation.

    `numbers_itself`: a list of codes with windows and hours, as on a Nuki, instead of numbered
    slots; `switches`: it can hold a code disabled; `air`: what it is reached through takes time.
    """

    clock: Clock
    air: Air | None = None
    codes: dict[int, str] = field(default_factory=dict)
    slots: int = 30
    numbers_itself: bool = False
    switches: bool = False
    disabled: set[int] = field(default_factory=set)
    windows: dict[int, Window | None] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    label_length: int = 0
    unique_labels: bool = False
    checksummed: bool = False
    hours: dict[int, Hours | None] = field(default_factory=dict)
    numbered: int = 0
    dead: bool = False
    masked: bool = False
    refuses: bool = False
    drops_writes: bool = False
    loses_answers: bool = False
    jams: bool = False
    hangs: bool = False
    turned: Bolt = Bolt.LOCKED
    touched: list[str] = field(default_factory=list)

    async def capabilities(self) -> Capabilities:
        """User Code's, or a Nuki's."""
        if self.numbers_itself:
            return replace(NUKI, slots=self.slots)
        return Capabilities(
            slots=self.slots,
            code=ANY_CODE,
            label_length=self.label_length,
            can_disable=self.switches,
            checksum=self.checksummed,
        )

    @asynccontextmanager
    async def session(self) -> AsyncIterator["FakeLock"]:
        """The lock is its own session."""
        self._reach("session")
        if self.hangs:
            await asyncio.Event().wait()
        yield self

    async def observe(self, slots: Collection[int]) -> Mapping[int, Observation]:
        """As the lock shows them; a list is shown as a whole."""
        if self.numbers_itself:
            slots = {*slots, *self.codes}
            if not slots:
                await self._exchange("observe")
        return {slot: await self._seen(slot) for slot in slots}

    async def unchanged(self, seen: Mapping[int, Observation]) -> bool:
        """As a checksum over all slots would tell."""
        await self._exchange("audit")
        if not self.checksummed:
            raise Unsupported("tells no checksum")
        if self.masked or any(isinstance(shown, Occupied) for shown in seen.values()):
            return False
        held = {n: (o.code.digits, o.enabled) for n, o in seen.items() if isinstance(o, Holds)}
        return held == {n: (code, n not in self.disabled) for n, code in self.codes.items()}

    async def write(self, entry: Entry, slot: int | None) -> int:
        """Store a code unless a flag says otherwise."""
        await self._exchange(f"write {slot}")
        able = await self.capabilities()
        if not able.code.allow(entry.code):
            raise Unsupported("takes no such code", Reason.CODE_IMPOSSIBLE)
        if not entry.enabled and not able.can_disable:
            raise Unsupported("knows no disabled codes")
        if (entry.window or entry.hours) and not self.numbers_itself:
            raise Unsupported("knows no windows and no hours")
        slot = self._number(slot)
        self._must_exist(slot)
        if self.refuses:
            raise Refused("the lock refused the code")
        taken = {code for n, code in self.codes.items() if n != slot}
        if entry.code.digits in taken:
            raise Refused("the lock refused the code", Reason.DUPLICATE_CODE)
        if self.unique_labels and entry.label in {x for n, x in self.labels.items() if n != slot}:
            raise Refused("the lock refused the label", Reason.DUPLICATE_NAME)
        if not self.drops_writes:
            self.codes[slot] = entry.code.digits
            self.labels[slot] = entry.label
            self.windows[slot], self.hours[slot] = entry.window, entry.hours
            self.disabled.discard(slot)
            if not entry.enabled:
                self.disabled.add(slot)
        self._answer()
        return slot

    async def clear(self, slot: int) -> None:
        """Empty a slot."""
        await self._exchange(f"clear {slot}")
        self._must_exist(slot)
        if not self.drops_writes:
            self.codes.pop(slot, None)
            self.windows.pop(slot, None)
            self.labels.pop(slot, None)
            self.hours.pop(slot, None)
            self.disabled.discard(slot)
        self._answer()

    async def operate(self, action: Action) -> None:
        """Turn the bolt unless a flag says otherwise."""
        await self._exchange(action.value)
        self.turned = Bolt.JAMMED if self.jams else action.wanted
        self._answer()

    async def bolt(self) -> Bolt:
        """Where it is."""
        await self._exchange("bolt")
        return self.turned

    async def _seen(self, slot: int) -> Observation:
        await self._exchange(f"observe {slot}")
        self._must_exist(slot)
        at = self.clock.now().earliest
        if slot not in self.codes:
            return Empty(at)
        limits = slot not in self.disabled, self.windows.get(slot), self.hours.get(slot)
        if self.masked:
            return Occupied(at, *limits)
        return Holds(at, Code(self.codes[slot]), *limits)

    def _number(self, slot: int | None) -> int:
        """Where a write goes: a number is not used twice."""
        if not self.numbers_itself:
            assert slot is not None
            return slot
        if slot is None:
            if len(self.codes) >= self.slots:
                raise Refused("the lock is full", Reason.LOCK_FULL)
            self.numbered += 1
            return self.numbered
        if slot not in self.codes:
            raise Refused("the lock has no such code")
        return slot

    async def _exchange(self, what: str) -> None:
        if self.air is not None:
            await self.air.exchange()
        self._reach(what)

    def _reach(self, what: str) -> None:
        self.touched.append(what)
        if self.dead:
            raise Unreachable("the lock does not answer")

    def _must_exist(self, slot: int) -> None:
        if not self.numbers_itself and not 1 <= slot <= self.slots:
            raise Unsupported(f"the lock has no slot {slot}")

    def _answer(self) -> None:
        if self.loses_answers:
            raise OutcomeUnknown("the answer was lost")


class FakeRadio:
    """Locks by address."""

    def __init__(self, clock: Clock, name: str = "fake", sessions: int = 1) -> None:
        self.name, self.link, self.sessions = name, Link(), sessions
        self.unfit: str | None = None
        self.on_report: OnReport = lambda _address, _report: None
        self.is_served: IsServed = lambda _address: True
        self.locks: dict[str, FakeLock] = {}
        self._clock = clock
        self.link.change(up=True)

    async def run(self) -> None:
        """There is nothing to hold."""

    def lock(self, address: str) -> FakeLock:
        """Made when first asked for."""
        return self.locks.setdefault(address, FakeLock(self._clock))

    def report(self, address: str, report: Heard) -> None:
        """A lock tells something by itself."""
        self.on_report(address, report)
