"""Report the coverage of the pure modules, and fail below 100 % of lines and branches.

Run by `tox -e coverage` after the tests. Which modules are pure the import contract "pure" in pyproject.toml says.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from coverage.cmdline import main

TREE = Path(__file__).parents[1]


def pure_files() -> list[str]:
    """Return what the modules of the contract are in the tree: files, and packages as patterns."""
    project = tomllib.loads((TREE / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (one for one in project["tool"]["importlinter"]["contracts"] if one["id"] == "pure")
    found = []
    for module in contract["source_modules"]:
        path = "/".join(module.split("."))
        roots = [root for root in ("smtp", "fakeserver", "sender", "scenarios") if _exists(TREE / root / path)]
        if len(roots) != 1:
            sys.exit(f'pyproject.toml: the contract "pure" names {module}, which is not there')
        found.append(f"{roots[0]}/{path}" + ("/*" if (TREE / roots[0] / path).is_dir() else ".py"))
    return found


def _exists(path: Path) -> bool:
    return path.is_dir() or path.with_suffix(".py").is_file()


if __name__ == "__main__":
    sys.exit(main(["report", "--fail-under=100", f"--include={','.join(pure_files())}"]))
