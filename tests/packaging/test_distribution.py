"""What is shipped: wheel and sdist are built, and the wheel is installed into an empty environment.

Run by `tox -e packaging` only: building and installing ask the package index.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
ROOTS = ("smtp", "fakeserver", "sender", "scenarios")
PROJECT = tomllib.loads((TREE / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))}
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}", pytrace=False)
    return done


def _sources() -> set[str]:
    """Return the path below its root of each file of the four roots, as the wheel should have it."""
    found = set()
    for root in ROOTS:
        files = (path for path in (TREE / root / "maildrill").rglob("*") if path.is_file())
        found |= {path.relative_to(TREE / root).as_posix() for path in files if "__pycache__" not in path.parts}
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel from that sdist; return their folder."""
    folder = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--outdir", folder, TREE, folder=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """Return the wheel."""
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def wheel_names(wheel: Path) -> set[str]:
    """Return the names of all files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel, and what it depends on, into an empty environment; return its folder of programs."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    _run(programs / "python", "-m", "pip", "install", "--quiet", wheel, folder=folder)
    return programs


def test_no_root_makes_the_namespace_a_package() -> None:
    """One maildrill/__init__.py would hide the other three roots."""
    assert [root for root in ROOTS if (TREE / root / "maildrill" / "__init__.py").exists()] == []


def test_every_subpackage_says_that_it_is_typed() -> None:
    """A py.typed marker counts for its own package only."""
    packages = {path.parent for path in TREE.glob("*/maildrill/*/__init__.py")}

    assert len(packages) >= 5
    assert [package for package in packages if not (package / "py.typed").is_file()] == []


def test_the_wheel_holds_the_four_roots_and_nothing_else(wheel_names: set[str]) -> None:
    """Modules, type markers, scripts and campaigns: each file of the roots, and the wheel's own records."""
    shipped = {name for name in wheel_names if ".dist-info/" not in name}

    assert shipped == _sources()


@pytest.mark.parametrize(
    "name",
    [
        "maildrill/smtp/reply.py",
        "maildrill/fakeserver/language/script.py",
        "maildrill/sender/campaign.py",
        "maildrill/cli/main.py",
        "maildrill/scenarios/py.typed",
        "maildrill/scenarios/catalogue/weather/rough-week.toml",
        "maildrill/scenarios/bundled/festival/guests.csv",
    ],
)
def test_the_wheel_holds_what_users_need(wheel_names: set[str], name: str) -> None:
    """One sample of each kind, in case the tree itself has lost it."""
    assert name in wheel_names


def test_the_wheel_carries_licence_and_entry_point(wheel_names: set[str]) -> None:
    """What an installer and a lawyer look for."""
    records = {name.partition(".dist-info/")[2] for name in wheel_names}

    assert {"METADATA", "entry_points.txt", "licenses/LICENSE"} <= records


def test_the_sdist_can_be_tested(built: Path) -> None:
    """Whoever packages maildrill for a distribution finds the tests and how to run them."""
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"tox.ini", "tests/conftest.py", "README.md", "CHANGELOG.md", "LICENSE"} <= names


def test_the_version_is_the_projects(programs: Path, tmp_path: Path) -> None:
    """`maildrill --version` in an environment that has nothing but the wheel."""
    said = _run(programs / "maildrill", "--version", folder=tmp_path).stdout

    assert said == f"maildrill {PROJECT['version']}\n"


def test_the_version_is_told_without_heavy_imports(programs: Path, tmp_path: Path) -> None:
    """Start-up is a budget: what only a subcommand needs is not loaded."""
    heavy = {"hypothesis", "rich", "starlette", "jinja2", "cryptography", "asyncio", "aiosmtpd", "aiosmtplib"}
    said = _run(programs / "python", "-X", "importtime", programs / "maildrill", "--version", folder=tmp_path).stderr
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in said.splitlines()}

    assert "click" in loaded
    assert loaded & heavy == set()


def test_the_installed_requirements_agree(programs: Path, tmp_path: Path) -> None:
    """No dependency is missing or contradicts another."""
    said = _run(programs / "python", "-m", "pip", "check", folder=tmp_path).stdout

    assert said == "No broken requirements found.\n"


def test_the_bundled_scripts_are_installed(programs: Path, tmp_path: Path) -> None:
    """The catalogue is data: it has to be found where the wheel was unpacked."""
    said = _run(programs / "maildrill", "scripts", folder=tmp_path).stdout

    assert "rough-week" in said


def test_the_drill_runs_from_the_wheel(programs: Path, tmp_path: Path) -> None:
    """The README's first command: a thousand recipients, and nobody is lost."""
    report = json.loads(_run(programs / "maildrill", "drill", "--json", folder=tmp_path).stdout)

    assert (report["recipients"], report["violations"]) == (1000, [])
