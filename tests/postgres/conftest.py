"""A PostgreSQL of the tests' own: in a folder of theirs, on a Unix socket only, gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

_PATIENCE = 120
_DEBIAN = ["apt-get", "install", "--yes", "--no-install-recommends", "postgresql"]
#: Nothing here has to survive; the tests kill connections, not the machine.
_SETTINGS = ["fsync=off", "full_page_writes=off", "listen_addresses=", "shared_buffers=16MB", "max_connections=30"]


def _initdb() -> str | None:
    on_path = shutil.which("initdb")
    debians = map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return str(Path(on_path).resolve()) if on_path else max(debians, default=None)


def _installed() -> str | None:
    """Return where initdb is; in CI, as root of a Debian machine, it is installed first."""
    if _initdb() is None and os.environ.get("CI") == "true" and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for step in (["apt-get", "update"], _DEBIAN):
            subprocess.run(step, env=quiet, capture_output=True, timeout=600, check=False)  # noqa: S603 - Debian's
    return _initdb()


@pytest.fixture(scope="session")
def server() -> Iterator[Path]:
    """Start a server, and return the folder of its socket; the user is `drill`, trusted."""
    initdb = _installed()
    if initdb is None:
        pytest.skip("PostgreSQL is not here: on Debian, apt-get install postgresql")
    tools = Path(initdb).parent
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        identity = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        shutil.chown(folder, "nobody", "nogroup")

    def run(*command: object) -> None:
        done = subprocess.run(  # noqa: S603 - PostgreSQL's own tools
            [str(word) for word in command],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=_PATIENCE,
            check=False,
            **identity,
        )
        assert done.returncode == 0, done.stderr

    data = folder / "data"
    run(tools / "initdb", "-D", data, "-U", "drill", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
    options = " ".join(f"-c {setting}" for setting in [*_SETTINGS, f"unix_socket_directories={folder}"])
    try:
        run(tools / "pg_ctl", "-D", data, "-l", folder / "log", "-o", options, "-w", "start")
        yield folder
    finally:
        run(tools / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def new_database(server: Path) -> Callable[[], str]:
    """Return a function that makes a database and returns its URL."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not here: pip install 'maildrill[postgres]'")
    numbers = count(1)

    def new() -> str:
        name = f"drill{os.getpid()}_{next(numbers)}"
        with psycopg.connect(f"postgresql://drill@/postgres?host={server}", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql://drill@/{name}?host={server}"

    return new
