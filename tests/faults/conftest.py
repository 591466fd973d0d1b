"""Faults by the dozen: what they have in common."""

from random import Random

import pytest


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> Random:
    """Random for each test, the same for a seed."""
    return Random(f"{request.config.getoption('seed')} {request.node.name}")
