"""Change the sender's code in small ways, and see whether a test notices: `tox -e mutation`, or with names of targets.

targets.toml says what is mutated and which tests have to notice; survivors.toml says why a mutant may live. A target
fails where less than 90 % are killed, where a survivor is not explained, and where an explained one is killed now.
docs/mutation.md ends with what the last recorded run found.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from mutants import LEAST, Outcome, complaints
from page import renew
from tree import build, run

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "mutation.md"
SCORES = HERE / "scores.json"


def _mutate(target: dict[str, list[str]], workers: int) -> Outcome:
    """Run one target in a copy of the tree."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        build(Path(folder), target["files"], target["tests"])
        return run(Path(folder), workers)


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"))


def _record(outcomes: dict[str, Outcome]) -> None:
    """Write the scores of these targets down, and renew the page."""
    scores = json.loads(SCORES.read_text(encoding="utf-8"))
    scores |= {name: outcome.figures() for name, outcome in outcomes.items()}
    SCORES.write_text(json.dumps(scores, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(renew(PAGE.read_text(encoding="utf-8"), scores, _read("survivors.toml")), encoding="utf-8")


def main() -> int:
    """Mutate all targets, or those that are named; returns 1 where one is not as it should be."""
    targets, survivors = _read("targets.toml"), _read("survivors.toml")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="target", help=f"{', '.join(targets)}; without any: all")
    parser.add_argument("--workers", type=int, default=1, help="mutants at a time [1]")
    parser.add_argument("--record", action="store_true", help="write the scores down, and renew docs/mutation.md")
    options = parser.parse_args()
    named = options.targets or list(targets)
    if not set(named) <= set(targets):
        parser.error(f"no such target; there are {', '.join(targets)}")
    outcomes, failed = {}, 0
    for name in named:
        outcome = outcomes[name] = _mutate(targets[name], options.workers)
        wrong = complaints(name, outcome, survivors.get(name, []))
        print(f"{name}: {outcome}", *wrong, sep="\n", flush=True)
        failed += bool(wrong)
    if options.record:
        _record(outcomes)
    print(f"{len(named) - failed} passed, {failed} failed; {LEAST:.0f} % of the mutants are to be killed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
