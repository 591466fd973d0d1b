"""The site document on disk, as a command."""

import json
import tomllib
from hashlib import sha256
from pathlib import Path

from gatewayd.clock import Clock
from gatewayd.errors import ConfigError


def site_file(path: Path, hub_id: str, clock: Clock) -> bytes:
    """A local site document as the command that a cloud would send: one file, one command.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        content = path.read_bytes()
        document = tomllib.loads(content.decode())
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"site.file {path}: {error}") from error
    envelope = {
        "id": f"file-{sha256(content).hexdigest()[:32]}",
        "type": "site.put",
        "issuer": "local",
        "hub": hub_id,
        "ts": clock.now().latest.isoformat(),
        "data": document,
    }
    return json.dumps(envelope, default=str).encode()
