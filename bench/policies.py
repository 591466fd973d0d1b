"""The same with every policy on: what the rules of access cost."""

from functools import partial

from bench import decide, snapshot
from bench.decide import FEW
from bench.figure import Figure
from bench.filling import pauses
from bench.shared import MANY, Shared
from bench.store import MEASURED, Policies, Store, command
from gatewayd.domain.capabilities import Capabilities
from gatewayd.intake import backups

ON = Policies(
    site={
        "grace": "90m",
        "pin": {"source": "phone", "length": 6, "segment": 3},
        "label": "name",
        "generate": "before_arrival",
        "generate_days": 365,
        "blocks": True,
        "retry": "daily",
        "external_delete": "restore",
        "backup": {"pool": 3},
    },
    property_={"grace_after": "2h", "pin": {"policy": "preferred"}},
    lock={"free_slot_after": "12h", "write_lead": "30m"},
    reservation={"policy": {"pin": {"policy": "strict"}, "verify_after": "24h"}},
    able=Capabilities(label_length=20),
)
"""Each level says something, and the narrower wins; a code from the phone and a name as label are
asked about one by one."""
STAFFED = 20
"""Of so many reservations one has staff's word on it."""


async def measure(shared: Shared) -> list[Figure]:
    """Decisions, a snapshot, and the hub's rounds over all pools of backup codes."""
    large, filling = await shared.another_store(MANY, ON)
    little, _ = await shared.another_store(FEW, ON)
    async with pauses() as found:
        for here in (large, little):
            await _staff(here)
            await _keep_backups(here)
    figures = [
        await decide.compared("decide, all policies", large, little, quick=shared.quick),
        *snapshot.figures(filling, "all policies"),
    ]
    pause = found.longest * 1000
    what = "of the loop: staff's word on 500 keys, backup codes for 100 locks"
    return [*figures, Figure("pools, longest pause", what, pause, "ms", snapshot.LIMIT_PAUSE_MS)]


async def _staff(here: Store) -> None:
    """Staff narrows the hours of some keys, though not at the lock that is measured."""
    rows = await here.database.read.rows("SELECT key_id FROM doors WHERE lock_id <> ?", (MEASURED,))
    hours = {"days": ["mon", "tue"], "from": "08:00", "to": "12:00"}
    for (key,) in rows[::STAFFED]:
        await here.intake.accept(command("key.put", {"id": key, "version": 1, "hours": hours}))


async def _keep_backups(here: Store) -> None:
    for lock in await here.intake.attend(backups.unkept):
        await here.intake.attend(partial(backups.keep, lock=lock))
