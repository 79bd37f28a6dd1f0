"""The fuzzer's seeds, without the fuzzer: what it once found stays mended, and its targets stay in order."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

FUZZ = Path(__file__).parents[2] / "fuzz"
SEEDS = sorted(path.relative_to(FUZZ / "seeds") for path in (FUZZ / "seeds").glob("*/*"))


@pytest.fixture(scope="module")
def targets() -> ModuleType:
    """What is fuzzed."""
    spec = importlib.util.spec_from_file_location("fuzz_targets", FUZZ / "targets.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["fuzz_targets"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", SEEDS, ids=str)
def test_nothing_is_wrong_with_a_seed(targets: ModuleType, seed: Path) -> None:
    """Each file is an input for the target that its folder names."""
    targets.run(seed.parent.name, (FUZZ / "seeds" / seed).read_bytes())


def test_every_target_has_seeds(targets: ModuleType) -> None:
    """A fuzzer that begins with nothing gets nowhere."""
    assert {seed.parent.name for seed in SEEDS} == set(targets.TARGETS)
