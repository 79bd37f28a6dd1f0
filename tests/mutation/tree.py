"""A copy of the tree in which mutmut can work, and what it finds there.

mutmut wants one source folder, and mutates no decorated function: so the four source roots become one `src`, and
`@property def f` becomes `def f` and `f = property(f)`. `src` stands first in the path, so that the mutated copy is
what the tests import, before the installed wheel; mutmut stops where no test comes by any mutated function.
"""

from __future__ import annotations

import ast
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

from mutants import Mutant, Outcome

TREE = Path(__file__).parents[2]
_ROOTS = ("smtp", "fakeserver", "sender", "scenarios")
_DECORATORS = ("property", "contextmanager", "lru_cache")
#: What mutmut says of a mutant that a test noticed; all else is a survivor, also what no test comes by.
_DEAD = ("killed", "timeout")
#: A mutant that loops is stopped after 10 times what its tests took, and 20 seconds: the machine may be busy.
_CONFIG = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = {files}
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:xdist"]
pytest_add_cli_args_test_selection = {tests}
also_copy = ["docs"]
process_isolation = "forkserver"
timeout_constant = 2.0
timeout_multiplier = 10.0
track_dependencies = false
use_git_change_detection = false
"""


def build(place: Path, files: list[str], tests: list[str]) -> None:
    """Make the copy; files, tests: what is to be mutated, and what is to notice."""
    ignored = shutil.ignore_patterns("__pycache__")
    for root in _ROOTS:
        shutil.copytree(TREE / root / "maildrill", place / "src" / "maildrill", ignore=ignored, dirs_exist_ok=True)
    for folder in ("tests", "docs"):
        shutil.copytree(TREE / folder, place / folder, ignore=ignored)
    places = ["src/" + file.partition("/")[2] for file in files]
    for file in places:
        path = place / file
        path.write_text(undecorated(path.read_text(encoding="utf-8")), encoding="utf-8")
    config = (TREE / "pyproject.toml").read_text(encoding="utf-8")
    config += _CONFIG.format(files=json.dumps(places), tests=json.dumps(tests))
    (place / "pyproject.toml").write_text(config, encoding="utf-8")


def undecorated(source: str) -> str:
    """Return a module in which decorators that mutmut shuns are calls behind the function."""
    lines = source.splitlines()
    found = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and len(node.decorator_list) == 1 and _is_shunned(node.decorator_list[0])
    ]
    for node in sorted(found, key=lambda node: node.lineno, reverse=True):
        decorator = node.decorator_list[0]
        call = f"{' ' * node.col_offset}{node.name} = {ast.unparse(decorator)}({node.name})"
        lines.insert(node.end_lineno or node.lineno, call)
        del lines[decorator.lineno - 1 : decorator.end_lineno]
    return "\n".join(lines) + "\n"


def _is_shunned(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Name) and called.id in _DECORATORS


def run(place: Path, workers: int) -> Outcome:
    """Have mutmut try all mutants in a copy; RuntimeError where it cannot."""
    before = _seconds()
    said = _mutmut(place, "run", "--max-children", str(workers))
    results = [line.strip().rpartition(": ")[::2] for line in _mutmut(place, "results", "--all", "true").splitlines()]
    if not results:
        raise RuntimeError(f"mutmut made no mutant:\n{said}")
    seconds = _seconds() - before
    alive = [name for name, status in results if status not in _DEAD]
    return Outcome(len(results), sorted(Mutant.read(name, _mutmut(place, "show", name)) for name in alive), seconds)


def _seconds() -> float:
    """Return the processor's time that our processes have had: what the clock says depends on who else is at work."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _mutmut(place: Path, *words: str) -> str:
    # in this profile Hypothesis draws the same in each run, else a mutant lives on one day and not on another
    environ = {**os.environ, "HYPOTHESIS_PROFILE": "mutation", "COLUMNS": "200"}
    mutmut = [sys.executable, "-m", "mutmut", *words]
    done = subprocess.run(  # noqa: S603 - ourselves
        mutmut, cwd=place, env=environ, capture_output=True, text=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise RuntimeError(f"`mutmut {' '.join(words)}` ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout
