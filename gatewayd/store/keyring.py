"""What Nuki locks were paired with, and how far their logs are read."""

from datetime import datetime

from gatewayd.domain.credentials import Credentials
from gatewayd.domain.moment import from_epoch
from gatewayd.store.connection import Row
from gatewayd.store.database import Database, Transaction


class NukiKeyring:
    """The table `nuki_locks`; each method is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, address: str) -> Credentials | None:
        """What a lock was paired with."""
        row = await self._database.read.row(
            "SELECT auth_id, shared_key, security_pin, lock_uuid, name, log_index, pin_refused, "
            "pin_tries, clock_due, clock_right FROM nuki_locks WHERE address = ?",
            (address,),
        )
        return _credentials(row) if row else None

    async def put(self, address: str, credentials: Credentials) -> None:
        """The lock is paired anew: all that was known of it is replaced."""
        due, right = credentials.clock_due, credentials.clock_right
        row = (
            address,
            credentials.auth_id,
            credentials.shared_key,
            credentials.security_pin,
            credentials.lock_uuid,
            credentials.name,
            credentials.log_index,
            credentials.pin_refused,
            credentials.pin_tries,
            due.timestamp() if due else None,
            right.timestamp() if right else None,
        )
        async with self._database.transaction() as tx:
            await tx.rows(
                "INSERT OR REPLACE INTO nuki_locks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row
            )

    async def refuse_pin(self, address: str) -> None:
        """The lock refused the security PIN."""
        async with self._database.transaction() as tx:
            await tx.rows("UPDATE nuki_locks SET pin_refused = 1 WHERE address = ?", (address,))

    async def pin_tries(self, address: str, left: int) -> None:
        """So many more answers to the security PIN may get lost."""
        async with self._database.transaction() as tx:
            await tx.rows("UPDATE nuki_locks SET pin_tries = ? WHERE address = ?", (left, address))

    async def log_read(self, address: str, index: int) -> None:
        """The log is told from the next entry on."""
        async with self._database.transaction() as tx:
            await tx.rows("UPDATE nuki_locks SET log_index = ? WHERE address = ?", (index, address))

    async def clock_due(self, address: str, at: datetime) -> None:
        """Until then the lock's clock is not set again."""
        async with self._database.transaction() as tx:
            await tx.rows(
                "UPDATE nuki_locks SET clock_due = ? WHERE address = ?", (at.timestamp(), address)
            )

    async def clock_right(self, address: str, at: datetime | None) -> None:
        """When the lock's clock was seen right; None: it is not."""
        row = (at.timestamp() if at else None, address)
        async with self._database.transaction() as tx:
            await tx.rows("UPDATE nuki_locks SET clock_right = ? WHERE address = ?", row)


async def log_told(tx: Transaction, address: str, index: int) -> bool:
    """The log is told up to this entry with what the transaction tells; False where it was already,
    or the lock is paired anew."""
    return bool(
        await tx.rows(
            "UPDATE nuki_locks SET log_index = ?1 WHERE address = ?2 AND log_index < ?1 "
            "RETURNING 1",
            (index, address),
        )
    )


def _credentials(row: Row) -> Credentials:
    auth_id, key, pin, uuid, name, index, refused, tries, due, right = row
    return Credentials(
        auth_id=auth_id,
        shared_key=key,
        security_pin=pin,
        lock_uuid=uuid,
        name=name,
        log_index=index,
        pin_refused=bool(refused),
        pin_tries=tries,
        clock_due=from_epoch(due) if due is not None else None,
        clock_right=from_epoch(right) if right is not None else None,
    )
