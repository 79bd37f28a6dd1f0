"""Servers that cannot be installed beside Postfix: unpacked, and run in a root folder of their own, with its users."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

LIMIT = 30.0  # seconds
_LIBRARIES = ("usr/lib/*-linux-gnu*", "usr/lib", "usr/lib/dovecot")


class Jail:
    """A root folder with a package in it, the libraries that it wants, two devices, and users."""

    def __init__(self, root: Path, users: Mapping[str, int]) -> None:
        self.root = root
        self._running: list[subprocess.Popen[bytes]] = []
        (root / "output").touch()
        for name in ("etc", "dev", "tmp", "run", "var"):
            (root / name).mkdir(exist_ok=True)
        if not (root / "var/run").exists():
            (root / "var/run").symlink_to("/run")
        (root / "tmp").chmod(0o1777)
        for device, minor in (("null", 3), ("urandom", 9), ("random", 8)):
            os.mknod(root / "dev" / device, 0o20666, os.makedev(1, minor))
            (root / "dev" / device).chmod(0o666)
        everybody = {"root": 0, "nobody": 65534, **users}
        (root / "etc/passwd").write_text("".join(f"{name}:x:{n}:{n}::/:/bin/false\n" for name, n in everybody.items()))
        (root / "etc/group").write_text("".join(f"{name}:x:{n}:\n" for name, n in everybody.items()))
        (root / "etc/hosts").write_text("127.0.0.1 localhost mx.good.test\n")
        self._take_libraries()

    def _take_libraries(self) -> None:
        programs = [path for path in self.root.rglob("*") if _wants_libraries(path)]
        own = [str(path) for pattern in _LIBRARIES for path in self.root.glob(pattern)]
        told = subprocess.run(  # noqa: S603 - the loader's
            ["ldd", *programs],  # noqa: S607
            env={**os.environ, "LD_LIBRARY_PATH": ":".join(own)},
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        ).stdout
        for library in set(re.findall(r"(?:=> |^\s+)(/\S+)", told, re.MULTILINE)):
            here = self.root / library[1:]
            if not library.startswith(f"{self.root}/") and not here.exists():
                here.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(library, here)

    def folder(self, name: str, owner: int = 0, mode: int = 0o755) -> Path:
        """Make a folder."""
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        os.chown(path, owner, owner)
        path.chmod(mode)
        return path

    def file(self, name: str, text: str) -> None:
        """Write a file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a program, with whatever it starts in a group of processes of its own."""
        with (self.root / "output").open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - the package's
                ["chroot", self.root, *words],  # noqa: S607
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={"PATH": "/usr/sbin:/usr/bin"},
                start_new_session=True,
            )
        self._running.append(process)
        return process

    def kill(self) -> None:
        """Kill all that was started, at once."""
        for process in self._running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(LIMIT)
        self._running.clear()

    def output(self) -> str:
        """Return what was printed."""
        return (self.root / "output").read_text(errors="replace")


def _wants_libraries(path: Path) -> bool:
    """Whether it is a program, or Dovecot's TLS; other libraries are found through those that want them."""
    if path.is_symlink() or not path.is_file() or (".so" in path.name and not path.name.endswith("openssl.so")):
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


@pytest.fixture(scope="session")
def new_jail(unpacked: Callable[[str], Path]) -> Callable[..., Any]:
    """Return a function that makes a jail for a package; it ends with its block."""

    @contextmanager
    def new(package: str, **users: int) -> Iterator[Jail]:
        if os.geteuid():
            pytest.skip(f"{package} wants to be started by root")
        with tempfile.TemporaryDirectory(prefix="jail-", ignore_cleanup_errors=True) as folder:
            root = Path(folder) / "root"
            shutil.copytree(unpacked(package), root, symlinks=True, ignore_dangling_symlinks=True)
            for path in (Path(folder), root):
                path.chmod(0o755)
            try:
                jail = Jail(root, users)
            except PermissionError as error:
                pytest.skip(f"{package} needs devices of its own: {error}")
            try:
                yield jail
            finally:
                jail.kill()

    return new
