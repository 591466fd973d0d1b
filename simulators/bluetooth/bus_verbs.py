"""What the control port does to BlueZ and its adapters."""

from __future__ import annotations

from typing import Any

from simulators.bluetooth.faults import Unclear, number
from simulators.bluetooth.world import World

COUNTS = ("in_progress", "connection_abort", "connection_canceled", "connect_ms", "slots")
ADAPTER_FLAGS = ("powered", "plugged")
FLAGS = ("service_rights", "bluez", "bus", *ADAPTER_FLAGS)
NAMES = (*COUNTS, *FLAGS, "adapter")


def shown_bus(world: World) -> dict[str, Any]:
    """BlueZ as it is."""
    faults = world.bluez.faults
    return {
        "bluez": world.bluez.is_present,
        "in_progress": faults.in_progress,
        "connection_abort": faults.connection_abort,
        "connection_canceled": faults.connection_canceled,
        "connect_ms": faults.connect_ms,
        "service_rights": faults.service_rights,
        "calls": world.bluez.calls,
        "adapters": {
            name: {
                "address": adapter.address,
                "powered": adapter.is_powered,
                "plugged": adapter.is_plugged,
                "collisions": adapter.collisions,
                "scanning": adapter.scanning is not None,
                "connecting": adapter.connecting is not None,
                "links": adapter.links,
                "slots": adapter.slots,
                "devices": len(adapter.remotes),
            }
            for name, adapter in world.adapters.items()
        },
    }


async def set_bus_faults(world: World, body: dict[str, Any]) -> None:
    """Changes only what is named. Raises Unclear, and then has changed nothing."""
    if unknown := sorted(set(body) - set(NAMES)):
        raise Unclear(f"no fault {', '.join(unknown)}; there are {', '.join(NAMES)}")
    for name in FLAGS:
        if name in body and not isinstance(body[name], bool):
            raise Unclear(f"{name} wants true or false")
    counts = {name: number(name, body[name]) for name in COUNTS if name in body}
    if "adapter" in body and body["adapter"] not in world.adapters:
        raise Unclear(f"no adapter {body['adapter']}; there are {', '.join(world.adapters)}")
    if ("adapter" in body) is not any(flag in body for flag in ADAPTER_FLAGS):
        raise Unclear(f"adapter goes with {' or '.join(ADAPTER_FLAGS)}")
    if body.get("bus"):
        raise Unclear("a bus that was killed comes back with the simulator")
    faults = world.bluez.faults
    faults.in_progress = counts.get("in_progress", faults.in_progress)
    faults.connection_abort = counts.get("connection_abort", faults.connection_abort)
    faults.connection_canceled = counts.get("connection_canceled", faults.connection_canceled)
    faults.connect_ms = counts.get("connect_ms", faults.connect_ms)
    faults.service_rights = body.get("service_rights", faults.service_rights)
    for adapter in world.adapters.values():
        adapter.slots = counts.get("slots", adapter.slots)
    if "adapter" in body:
        adapter = world.adapters[body["adapter"]]
        if "plugged" in body:
            await adapter.set_plugged(body["plugged"])
        if "powered" in body and adapter.is_plugged:
            await adapter.set_powered(body["powered"])
    if "bluez" in body:
        await (world.bluez.appear() if body["bluez"] else world.bluez.vanish())
    if "bus" in body:
        world.daemon.kill()
