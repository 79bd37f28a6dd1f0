"""Fuzz what reads strangers' octets, guided by coverage: `tox -e fuzz`, or `python tests/fuzz/fuzz.py [target ...]`.

Each target runs in a process of its own, from the seeds in tests/fuzz/seeds and from what earlier runs kept in
--corpus. A finding is written to --findings; it should become a seed: the test suite runs all seeds.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SEEDS = HERE / "seeds"
#: How much of the time each target gets.
SHARES = {
    "session": 7,
    "script": 2,
    "transcript": 1,
    "imports": 2,
    "message": 1,
    "notice": 1,
    "proxy": 1,
    "sasl": 1,
    "command": 1,
    "replies": 1,
}
#: Octets of an input: longer ones find nothing that these do not.
LONGEST = 4096


def _fuzz(target: str, arguments: list[str]) -> None:
    """Fuzz one target in this process, which ends with it: 0, or another number where something was found."""
    atheris: Any = importlib.import_module("atheris")
    sys.path.insert(0, str(HERE))
    with atheris.instrument_imports(include=["maildrill"]):
        run = importlib.import_module("targets").run
    atheris.Setup([sys.argv[0], *arguments], lambda data: run(target, data))
    atheris.Fuzz()


def _hunt(target: str, seconds: int, corpus: Path, findings: Path) -> bool:
    """Fuzz one target in a process of its own; returns whether nothing was found."""
    for place in (corpus, findings):
        place.mkdir(parents=True, exist_ok=True)
    limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=60", "-rss_limit_mb=4096"]
    places = [str(corpus), str(SEEDS / target), f"-artifact_prefix={findings}/"]
    fuzzer = [sys.executable, __file__, "--inside", target, *places, *limits]
    said = subprocess.run(fuzzer, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603 - ourselves
    lines = (said.stderr + said.stdout).splitlines()
    if said.returncode == 0:
        print(f"{target}: {next((line for line in lines if line.startswith('Done')), 'done')}, nothing found")
        return True
    print(f"{target}: found something (exit {said.returncode}); the input is in {findings}", *lines[-60:], sep="\n  ")
    return False


def main() -> int:
    """Fuzz all targets, or those that are named; returns 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="target", help=f"{', '.join(SHARES)}; without any: all")
    parser.add_argument("--seconds", type=int, default=60, help="of fuzzing, all targets together")
    parser.add_argument("--corpus", type=Path, help="a folder that keeps what was learnt for the next run")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"), help="a folder for what was found")
    options = parser.parse_args()
    targets = options.targets or list(SHARES)
    if not set(targets) <= set(SHARES):
        parser.error(f"no such target; there are {', '.join(SHARES)}")
    if importlib.util.find_spec("atheris") is None:
        print("fuzz: skipped: atheris is not installed; it has no build for this Python on this machine")
        return 0
    shares = sum(SHARES[target] for target in targets)
    with tempfile.TemporaryDirectory() as folder:
        corpus = options.corpus or Path(folder)
        fine = [
            _hunt(
                target, max(1, options.seconds * SHARES[target] // shares), corpus / target, options.findings / target
            )
            for target in targets
        ]
    print(f"{fine.count(True)} passed, {fine.count(False)} failed")
    return 0 if all(fine) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        _fuzz(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(main())
