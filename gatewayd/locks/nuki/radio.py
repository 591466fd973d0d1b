"""All Nuki locks around the hub's Bluetooth adapters.

A few tasks live as long as `run`. One watches BlueZ; an adapter or BlueZ that goes away ends its
connections at once. One for each adapter keeps a scan on while it is on: one that hangs holds up no
other. And one reads the log of a lock whose advertisement says that something changed; that of a
lock which is not on the site (yet) waits in the lock. How far a log is told only who writes its
entries down knows: what is lost on the way is read again.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

import structlog

from gatewayd.clock import Clock
from gatewayd.domain.credentials import Credentials
from gatewayd.domain.report import Heard, Logged, PinRefused, PinUnanswered
from gatewayd.errors import LockError, RadioDown, Reason, Unreachable
from gatewayd.locks.driver import IsServed, Link, OnReport
from gatewayd.locks.nuki import reports
from gatewayd.locks.nuki.adapter import BUS_ERRORS, Adapter, Hearing
from gatewayd.locks.nuki.advertisement import KEYTURNER_USDIO, Advertisement
from gatewayd.locks.nuki.bluez import AccessDenied, Bluez, DBusError, watching
from gatewayd.locks.nuki.connection import connected
from gatewayd.locks.nuki.conversation import Conversation
from gatewayd.locks.nuki.failures import NOT_PAIRED, stopped
from gatewayd.locks.nuki.frames import SealedFrames
from gatewayd.locks.nuki.keyring import Keyring
from gatewayd.locks.nuki.lock import NukiLock
from gatewayd.locks.nuki.neighbour import Neighbour
from gatewayd.locks.nuki.pin_tries import PinTries
from gatewayd.locks.nuki.session import NukiSession
from gatewayd.locks.nuki.upkeep import Upkeep, read_log

log = structlog.get_logger(__name__)

BACKOFF = (0.5, 10.0)
"""Seconds between looks at a BlueZ that cannot be used: doubled from the first to the second."""
LISTEN_S = 5.0
"""Seconds after a scan began within which a lock that was not heard may only be slow."""
RECENT_S = 10.0
"""Seconds for which a hearing counts when adapters are compared."""


class NukiRadio:
    """`adapters` by name, such as hci0; `bindings` say of a lock which one it must use."""

    def __init__(
        self,
        adapters: Sequence[str],
        keyring: Keyring,
        clock: Clock,
        bindings: Mapping[str, str] | None = None,
        name: str = "nuki",
    ) -> None:
        self.name, self.clock = name, clock
        self.sessions = 1  # a session is a connection, which the lock ends where it is silent
        self.unfit: str | None = None
        self.on_report: OnReport = lambda _address, _report: None
        self.is_served: IsServed = lambda _address: True
        self.adapters = {adapter: Adapter(adapter, clock, self._heard) for adapter in adapters}
        self._keyring, self._bindings = keyring, dict(bindings or {})
        parts = {name: adapter.link for name, adapter in self.adapters.items()}
        self.link = Link(parts if len(parts) > 1 else {}, self._bindings)
        self._neighbours: dict[str, Neighbour] = {}
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Watch, scan and read logs; for ever."""
        try:
            async with asyncio.TaskGroup() as group:  # its life is this call's
                group.create_task(self._keep_watching(), name=f"{self.name} BlueZ")
                for adapter in self.adapters.values():
                    name = f"{self.name} scan {adapter.name}"
                    group.create_task(self._keep_listening(adapter), name=name)
                group.create_task(self._keep_reading(), name=f"{self.name} logs")
        finally:
            for adapter in self.adapters.values():
                await adapter.hush()

    def lock(self, address: str) -> NukiLock:
        """The lock with this Bluetooth address."""
        return NukiLock(self, address.upper())

    @asynccontextmanager
    async def session(self, address: str) -> AsyncIterator[NukiSession]:
        """One connection, its lock looked after.

        Raises:
            Unreachable, RadioDown: as the driver contract has it.
        """
        async with self._talk(address) as (talk, _):
            yield NukiSession(talk, self.clock, partial(self._tell, address))

    # Connections

    @asynccontextmanager
    async def _talk(self, address: str) -> AsyncIterator[tuple[Conversation, Credentials]]:
        neighbour = self._neighbour(address)
        async with neighbour.turn:
            credentials = await self._credentials(address)
            try:
                adapter, heard = await self._nearest(address, neighbour)
                frames = SealedFrames(credentials.auth_id, credentials.shared_key)
                async with connected(adapter, heard.device, KEYTURNER_USDIO, frames) as connection:
                    tries = PinTries(
                        credentials.pin_tries,
                        keep=partial(self._keyring.pin_tries, address),
                        stop=partial(self._stop, address),
                    )
                    talk = Conversation(connection, credentials, tries)
                    tell = partial(self._tell, address)
                    upkeep = Upkeep(address, self._keyring, self.clock, tell)
                    await upkeep.do(talk, neighbour, credentials)
                    yield talk, credentials
            except Unreachable:
                neighbour.missed = True
                raise

    async def _credentials(self, address: str) -> Credentials:
        credentials = await self._keyring.get(address)
        if credentials is None:
            raise Unreachable(NOT_PAIRED, Reason.REFUSED)
        if (why := credentials.stopped) is not None:
            raise stopped(why)
        return credentials

    async def _nearest(self, address: str, neighbour: Neighbour) -> tuple[Adapter, Hearing]:
        """The adapter that hears the lock best, or the one that it is bound to."""
        bound = self._bindings.get(address)
        allowed = [a for a in self.adapters.values() if bound in (None, a.name)]
        names = ", ".join(adapter.name for adapter in allowed)
        since = max((a.up_since for a in allowed), default=0.0)
        try:
            async with asyncio.timeout(max(since + LISTEN_S - self.clock.tick(), 0.0)):
                while (best := self._best(allowed, address)) is None:
                    if not any(adapter.up for adapter in allowed):
                        raise RadioDown(f"the Bluetooth adapter is off or gone: {names}")
                    neighbour.heard.clear()
                    await neighbour.heard.wait()
                return best
        except TimeoutError:
            raise Unreachable("the lock is not heard") from None

    def _best(self, allowed: list[Adapter], address: str) -> tuple[Adapter, Hearing] | None:
        found = [(a, heard) for a in allowed if (heard := a.hearing(address)) is not None]
        now = self.clock.tick()
        return max(found, key=lambda f: (now - f[1].at < RECENT_S, f[1].rssi), default=None)

    async def _stop(self, address: str, why: Reason) -> None:
        log.error("nuki.stopped", address=address, why=why)
        if why is Reason.PIN_REFUSED:
            await self._keyring.refuse_pin(address)
        self._tell(address, PinRefused() if why is Reason.PIN_REFUSED else PinUnanswered())

    # BlueZ and advertisements

    async def _keep_watching(self) -> None:
        delay = BACKOFF[0]
        while True:
            try:
                async with watching(self._fall) as bluez, asyncio.TaskGroup() as group:
                    group.create_task(bluez.until_lost(), name=f"{self.name} bus")
                    delay = BACKOFF[0]
                    await self._follow(bluez)
            except* AccessDenied:
                delay, self.unfit = BACKOFF[1], "no rights to speak to BlueZ on the system bus"
                log.error("nuki.no_rights")
            except* (DBusError, OSError, EOFError) as lost:
                log.warning("nuki.bus_lost", why=type(lost.exceptions[0]).__name__)
            await asyncio.sleep(delay)
            delay = min(delay * 2, BACKOFF[1])

    async def _follow(self, bluez: Bluez) -> None:
        """Tell the adapters whether they are on, until the bus is lost."""
        while True:
            bluez.changed.clear()
            powered = await bluez.powered()
            self.unfit = None
            for adapter in self.adapters.values():
                if adapter.name in powered:
                    adapter.rise()
                elif adapter.powered:
                    self._fall(adapter.name)
            await self.clock.wait(bluez.changed, None)

    async def _keep_listening(self, adapter: Adapter) -> None:
        """A scan whenever the adapter is on."""
        delay = BACKOFF[0]
        while True:
            adapter.changed.clear()
            failed = adapter.powered and not adapter.up and not await self._begin(adapter)
            await self.clock.wait(adapter.changed, delay if failed else None)
            delay = min(delay * 2, BACKOFF[1]) if failed else BACKOFF[0]

    async def _begin(self, adapter: Adapter) -> bool:
        try:
            await adapter.listen()
        except BUS_ERRORS as error:
            log.warning("nuki.scan_failed", adapter=adapter.name, why=type(error).__name__)
            return False
        log.info("nuki.listening", adapter=adapter.name)
        self.link.change(up=True)
        return True

    def _fall(self, name: str | None) -> None:
        """An adapter, or BlueZ itself, went off or away."""
        for adapter in self.adapters.values():
            if name in (None, adapter.name):
                if adapter.up:
                    log.warning("nuki.adapter_lost", adapter=adapter.name)
                adapter.fall()
        for neighbour in self._neighbours.values():
            neighbour.heard.set()  # whoever waits must look again
        if not any(adapter.up for adapter in self.adapters.values()):
            self.link.change(up=False)
            for neighbour in self._neighbours.values():
                neighbour.forget()

    def _heard(self, _: Adapter, address: str, told: Advertisement) -> None:
        neighbour = self._neighbour(address)
        if (alive := neighbour.hears(told, self.clock.tick())) is not None:
            self._tell(address, alive)
        if neighbour.log_due() is not None and self.is_served(address):
            self._changed.set()

    # Logs

    async def _keep_reading(self) -> None:
        while True:
            self._changed.clear()
            waits: list[float] = []
            for address, neighbour in list(self._neighbours.items()):
                if (due := neighbour.log_due()) is None or not self.is_served(address):
                    continue
                if (wait := due - self.clock.tick()) > 0:
                    waits.append(wait)
                else:
                    await self._read_log(address, neighbour)
                    self._changed.set()
            await self.clock.wait(self._changed, min(waits, default=None))

    async def _read_log(self, address: str, neighbour: Neighbour) -> None:
        """Once, and later again where that fails."""
        credentials = await self._keyring.get(address)
        neighbour.reading(self.clock.tick())
        if credentials is None or credentials.stopped:
            return
        if neighbour.spares(credentials.pin_tries, self.clock.tick()):
            return
        try:
            async with self._talk(address) as (talk, known):
                index, entries = await read_log(talk, known.log_index)
        except RadioDown:
            neighbour.log_unasked(self.clock.tick())
            return
        except LockError as error:
            log.warning("nuki.log_unread", address=address, reason=error.reason)
            neighbour.log_read(self.clock.tick(), done=False)
            return
        neighbour.log_read(self.clock.tick(), done=True)
        for entry in entries:
            report = reports.of_log(entry)
            if report is not None or entry is entries[-1]:
                self._tell(address, Logged(address, entry.index, report))
        if not entries and index != known.log_index:
            await self._keyring.log_read(address, index)

    def _neighbour(self, address: str) -> Neighbour:
        return self._neighbours.setdefault(address, Neighbour())

    def _tell(self, address: str, report: Heard) -> None:
        self.on_report(address, report)
