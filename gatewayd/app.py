"""The composition root: builds the parts and owns their TaskGroup."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from random import SystemRandom

import structlog

from gatewayd import systemd
from gatewayd.clock import Clock, HubClock, kernel_synchronised
from gatewayd.cloud.connection import Address, Broker
from gatewayd.cloud.entities import Names
from gatewayd.cloud.home_assistant import HomeAssistant
from gatewayd.cloud.link import AT_FIRST, RETAINED, CloudLink, status
from gatewayd.cloud.publisher import Publisher
from gatewayd.cloud.witness import CloudTime
from gatewayd.config import Config, page_token, password, prometheus, tls
from gatewayd.domain.events import Event
from gatewayd.domain.events.alert import raised
from gatewayd.domain.events.hub import HubStarted, SnapshotWanted
from gatewayd.domain.health import AlertCode
from gatewayd.errors import ConfigError, StoreError
from gatewayd.intake import rebuild
from gatewayd.intake.accept import Intake
from gatewayd.intake.site_file import site_file
from gatewayd.locks.driver import Radio
from gatewayd.reconciler.housekeeping import Housekeeping
from gatewayd.reconciler.reconciler import Reconciler
from gatewayd.reconciler.rounds import Rounds
from gatewayd.reconciler.signals import Watch
from gatewayd.reconciler.worker import Tools
from gatewayd.store import marks
from gatewayd.store.database import Database, Transaction, open_database
from gatewayd.store.keyring import NukiKeyring
from gatewayd.store.outbox import Outbox
from gatewayd.store.rebuild import Awaited, awaited, unasked
from gatewayd.web.followers import Followers
from gatewayd.web.parts import Parts

log = structlog.get_logger(__name__)

VERSION = version("gatewayd")


async def run(config: Config, reread: Callable[[], Config]) -> None:
    """Run the hub until SIGTERM or SIGINT. SIGHUP reads the configuration again and starts all
    parts anew: what they know is on disk. Where they do not start, they go on with the old one.

    Raises:
        StoreError: the database cannot be used; in a group: not any more. Then only another start,
            which reads what is on the disk, can tell what was stored; none of it was acknowledged.
        ConfigError: a file that it names, or the clock, cannot be used.
    """
    signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, signals.put_nowait, number)
    following: Config | None = config
    before: Config | None = None
    while following is not None:
        config, following = following, None
        try:
            async with hub(config, hub_clock(config)):
                before = None
                settle_memory()
                log.info("hub.ready", version=VERSION, hub=config.hub.id)
                systemd.notify("READY=1")
                while following is None and await signals.get() is signal.SIGHUP:
                    following = _reread(reread)
                systemd.notify("RELOADING=1" if following else "STOPPING=1")
            before = config
        except* (ConfigError, StoreError) as failed:
            if before is None:
                raise
            log.error("config.refused", why=str(failed.exceptions[0]))
            following, before = before, None
    log.info("hub.stopped")


def _reread(reread: Callable[[], Config]) -> Config | None:
    """The configuration as it is now; None where it is wrong: the old one stays in force."""
    try:
        return reread()
    except ConfigError as error:
        log.error("config.refused", why=str(error))
        return None


def settle_memory() -> None:
    """What was loaded at start stays for good: full collections leave it out. The loop's longest
    pause while 10,000 stays arrive went from 61 and 70 ms to 26 and 37 (`bench --only snapshot`).
    What stayed of an earlier configuration goes.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def hub_clock(config: Config) -> HubClock:
    """The clock that the configuration asks for.

    Raises:
        ConfigError: the kernel does not tell whether its clock is synchronised.
    """
    uncertainty = timedelta(hours=config.clock.uncertainty_hours)
    if config.clock.trust == "always":
        return HubClock(uncertainty, lambda: True)
    try:
        kernel_synchronised()
    except OSError as error:
        raise ConfigError(
            f"clock.trust: {error}; take ProtectClock= out of the unit, or set it to always"
        ) from error
    return HubClock(uncertainty)


class _Stop(Exception):
    """Ends the TaskGroup: all its tasks are cancelled."""


