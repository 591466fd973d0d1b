"""How long to look: enough for every change, or `HYPOTHESIS_PROFILE=deep` for a night; `mutants` is
for `tests/mutants.py`, which runs them thousands of times."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

settings.register_profile("ci", max_examples=100, deadline=None, derandomize=False)
settings.register_profile("deep", max_examples=5000, deadline=None, derandomize=False)
settings.register_profile(
    "mutants",
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Last, where a mutant is done with the first test that fails for it."""
    if settings.get_current_profile_name() == "mutants":
        here = Path(__file__).parent
        items.sort(key=lambda item: here in item.path.parents)
