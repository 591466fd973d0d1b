"""The retained summary, cut by bytes."""

import json
from datetime import timedelta
from typing import Any

import pytest

from gatewayd.cloud.summary import fitted, room
from tests.unit.domain.builders import NOON

KEYS = [{"key_id": f"res:{n}", "name": "é" * n, "due": NOON + timedelta(n)} for n in range(40)]


def summary(keys: int) -> dict[str, Any]:
    """Some keys, the nearest first."""
    return {"at": NOON, "locks": [{"lock_id": "front"}], "keys": KEYS[:keys], "alerts": []}


@pytest.mark.parametrize("keys", range(40))
def test_the_farthest_keys_go_and_no_more_of_them_than_must(keys: int) -> None:
    """Exactly as large as may be is not too large."""
    whole = fitted(summary(keys), 10**6)
    assert whole is not None
    assert len(json.loads(whole)["keys"]) == keys
    assert fitted(summary(40), len(whole)) == whole
    if keys:
        assert fitted(summary(40), len(whole) - 1) == fitted(summary(keys - 1), 10**6)


def test_what_does_not_fit_even_without_keys_is_not_sent() -> None:
    """Nobody would read the half of it."""
    least = fitted(summary(0), 10**6)
    assert least is not None
    assert fitted(summary(40), len(least) - 1) is None


@pytest.mark.parametrize(("largest", "whole"), [(None, 262_144), (1000, 1000), (10**9, 262_144)])
def test_a_message_keeps_to_the_brokers_limit_and_to_ours(largest: int | None, whole: int) -> None:
    """The topic is part of it, in UTF-8."""
    assert room("v1/é/reported", largest) == whole - 10 - len("v1/é/reported") - 1
