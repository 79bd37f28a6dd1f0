"""Scenarios that failed, kept as files: `.maildrill/failures/I4-0c1f3a9b.toml`, found by how the name begins.

Rule: one scenario has one name, that of the first invariant it violates and a hash of what it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

from maildrill.scenarios.scenario import Scenario
from maildrill.scenarios.scenario_writer import scenario_to_toml
from maildrill.sender.summary import Violation
from maildrill.smtp import ConfigurationError, did_you_mean, escape

#: Where they are kept, seen from where one works.
FOLDER = Path(".maildrill/failures")
_ENDING = ".toml"
_ANY = "a scenario"  # so that it has one name, whatever was found


def keep(scenario: Scenario, violations: Sequence[Violation], folder: Path = FOLDER) -> Path:
    """Write a scenario that came to these violations to a file; its purpose says the first of them."""
    first = violations[0]
    found = f"{first.invariant} {first.name}: {first.recipient} {first.finding}"
    text = scenario_to_toml(replace(scenario, purpose=escape(found)))
    same = scenario_to_toml(replace(scenario, purpose=_ANY))
    name = f"{first.invariant}-{blake2b(same.encode(), digest_size=4).hexdigest()}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}{_ENDING}"
    path.write_text(text, encoding="utf-8")
    return path


def kept(folder: Path = FOLDER) -> tuple[Path, ...]:
    """Return the files of all scenarios that are kept, in order of their names."""
    return tuple(sorted(folder.glob(f"*{_ENDING}")))


def find(name: str, folder: Path = FOLDER) -> Path:
    """Return the file whose name begins so. Raises ConfigurationError where none does, or more than one."""
    found = [path for path in kept(folder) if path.stem.startswith(name)]
    exact = [path for path in found if path.stem == name]
    if exact or len(found) == 1:
        return (exact or found)[0]
    names = [path.stem for path in found or kept(folder)]
    raise ConfigurationError(
        f'several kept scenarios begin with "{escape(name)}"' if found else f'no scenario "{escape(name)}" is kept',
        where=str(folder),
        expected=f"one of: {' '.join(names)}" if names else "a file, or a scenario that is kept in this folder",
        hint=did_you_mean(name, names),
    )
