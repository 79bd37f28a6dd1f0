"""Hypothesis profiles for the whole suite.

`dev` (the default) explores at random and keeps what it found in `.hypothesis/`, so that a failure comes first
next time. `ci` (chosen by CI=true) is derandomised: there a run judges the change, not the luck of the draw.
Both print the blob that reproduces a failure. HYPOTHESIS_PROFILE chooses by name.
"""

from __future__ import annotations

import os

from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

pytest_plugins = ["pytester"]  # for the tests of our own plugin

# No deadline: two busy cores say nothing about the example that was running.
settings.register_profile(
    "dev", deadline=None, print_blob=True, database=DirectoryBasedExampleDatabase(".hypothesis/examples")
)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True, database=None)

_IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if _IN_CI else "dev"))
