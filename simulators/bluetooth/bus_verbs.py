"""What the control port does to BlueZ and its adapters."""

from __future__ import annotations

from typing import Any

from simulators.bluetooth.faults import Unclear, number
from simulators.bluetooth.world import World

COUNTS = ("in_progress", "connection_abort", "slots")
FLAGS = ("service_rights", "bluez", "powered")
NAMES = (*COUNTS, *FLAGS, "adapter")


def shown_bus(world: World) -> dict[str, Any]:
    """BlueZ as it is."""
    faults = world.bluez.faults
    return {
        "bluez": world.bluez.is_present,
        "in_progress": faults.in_progress,
        "connection_abort": faults.connection_abort,
        "service_rights": faults.service_rights,
        "calls": world.bluez.calls,
        "adapters": {
            name: {
                "address": adapter.address,
                "powered": adapter.is_powered,
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
    if ("adapter" in body) is not ("powered" in body):
        raise Unclear("adapter and powered go together")
    faults = world.bluez.faults
    faults.in_progress = counts.get("in_progress", faults.in_progress)
    faults.connection_abort = counts.get("connection_abort", faults.connection_abort)
    faults.service_rights = body.get("service_rights", faults.service_rights)
    for adapter in world.adapters.values():
        adapter.slots = counts.get("slots", adapter.slots)
    if "adapter" in body:
        await world.adapters[body["adapter"]].set_powered(body["powered"])
    if "bluez" in body:
        await (world.bluez.appear() if body["bluez"] else world.bluez.vanish())
