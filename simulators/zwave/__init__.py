"""Simulated Z-Wave locks behind the real zwave-js server.

    async with ZwaveSimulator(nodes=(2, 3)) as sim:
        client = Client(sim.url, session)         # what a gateway connects to
        await sim.faults(2, dropWrites=True)      # what may be wrong with a lock
        await sim.keypad(2, code="123456")        # what a person at the door does

One Node process holds the driver, the server and the locks; here it is started, stopped and
steered. Every coroutine that steers raises SimulatorError where the control port refuses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulators.child import Child, SimulatorError
from simulators.zwave.node import command

__all__ = ["NODES", "SLOTS", "NodeState", "SimulatorError", "ZwaveSimulator"]

NODES = {
    2: "User Code V1, no security",
    3: "User Code V2, Schedule Entry Lock V3, S2 Access Control, Supervision",
    4: "User Credential V1, S2 Access Control, Supervision",
    5: "User Code V2, Supervision, no security",
    6: "User Code V1, no security, asleep until woken",
    7: "User Code V1, S2 Access Control",
    8: "as 5",
    9: "as 2",
    10: "as 5",
}
SLOTS = range(1, 256)  # what User Code V1 can count


type NodeState = dict[str, Any]
"""id, faults, codes {slot: code}, statuses {slot: status}, mode (0 open, 255 locked, 254 in
between), battery in percent, credentials, users and cards {slot: user} (of lock 4), schedules
{slot: [from, until]} in the local time of lock 3, `offset` minutes ahead of UTC, asleep."""


class ZwaveSimulator(Child):
    """The simulator as an async context manager; usable again after `kill` through `restart`.

    Without `memory` the locks forget with this object, without `cache` so does zwave-js. Port 0 is
    any free one, and stays the same over restarts. `tx_delay` is in milliseconds per frame on air.
    """

    NAME = "node"
    READY_WITHIN_S = 200.0  # above what server.cjs gives the interviews

    def __init__(
        self,
        nodes: tuple[int, ...] = tuple(NODES),
        *,
        slots: int = 30,
        memory: Path | None = None,
        cache: Path | None = None,
        ws_port: int = 0,
        control_port: int = 0,
        tx_delay: int = 0,
    ) -> None:
        if unknown := set(nodes) - set(NODES):
            raise ValueError(f"no nodes {sorted(unknown)}; there are {list(NODES)}")
        if slots not in SLOTS:
            raise ValueError(f"slots must be from {SLOTS[0]} to {SLOTS[-1]}")
        self._nodes = nodes
        self._slots = slots
        self._memory = memory
        self._cache = cache
        self._ws_port = ws_port
        self._tx_delay = tx_delay
        self.by_hand: dict[tuple[int, int], str] = {}  # what people put there, by node and slot
        super().__init__(control_port)

    @property
    def url(self) -> str:
        """Where zwave-js-server listens."""
        return f"ws://127.0.0.1:{self._ws_port}"

    def announcement(self) -> list[str]:
        """Both addresses."""
        return [f"ready {self.url} {self.control}"]

    def _command(self, scratch: Path) -> list[str]:
        options = {
            "nodes": self._nodes,
            "slots": self._slots,
            "txDelay": self._tx_delay,
            "wsPort": self._ws_port,
            "controlPort": self._control_port,
            "cache": str((self._cache or scratch / "cache").absolute()),
            "memory": str((self._memory or scratch / "memory.json").absolute()),
            "scratch": str(scratch),
        }
        return command(json.dumps(options))

    def _ready(self, told: dict[str, Any]) -> None:
        self._ws_port, self._control_port = told["wsPort"], told["controlPort"]

    # The locks, through the control port

    async def nodes(self) -> list[NodeState]:
        """Every lock as it is, whatever the gateway believes."""
        found: list[NodeState] = await self._request("GET", "/nodes")
        return found

    async def node(self, node: int) -> NodeState:
        """One lock as it is."""
        return await self._state("GET", f"/nodes/{node}")

    async def faults(self, node: int, **faults: bool | float) -> NodeState:
        """Replaces what is wrong with a lock; no faults: healthy again. Names: faults.cjs."""
        return await self._post(node, "faults", faults)

    async def set_code(self, node: int, slot: int, code: str | None) -> NodeState:
        """Puts a code into a lock, or empties a slot, past the radio."""
        self.by_hand.pop((node, slot), None)
        if code is not None:
            self.by_hand[node, slot] = code
        return await self._post(node, "code", {"slot": slot, "code": code})

    async def keypad(
        self,
        node: int,
        *,
        code: str | None = None,
        slot: int | None = None,
        action: str = "unlock",
        style: str = "byte",
    ) -> dict[str, Any]:
        """Types a code, or the one in `slot`: {"opened": bool, "slot": the slot that opened}.

        `action`: unlock, lock. `style` is how the lock names the slot: byte, report, none.
        """
        typed = {"code": code} if slot is None else {"slot": slot}
        return await self._post(node, "keypad", {**typed, "action": action, "style": style})

    async def assign(self, node: int, slot: int, user_id: int) -> NodeState:
        """Gives the credential in a slot to another user, as a person can at lock 4."""
        return await self._post(node, "assign", {"slot": slot, "userId": user_id})

    async def user(
        self,
        node: int,
        user_id: int,
        name: str | None = None,
        *,
        pins: Mapping[int, str] | None = None,
        cards: Mapping[int, str] | None = None,
    ) -> NodeState:
        """Makes a user as a person can at lock 4, in place of the one there; no name: only away."""
        body = {"userId": user_id, "pins": dict(pins or {}), "cards": dict(cards or {})}
        return await self._post(node, "user", body | ({} if name is None else {"name": name}))

    async def zone(self, node: int, minutes: int) -> NodeState:
        """Sets a lock's local time to so many minutes ahead of UTC."""
        return await self._post(node, "zone", {"minutes": minutes})

    async def delete(self, node: int, slot: int | None = None) -> NodeState:
        """Deletes one code at the keypad, or all; the lock reports it."""
        for at in [at for at in self.by_hand if at[0] == node and slot in (None, at[1])]:
            del self.by_hand[at]
        return await self._post(node, "delete", {} if slot is None else {"slot": slot})

    async def notify(
        self, node: int, type_: int, event: int, params: tuple[int, ...] = ()
    ) -> NodeState:
        """Sends any notification."""
        body = {"type": type_, "event": event, "params": list(params)}
        return await self._post(node, "notify", body)

    async def battery(self, node: int, level: int, *, low: bool = False) -> NodeState:
        """Sets the battery's level in percent and reports it, or only that it is low."""
        return await self._post(node, "battery", {"level": level, "low": low})

    async def wakeup(self, node: int) -> NodeState:
        """Wakes a lock that sleeps; zwave-js lets it sleep again when it has nothing to say."""
        return await self._post(node, "wakeup", {})

    async def sleep(self, node: int) -> NodeState:
        """Puts a lock that sleeps to sleep without telling zwave-js."""
        return await self._post(node, "sleep", {})

    async def alive(self, node: int) -> NodeState:
        """Makes a lock be heard of."""
        return await self._post(node, "alive", {})

    async def offer(self, node: int, *classes: str) -> None:
        """Lock `node`, which is in no network yet, joins at the next inclusion; it wants these
        security classes (S2_Authenticated …), or its own."""
        wanted = {"classes": list(classes)} if classes else {}
        await self._request("POST", "/joining", {"id": node, **wanted})

    async def dsk(self) -> str | None:
        """What is printed on the lock that joined last; None: it was not met yet."""
        found: str | None = (await self._request("GET", "/joining"))["dsk"]
        return found

    async def jam(self, *, on: bool = True) -> None:
        """No frame gets through, and the controller says so; `on=False`: the air is free again."""
        await self._state("POST", "/air", {"jammed": on})

    async def frames(self) -> dict[str, Any]:
        """Counts since the reset: tx, rx, txBytes, rxBytes, exchanges {node: {get, set}}."""
        return await self._state("GET", "/frames")

    async def reset_frames(self) -> None:
        """Sets all counters of `frames` to zero."""
        await self._state("POST", "/frames")

    async def _post(self, node: int, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._state("POST", f"/nodes/{node}/{verb}", body)
