"""Pairing over the air, for whoever sets a lock up: rarely, by hand, while the daemon is stopped.

found = await locks_in_pairing_mode("hci0")
await pair("hci0", clock, found[0], security_pin, keyring)
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from bleak import BleakScanner
from bleak.args.bluez import BlueZScannerArgs
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from gatewayd.clock import Clock
from gatewayd.domain.credentials import Credentials
from gatewayd.errors import LockError, RadioDown, Reason
from gatewayd.locks.nuki.adapter import BUS_ERRORS, BUS_S, Adapter
from gatewayd.locks.nuki.advertisement import KEYTURNER_USDIO, PAIRING_GDIO, read_advertisement
from gatewayd.locks.nuki.bluez import DBusError, watching
from gatewayd.locks.nuki.connection import connected
from gatewayd.locks.nuki.conversation import Conversation
from gatewayd.locks.nuki.exchange import NONCE_SIZE, Status, VerifySecurityPin
from gatewayd.locks.nuki.frames import KEY_SIZE, ClearFrames, SealedFrames, clear
from gatewayd.locks.nuki.identifiers import ErrorCode
from gatewayd.locks.nuki.keyring import Keyring
from gatewayd.locks.nuki.pairing import (
    Authorization,
    KeyPair,
    PairingFailed,
    UltraUnsupported,
    pairing,
)
from gatewayd.locks.nuki.pin_tries import PinTries
from gatewayd.locks.nuki.session import APP_ID
from gatewayd.locks.nuki.wire import Malformed

SCAN_S = 10.0
"""Seconds to look for locks: in pairing mode they advertise several times a second."""
GATHER_S = 1.0
"""Seconds to hear of others once one was heard."""
HOLD = "hold the lock's button for five seconds, until its light stays on"
HUB_NAME = "gatewayd"
"""What the vendor's app shows in the list of who is paired."""


class AdapterOff(PairingFailed):
    """The adapter is off, absent, or BlueZ does not run: from the beginning, or all at once."""

    what_to_do = (
        "see that it is plugged in, then: systemctl start bluetooth, rfkill unblock bluetooth, "
        "bluetoothctl power on; and pair again"
    )


class NoRights(PairingFailed):
    """The bus does not let this user speak to BlueZ."""

    what_to_do = (
        "put the daemon's user into BlueZ's group, sudo usermod -aG bluetooth gatewayd, and run "
        "this as that user"
    )


class NoLockFound(PairingFailed):
    """No lock in pairing mode is near."""

    what_to_do = f"{HOLD}, with the hub near, and try again"


class ButtonNotPressed(PairingFailed):
    """The lock is not in pairing mode (any more)."""

    what_to_do = f"{HOLD}, and try again"


class NoRoom(PairingFailed):
    """The lock has as many authorizations as it can keep."""

    what_to_do = "remove one that nobody needs in the vendor's app"


class PinWrong(PairingFailed):
    """The lock refused the security PIN; nothing is kept."""

    what_to_do = (
        "look the PIN up in the vendor's app and remove there the entry that this attempt left; "
        "after ten wrong ones the lock takes none for a while"
    )


class KeypadMissing(PairingFailed):
    """Paired and kept, but there is no keypad that could take codes."""

    what_to_do = "add a keypad to the lock in the vendor's app; it need not be paired again"


BY_CODE: dict[int | None, type[PairingFailed]] = {
    ErrorCode.NOT_PAIRING: ButtonNotPressed,
    ErrorCode.MAX_USER: NoRoom,
}


@dataclass(frozen=True, slots=True)
class Found:
    """A lock in pairing mode; `rssi` in dBm. An Ultra pairs in a way that is not known here."""

    address: str
    name: str
    rssi: int
    ultra: bool
    device: BLEDevice


async def locks_in_pairing_mode(
    adapter: str, seconds: float = SCAN_S, wanted: str | None = None
) -> list[Found]:
    """Locks whose button was held, the loudest first; returns a moment after the first is heard,
    or after the one with the address that is wanted.

    BlueZ also shows locks that were in pairing mode a while ago; those answer that they are not.

    Raises:
        AdapterOff, NoRights. NoLockFound: none was heard in time.
    """
    found: dict[str, Found] = {}
    first, fell = asyncio.Event(), asyncio.Event()

    def hear(device: BLEDevice, data: AdvertisementData) -> None:
        told = read_advertisement(data.manufacturer_data, data.service_data)
        if told is not None and told.pairing:
            address = device.address.upper()
            name = "".join(filter(str.isprintable, device.name or "")) or address
            found[address] = Found(address, name, data.rssi, told.ultra, device)
            if wanted in (None, address):
                first.set()

    def fall() -> None:
        fell.set()
        first.set()

    scanner = BleakScanner(hear, bluez=BlueZScannerArgs(adapter=adapter))
    async with _watched(adapter, fall):
        try:
            async with asyncio.timeout(BUS_S):
                await scanner.start()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await first.wait()
                    await asyncio.sleep(GATHER_S)
        except BUS_ERRORS as error:
            raise _fault_of_radio(adapter, str(error)) from None
        finally:
            with contextlib.suppress(*BUS_ERRORS):
                async with asyncio.timeout(BUS_S):
                    await scanner.stop()
        if fell.is_set():
            raise _fault_of_radio(adapter, "")
    if not found:
        raise NoLockFound("no lock in pairing mode is heard")
    return sorted(found.values(), key=lambda lock: -lock.rssi)


