"""Pairing with one Nuki lock, from the open database to the kept key."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gatewayd.cli.trouble import Trouble, not_as_root
from gatewayd.clock import SystemClock
from gatewayd.config import Config
from gatewayd.locks.nuki.pair import (
    Found,
    KeypadMissing,
    locks_in_pairing_mode,
    pair,
)
from gatewayd.locks.nuki.pairing import PairingFailed
from gatewayd.store.database import open_database
from gatewayd.store.keyring import NukiKeyring

type Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What to pair with what; no adapter: the configuration's, no address: the only lock heard."""

    config: Config
    adapter: str | None
    address: str | None
    security_pin: int = field(repr=False)
    listen_s: int


@dataclass(frozen=True, slots=True)
class Paired:
    """`lacking`: what keeps the lock from taking codes although it is paired."""

    address: str
    name: str
    lacking: Trouble | None = None


async def pair_one(order: Order, say: Say) -> Paired:
    """Find it, pair, keep the key.

    Raises:
        Trouble: nothing is kept. StoreError: nothing was tried.
    """
    path, clock = order.config.store.path, SystemClock()
    not_as_root(path.parent)
    database = await open_database(path, clock)
    try:
        adapter = order.adapter or _adapter(order)
        lock = await _found(adapter, order, say)
        say(f"pairing with {lock.name} …")
        keyring = NukiKeyring(database)
        await pair(adapter, clock, lock, order.security_pin, keyring)
    except KeypadMissing as error:
        return Paired(lock.address, lock.name, Trouble(str(error), error.what_to_do))
    except PairingFailed as error:
        raise Trouble(str(error), error.what_to_do) from error
    finally:
        await database.close()
    say(f"paired with {lock.name}; the security PIN is right")
    return Paired(lock.address, lock.name)


def _adapter(order: Order) -> str:
    """The one that the daemon will use for this lock, as far as that is known."""
    hci = order.config.bluetooth
    if hci is None:
        return "hci0"
    return hci.bindings.get(order.address or "", hci.adapters[0])


async def _found(adapter: str, order: Order, say: Say) -> Found:
    say("hold the lock's button for five seconds, until its light stays on")
    say(f"listening on {adapter} for up to {order.listen_s} s …")
    found = await locks_in_pairing_mode(adapter, order.listen_s, order.address)
    for lock in found:
        say(f"  {lock.name}  {lock.address}  {lock.rssi} dBm")
    names = ", ".join(f"{lock.name} ({lock.address})" for lock in found)
    if order.address is not None:
        for lock in found:
            if lock.address == order.address:
                return lock
        raise Trouble(
            f"no lock with the address {order.address} is heard in pairing mode, but {names}",
            "hold the button of the right lock, or name another address",
        )
    if len(found) > 1:
        raise Trouble(f"several locks are in pairing mode: {names}", "say which one with --address")
    return found[0]
