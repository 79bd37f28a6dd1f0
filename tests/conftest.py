"""Hypothesis profiles for the whole suite.

`dev` (the default) explores at random and keeps what it found in `.hypothesis/`, so that a failure comes first
next time. `ci` (chosen by CI=true) is derandomised: there a run judges the change, not the luck of the draw.
Both print the blob that reproduces a failure. `mutation` (chosen by tests/mutation) is `ci` that looks no further once
an example fails, and asks properties last. `thorough` (chosen by `tox -e crash`) is `ci` with ten times the
examples, where a test leaves their number to the profile. HYPOTHESIS_PROFILE chooses by name.
"""

from __future__ import annotations

import os
import signal
from random import SystemRandom

import pytest
from hypothesis import Phase, is_hypothesis_test, settings
from hypothesis.database import DirectoryBasedExampleDatabase

pytest_plugins = ["pytester"]  # for the tests of our own plugin

# No deadline: two busy cores say nothing about the example that was running.
settings.register_profile(
    "dev", deadline=None, print_blob=True, database=DirectoryBasedExampleDatabase(".hypothesis/examples")
)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True, database=None)
settings.register_profile("thorough", settings.get_profile("ci"), max_examples=1000)
settings.register_profile("mutation", settings.get_profile("ci"), phases=(Phase.explicit, Phase.generate))

_IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")
_PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci" if _IN_CI else "dev")
settings.load_profile(_PROFILE)

# What a shell starts in the background ignores Ctrl-C, and so do its children: tests send it to some of theirs.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what chooses the kills of tests/integration/durability."""
    parser.addoption("--kills", type=int, default=4, help="so many `kill -9` of a sender [4]")
    parser.addoption("--kill-seed", type=int, default=None, help="draws their moments [at random, printed]")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put properties behind the other tests where one failure is enough: those take a hundredth of the time."""
    if _PROFILE == "mutation":
        items.sort(key=lambda item: is_hypothesis_test(getattr(item, "obj", None)))


def pytest_configure(config: pytest.Config) -> None:
    """Draw the seed where none is given: once, the workers of xdist get it with the options."""
    if config.option.kill_seed is None:
        config.option.kill_seed = SystemRandom().randrange(1_000_000)


def pytest_report_header(config: pytest.Config) -> str:
    """Print the seed."""
    return f"kills: {config.option.kills}, --kill-seed {config.option.kill_seed}"


@pytest.fixture
def kill_seed(pytestconfig: pytest.Config) -> int:
    """Return what the moments of kills are drawn from."""
    return int(pytestconfig.option.kill_seed)
