"""What outlives the database: `hub.json`, a small file beside it."""

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from gatewayd.errors import StoreError

log = structlog.get_logger(__name__)

NAME = "hub.json"
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Identity:
    """`epoch`: that of the database which belongs to it, empty where that alone knows;
    `secret`: what fingerprints of codes are made with; `provisioned`: there was a database; `seq`:
    how far its outbox had come when it was closed."""

    epoch: str = ""
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(SECRET_BYTES), repr=False)
    provisioned: bool = False
    seq: int = 0


def read(database: Path) -> Identity:
    """That of the hub whose database this is; a new one where there is no file. One that makes no
    sense still tells that there was a hub.

    Raises:
        StoreError: the file cannot be read.
    """
    path = _path(database)
    try:
        found = json.loads(path.read_bytes())
        secret = bytes.fromhex(found["secret"])
        seq = int(found.get("seq", 0))  # the first hubs did not note it
        return Identity(str(found["epoch"]), secret, bool(found["provisioned"]), seq)
    except FileNotFoundError:
        return Identity()
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError):
        log.error("identity.unreadable", path=str(path))
        return Identity(provisioned=True)


def write(database: Path, identity: Identity) -> None:
    """The old one or the new one is there, whatever happens meanwhile.

    Raises:
        StoreError: it cannot be written.
    """
    path = _path(database)
    new = path.with_suffix(".new")
    content = {
        "epoch": identity.epoch,
        "secret": identity.secret.hex(),
        "provisioned": identity.provisioned,
        "seq": identity.seq,
    }
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123  # with its mode
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        settle(path.parent)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error


def settle(folder: Path) -> None:
    """Have the names in a folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _path(database: Path) -> Path:
    return database.with_name(NAME)