@contextlib.asynccontextmanager
async def hub(config: Config, clock: Clock) -> AsyncIterator[None]:
    """All parts, running for as long as the block lasts."""
    prometheus(config)
    database = await open_database(config.store.path, clock)
    try:
        clock.mark = await marks.get(database.read)
        outbox = Outbox(database, config.hub.id, database.identity.epoch)
        new, first = await outbox.untouched(), await unasked(database.read)
        lost = await awaited(database.read)
        rng = SystemRandom()
        intake = Intake(database, outbox, clock, rng, config.hub.id)
        radios = _radios(config, database, clock)
        tools = Tools(database, outbox, intake, clock)
        reconciler, rounds = Reconciler(radios, tools), Rounds(tools)
        watch, followers = Watch(database, outbox, clock), Followers()
        prefix = f"v1/{config.hub.org}/{config.hub.site}/{config.hub.id}/"
        publisher = Publisher(database, outbox, clock, prefix, database.identity.secret)
        home, said = HomeAssistant(database, _names(config, prefix)), CloudTime(clock)

        async def tell(*events: Event) -> None:
            async with database.transaction() as tx:
                await outbox.tell(tx, clock.now(), events)

        def committed(tx: Transaction) -> None:
            for part in (reconciler, rounds, watch, intake, publisher, home, followers, said):
                part.committed(tx)

        async def accept(payload: bytes, kind: str, retained: bool) -> None:  # a callback's shape
            await intake.accept(payload, kind=kind, retained=retained)

        async def remember(said: bytes | None) -> None:
            await intake.attend(partial(rebuild.remember, payload=said))

        async def session_lost() -> None:
            if link.ever_connected or not new:  # the first session of a new database is no loss
                await tell(SnapshotWanted("session_lost"))

        database.committed = committed
        link = CloudLink(
            broker(config, clock),
            prefix,
            VERSION,
            accept,
            session_lost,
            publisher,
            clock,
            rng,
            remember if first or Awaited.REPORTED in lost else None,
            RETAINED if lost else AT_FIRST,
            home,
        )
        await tell(*_first_words(new=new, lost=bool(lost)))
        await reconciler.answer_cut_off()
        async with asyncio.TaskGroup() as group:
            tasks = {
                **{f"radio {radio.name}": radio.run() for radio in radios.values()},
                "reconciler": reconciler.run(group),
                "rounds": rounds.run(),
                "watch": watch.run(),
                "cloud": link.run(),
                "watchdog": systemd.watchdog(database, tools.progress, clock),
                "held reservations": _look_again(intake, clock),
                "housekeeping": Housekeeping(database, outbox, clock).run(),
            }
            for name, task in tasks.items():
                group.create_task(task, name=name)
            since, told = clock.now().latest, (lambda: link.reach, reconciler.reach, followers)
            parts = Parts(config.hub.id, VERSION, since, database, outbox, intake, clock, *told)
            async with _served(config, parts):
                if config.site.file:
                    await intake.accept(site_file(config.site.file, config.hub.id, clock))
                with database.room.patience():
                    yield
            raise _Stop
    except* _Stop:
        pass
    finally:
        await database.close()


def _first_words(*, new: bool, lost: bool) -> Iterator[Event]:
    """What the cloud is to know first."""
    yield HubStarted(VERSION)
    if lost:
        yield raised(AlertCode.DATABASE_LOST, "hub")
    if new or lost:
        yield SnapshotWanted("new_database")


def _names(config: Config, prefix: str) -> Names | None:
    """What the hub is called in Home Assistant, where it is to be there."""
    if config.home_assistant is None:
        return None
    return Names(prefix, config.home_assistant.discovery_prefix, config.hub.id, VERSION)


def _radios(config: Config, database: Database, clock: Clock) -> dict[str, Radio]:
    """By the driver's name in the site document. A hub loads only the drivers that it needs."""
    radios: dict[str, Radio] = {}
    if config.zwave:
        from gatewayd.locks.zwave.radio import ZwaveRadio  # noqa: PLC0415

        radios["zwave"] = ZwaveRadio(config.zwave.url, clock)
    if config.bluetooth:
        from gatewayd.locks.nuki.radio import NukiRadio  # noqa: PLC0415

        hci = config.bluetooth
        radios["nuki"] = NukiRadio(hci.adapters, NukiKeyring(database), clock, hci.bindings)
    return radios


@contextlib.asynccontextmanager
async def _served(config: Config, parts: Parts) -> AsyncIterator[None]:
    """The local door, the page, and numbers for Prometheus; a hub loads only what it has."""
    async with contextlib.AsyncExitStack() as doors:
        if config.local.socket:
            from gatewayd.web.door import served  # noqa: PLC0415

            await doors.enter_async_context(served(config.local.socket, parts))
        if config.page:
            from gatewayd.web import page  # noqa: PLC0415

            shown = config.page.model_dump(exclude={"token_file"})
            terms = page.Terms(**shown, token=page_token(config))
            await doors.enter_async_context(page.served(terms, parts))
        if config.metrics:
            from gatewayd.web.metrics import exposed  # noqa: PLC0415

            where = (config.metrics.bind, config.metrics.port, config.store.path)
            await doors.enter_async_context(exposed(*where, parts))
        yield


async def _look_again(intake: Intake, clock: Clock) -> None:
    """Codes that are to be made some days before arrival (S2-8), each when it is due."""
    while True:
        intake.held.clear()
        await clock.wait(intake.held, await intake.look_again())


def broker(config: Config, clock: Clock) -> Broker:
    """Where to connect, and what is said if we vanish."""
    mqtt, hub_ = config.mqtt, config.hub
    prefix = f"v1/{hub_.org}/{hub_.site}/{hub_.id}/"
    will = status("offline", "lost", clock.now().latest, VERSION)
    others = (_address(each, mqtt.port) for each in mqtt.fallbacks)
    return Broker(
        addresses=(Address(mqtt.host, mqtt.port), *others),
        client_id=f"gatewayd-{hub_.org}-{hub_.site}-{hub_.id}",
        will=(f"{prefix}status", will),
        username=mqtt.username,
        password=password(config),
        tls=tls(config),
        keepalive=mqtt.keepalive,
        legacy=mqtt.protocol == "3.1.1",
    )


def _address(text: str, port: int) -> Address:
    host, _, own = text.partition(":")
    return Address(host, int(own or port))
