"""How long to look: enough for every change, or `HYPOTHESIS_PROFILE=deep` for a night."""

import os

from hypothesis import settings

settings.register_profile("ci", max_examples=100, deadline=None, derandomize=False)
settings.register_profile("deep", max_examples=5000, deadline=None, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
