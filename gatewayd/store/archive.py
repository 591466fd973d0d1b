"""A hub as one archive: the files that make it that hub, copied while it runs, and put in place on
another machine.

What is restored is of another time: since then codes were written and removed, and events told.
So a restored hub begins a new epoch and awaits what a hub awaits that lost its database, believes
nothing of what it saw at a lock, and knows of its own codes only where they were.
"""

import contextlib
import io
import json
import os
import sqlite3
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from gatewayd.clock import Clock
from gatewayd.errors import StoreError
from gatewayd.store.database import open_database
from gatewayd.store.replacement import BESIDE, LOG, declare, take_place

MANIFEST, DATABASE = "manifest.json", "gatewayd.db"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Of which hub an archive is (`org/site/id`), when it was made (RFC 3339), by which version."""

    hub: str
    made_at: str
    version: str


def pack(path: Path, manifest: Manifest) -> bytes:
    """The archive of the hub whose database lies there, running or not.

    Raises:
        StoreError: there is none, or it is damaged.
    """
    there = {file: path.with_name(file) for file in BESIDE if path.with_name(file).is_file()}
    files = {
        MANIFEST: json.dumps(asdict(manifest)).encode(),
        DATABASE: _copy(path),
        **{name: file.read_bytes() for name, file in there.items()},
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=6) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _copy(path: Path) -> bytes:
    """The database as of one moment, whoever writes to it; never in clear on a disk."""
    try:
        with (
            contextlib.closing(
                sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)
            ) as database,
            contextlib.closing(sqlite3.connect(":memory:")) as copy,
        ):
            database.backup(copy)
            ((health,),) = copy.execute("PRAGMA quick_check(1)").fetchall()
            if health != "ok":
                raise StoreError(f"the database {path} is damaged")
            return copy.serialize()
    except sqlite3.Error as error:
        raise StoreError(f"cannot read the database {path}: {error}") from error


def manifest(packed: bytes) -> Manifest:
    """What an archive says of itself."""
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        entry = archive.extractfile(MANIFEST)
        assert entry is not None  # noqa: S101  # `pack` wrote a file
        return Manifest(**json.load(entry))


async def unpack(packed: bytes, path: Path, clock: Clock, aside: Path) -> None:
    """Put an archive's files where the database belongs, and what is there into `aside`.

    All of them or none: until all is ready nothing is touched, and what is cut off after that the
    next start goes on with. The caller keeps every other gatewayd away (`exclusively`).

    Raises:
        StoreError: the files cannot be written, or a newer gatewayd made them.
    """
    take_place(path)  # what an earlier one left
    with _staging(path) as staging:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            names = {DATABASE: path.name} | {name: name for name in BESIDE}
            for name in names.keys() & {*archive.getnames()}:
                archive.extract(name, staging, filter="data")
        (staging / DATABASE).replace(staging / path.name)
        await _grow_old(staging / path.name, clock)
        for name in names.values():
            _sync(staging / name)
        _sync(staging)
        _keep(path, aside)
        declare(staging, path)
    take_place(path)


async def _grow_old(path: Path, clock: Clock) -> None:
    """Bring a database that was away to this schema; without an epoch the next start takes it for
    what it is, one of another time. Bolts that turned then were answered since."""
    database = await open_database(path, clock)
    try:
        async with database.transaction() as tx:
            await tx.rows("DELETE FROM meta WHERE name = 'epoch'")
            await tx.rows("DELETE FROM operations")
    finally:
        await database.close()


@contextlib.contextmanager
def _staging(path: Path) -> Iterator[Path]:
    """A folder on the same file system, for its owner alone."""
    try:
        with TemporaryDirectory(prefix="restore-", dir=path.parent) as folder:
            ready = Path(folder) / "ready"
            ready.mkdir(mode=0o700)
            yield ready
    except OSError as error:
        raise StoreError(f"cannot write to {path.parent}: {error.strerror}") from error


def _keep(path: Path, aside: Path) -> None:
    """Give what is there a second name in another folder."""
    with contextlib.suppress(sqlite3.Error):  # of a damaged one the log may be left
        _fold_in_log(path)
    for name in (path.name, *BESIDE, *(path.name + end for end in LOG)):
        file = path.with_name(name)
        if file.exists():
            aside.mkdir(mode=0o700, exist_ok=True)
            os.link(file, aside / name)


def _fold_in_log(path: Path) -> None:
    """The last one who closes a database leaves no log."""
    if path.exists():
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("SELECT 1 FROM sqlite_schema").fetchall()


def _sync(path: Path) -> None:
    """Onto the disk: the content of a file, the names of a folder."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