async def pair(
    adapter: str, clock: Clock, lock: Found, security_pin: int, keyring: Keyring
) -> Credentials:
    """Pair, try the PIN once, and keep what came of it.

    Raises:
        ButtonNotPressed, NoRoom, PinWrong, KeypadMissing, AdapterOff. PairingFailed: anything else.
    """
    if lock.ultra:
        raise UltraUnsupported("a Smart Lock Ultra pairs in a way that is not supported yet")
    async with _listening(adapter, clock) as radio:
        try:
            granted = await _handshake(radio, lock)
            credentials = Credentials(
                auth_id=granted.auth_id,
                shared_key=granted.shared_key,
                security_pin=security_pin,
                lock_uuid=str(granted.lock_uuid),
                name=lock.name,
            )
            has_keypad = await _proven(radio, lock, credentials)
        except RadioDown:
            raise _fault_of_radio(adapter, "") from None
        except LockError as error:
            raise PairingFailed(f"{lock.name}: {error}") from None
        await keyring.put(lock.address, credentials)
    if not has_keypad:
        raise KeypadMissing(f"{lock.name} is paired, but it knows of no keypad")
    return credentials


@contextlib.asynccontextmanager
async def _listening(adapter: str, clock: Clock) -> AsyncIterator[Adapter]:
    """With its scan on, a lock connects better."""
    radio = Adapter(adapter, clock, lambda *_: None)
    async with _watched(adapter, radio.fall):
        try:
            try:
                await radio.listen()
            except BUS_ERRORS as error:
                raise _fault_of_radio(adapter, str(error)) from None
            yield radio
        finally:
            await radio.hush()


@contextlib.asynccontextmanager
async def _watched(adapter: str, fall: Callable[[], None]) -> AsyncIterator[None]:
    """`fall` is called when the adapter or BlueZ goes away, and at the end."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(
                watching(lambda name: fall() if name in (None, adapter) else None)
            )
        except (DBusError, *BUS_ERRORS) as error:
            raise _fault_of_radio(adapter, str(error)) from None
        yield


async def _handshake(adapter: Adapter, lock: Found) -> Authorization:
    keys, nonce = KeyPair.of(secrets.token_bytes(KEY_SIZE)), secrets.token_bytes(NONCE_SIZE)
    steps = pairing(keys, nonce, APP_ID, HUB_NAME)
    async with connected(adapter, lock.device, PAIRING_GDIO, ClearFrames()) as connection:
        said = next(steps)
        try:
            while True:
                await connection.send(clear(said))
                said = steps.send(await connection.packet())
        except StopIteration as end:
            granted: Authorization = end.value
            return granted
        except Malformed as error:
            raise PairingFailed(f"{lock.name} sent what cannot be read ({error})") from None
        except PairingFailed as error:
            if kind := BY_CODE.get(error.code):
                raise kind(f"{lock.name}: {error}", error.code) from None
            raise


async def _proven(adapter: Adapter, lock: Found, credentials: Credentials) -> bool:
    """Whether there is a keypad, asked with what was granted; the PIN is tried once."""
    refused = asyncio.Event()

    async def keep(_: int) -> None:
        """Of a pairing that failed nothing is kept."""

    async def stop(why: Reason) -> None:
        if why is Reason.PIN_REFUSED:
            refused.set()

    frames = SealedFrames(credentials.auth_id, credentials.shared_key)
    async with connected(adapter, lock.device, KEYTURNER_USDIO, frames) as connection:
        talk = Conversation(connection, credentials, PinTries(1, keep, stop))
        try:
            await talk.read(VerifySecurityPin, Status)
        except LockError:
            if refused.is_set():
                raise PinWrong(f"{lock.name} refuses the security PIN") from None
            raise
        return (await talk.states()).keypad_battery_critical is not None


def _fault_of_radio(adapter: str, text: str) -> PairingFailed:
    if "AccessDenied" in text:
        return NoRights("no rights to speak to BlueZ on the system bus")
    return AdapterOff(f"the Bluetooth adapter {adapter} is off or absent, or BlueZ does not run")
