"""The retained `reported` as one message, however much there is to say."""

import json
from itertools import accumulate
from typing import Any

from gatewayd.intake.parse import MAX_BYTES
from gatewayd.store.form import plain

AROUND = 10
"""Bytes of a PUBLISH besides topic and payload: at most 5 of header, and the lengths and ids."""


def room(topic: str, largest: int | None) -> int:
    """Bytes of payload below this topic, where a packet has at most `largest`."""
    return min(MAX_BYTES, largest or MAX_BYTES) - AROUND - len(topic.encode())


def fitted(summary: dict[str, Any], limit: int) -> bytes | None:
    """The summary within so many bytes, without the farthest keys; None: the rest is too large."""
    left = limit - len(_dumped(summary | {"keys": []}))
    sizes = accumulate(len(_dumped(key)) + 1 for key in summary["keys"])  # with a comma
    kept = sum(size - 1 <= left for size in sizes)
    return None if left < 0 else _dumped(summary | {"keys": summary["keys"][:kept]})


def _dumped(value: object) -> bytes:
    return json.dumps(value, default=plain, separators=(",", ":")).encode()
