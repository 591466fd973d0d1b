"""The air between adapters and locks: who hears whom, and how loud.

bumble's own link brings every packet to every controller. Here an advertisement reaches only the
adapters that listen and are in range, so that forty locks cost little.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from bumble import hci, ll
from bumble.controller import Connection, Controller
from bumble.core import PhysicalTransport
from bumble.device import Device, DeviceConfiguration
from bumble.hci import Address
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink

NEAR_DBM: Final = -60
"""How loud a lock is until the control port says otherwise."""

REFRESH_S: Final = 1.0
"""An unchanged advertisement is reported again after this time: controllers that filter duplicates
do, and real signals wander."""


def public(address: str) -> Address:
    """A public device address."""
    return Address(address, Address.PUBLIC_DEVICE_ADDRESS)


class Radio(Controller):
    """An adapter's controller: reports with signal strength, scan responses and cancelling."""

    def __init__(self, name: str, air: Air, address: Address) -> None:
        super().__init__(name, link=air, public_address=address)
        self._air = air
        self._reported: dict[Address, tuple[bytes, bytes, int, float]] = {}

    @property
    def is_listening(self) -> bool:
        """It scans or wants to connect."""
        return bool(self.le_scan_enable or self.pending_le_connection)

    def on_hci_le_set_scan_enable_command(self, command: Any) -> Any:
        """A new scan reports everyone anew."""
        self._reported.clear()
        return super().on_hci_le_set_scan_enable_command(command)

    def hear(self, advertiser: Controller, rssi: int) -> None:
        """An advertisement has arrived."""
        legacy = advertiser.le_legacy_advertiser
        if self.le_scan_enable:
            self._report(legacy.address, legacy.advertising_data, legacy.scan_response_data, rssi)
        pending = self.pending_le_connection
        if pending is not None and pending.peer_address == legacy.address and legacy.enabled:
            self.create_le_connection(legacy.address)

    def _report(self, address: Address, data: bytes, response: bytes, rssi: int) -> None:
        now = asyncio.get_running_loop().time()
        if self.le_scan_type == hci.HCI_LE_Set_Scan_Parameters_Command.PASSIVE_SCANNING:
            response = b""
        before = self._reported.get(address)
        if before and before[:3] == (data, response, rssi) and now < before[3] + REFRESH_S:
            return
        self._reported[address] = (data, response, rssi, now)
        event = hci.HCI_LE_Advertising_Report_Event
        kinds = [(event.EventType.ADV_IND, data)]
        if response:
            kinds.append((event.EventType.SCAN_RSP, response))
        for kind, content in kinds:
            report = event.Report(
                event_type=kind,
                address_type=address.address_type,
                address=address,
                data=content,
                rssi=rssi,
            )
            self.send_hci_packet(event([report]))

    def on_hci_le_create_connection_cancel_command(self, _command: Any) -> Any:
        """Core specification, volume 4, part E, 7.8.13: the attempt ends with an event."""
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        asyncio.get_running_loop().call_soon(self._say_cancelled, pending.peer_address)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def _say_cancelled(self, peer: Address) -> None:
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=peer.address_type,
                peer_address=peer,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )


class Air(LocalLink):
    """All controllers, and the signal strengths between adapters and locks."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # bumble's is not typed
        self._controllers: dict[Address, Controller] = {}
        self._radios: list[Radio] = []
        self._rssi: dict[tuple[Address, Address], int | None] = {}
        self._muted: set[Address] = set()

    # Who is there

    def add_adapter(self, name: str, address: str) -> Device:
        """A host with a central."""
        radio = Radio(name, self, public(address))
        self._radios.append(radio)
        return self._device(radio, name)

    def add_lock(self, name: str, address: str) -> Device:
        """A host with a peripheral."""
        return self._device(Controller(name, link=self, public_address=public(address)), name)

    def _device(self, controller: Controller, name: str) -> Device:
        # Not the extended commands, which would make of one advertisement two reports.
        controller.le_features &= ~hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
        self._controllers[controller.public_address] = controller
        config = DeviceConfiguration(name=name, address=controller.public_address)
        return Device(config=config, host=Host(controller, AsyncPipeSink(controller)))

    # Who hears whom

    def rssi(self, adapter: str, lock: str) -> int | None:
        """In dBm; None: out of reach."""
        if public(lock) in self._muted:
            return None
        return self._rssi.get((public(adapter), public(lock)), NEAR_DBM)

    def set_rssi(self, adapter: str, lock: str, rssi: int | None) -> None:
        """A link between the two breaks when they no longer hear each other."""
        self._rssi[public(adapter), public(lock)] = rssi
        if rssi is None:
            self._sever(public(lock), public(adapter))

    def forget_rssi(self, lock: str) -> None:
        """The lock is heard everywhere as at the start."""
        for way in [way for way in self._rssi if way[1] == public(lock)]:
            del self._rssi[way]

    def mute(self, lock: str, muted: bool) -> None:
        """Takes a lock out of everyone's reach, or brings it back."""
        if muted:
            self._muted.add(public(lock))
            for radio in self._radios:
                self._sever(public(lock), radio.public_address)
        else:
            self._muted.discard(public(lock))

    def _sever(self, lock: Address, adapter: Address) -> None:
        """Without goodbye: both notice when the supervision time is over, here at once."""
        for one, other in ((lock, adapter), (adapter, lock)):
            controller = self._controllers[one]
            connection: Connection | None = controller.le_connections.get(other)
            if connection is not None:
                reason = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
                controller.on_le_disconnected(connection, reason)

    # What LocalLink does for controllers

    def find_le_controller(self, address: Address) -> Controller | None:
        """By public address, which is the only kind here."""
        return self._controllers.get(address)

    def send_advertising_pdu(self, sender_controller: Controller, packet: Any) -> None:
        """An advertisement to who listens; a request to connect to whom it is for."""
        if isinstance(packet, ll.ConnectInd):
            # At once: the advertiser must not stop meanwhile, or only one side is connected.
            if receiver := self._controllers.get(packet.advertiser_address):
                receiver.on_ll_advertising_pdu(packet)
            return
        if sender_controller.public_address in self._muted:
            return
        soon = asyncio.get_running_loop().call_soon
        for radio in self._radios:
            if radio.is_listening:
                way = (radio.public_address, sender_controller.public_address)
                if (rssi := self._rssi.get(way, NEAR_DBM)) is not None:
                    soon(radio.hear, sender_controller, rssi)

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        """From the address that the connection has: bumble 0.0.236 takes the random one always."""
        connection = sender_controller.le_connections.get(destination_address)
        receiver = self._controllers.get(destination_address)
        if connection is not None and receiver is not None:
            soon = asyncio.get_running_loop().call_soon
            soon(receiver.on_link_acl_data, connection.self_address, transport, data)
