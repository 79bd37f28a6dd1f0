"""Real processes on real sockets: the installed `maildrill` program, started as a person would start it."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import sqlite3
import subprocess
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from maildrill.fakeserver.session.certificates import certificates_for

MAILDRILL = Path(sysconfig.get_path("scripts")) / "maildrill"
LIMIT = 60  # seconds for anything that should take one or two
INSTALLING = 300.0  # seconds that an installation may take
#: Debian's package for each program; elsewhere it has to be there.
PACKAGES = {
    "swaks": "swaks libnet-ssleay-perl",
    "curl": "curl",
    "msmtp": "msmtp",
    "npm": "npm",
    "postfix": "postfix libsasl2-modules",
    "smtp-sink": "postfix libsasl2-modules",
}
#: What works where a program can do all that is asked of it, beside being there.
WORKS = {"swaks": ("perl", "-MNet::SSLeay", "-e", "1")}  # else it has no TLS
Command = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    """Return a function that starts `maildrill` with arguments, in this test's folder; nothing outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [MAILDRILL, *arguments],
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1", **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=LIMIT)


class Served:
    """A running `maildrill serve`, and where it listens."""

    def __init__(self, process: subprocess.Popen[str], line: str) -> None:
        self.process = process
        self.host, _, port = line.strip().removeprefix("listening smtp=").rpartition(":")
        self.port = int(port)

    def end(self, signal: int) -> list[str]:
        """Send a signal; return what was printed after the first line, when the process has ended well."""
        self.process.send_signal(signal)
        output, errors = self.process.communicate(timeout=LIMIT)
        if self.process.returncode:
            pytest.fail(f"exit {self.process.returncode}\n{errors}")
        return output.splitlines()


@pytest.fixture
def serve(command: Command) -> Callable[..., Served]:
    """Return a function that starts `maildrill serve` on a free port and waits until it listens."""

    def served(script: str, *arguments: str) -> Served:
        process = command("serve", script, "--port", "0", *arguments)
        assert process.stdout is not None
        return Served(process, process.stdout.readline())

    return served


@pytest.fixture
def states(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Return a function that reads address and state of each recipient from a ledger in this test's folder."""

    def read(ledger: str) -> dict[str, str]:
        with closing(sqlite3.connect(f"file:{tmp_path / ledger}?mode=ro", uri=True)) as connection:
            return dict(connection.execute("SELECT address, state FROM recipient"))

    return read


@pytest.fixture
def campaign(tmp_path: Path) -> Callable[..., Counter[str]]:
    """Return a function that writes campaign.toml and guests.csv and says how many guests each domain has.

    domains: the recipients go round them. limits, retry: the lines of those tables.
    """

    def write(port: int, domains: list[str], guests: int, *, limits: str = "", retry: str = "") -> Counter[str]:
        addresses = [f"guest{n}@{domains[n % len(domains)]}" for n in range(guests)]
        (tmp_path / "guests.csv").write_text("Email\n" + "".join(f"{address}\n" for address in addresses))
        (tmp_path / "campaign.toml").write_text(
            '[campaign]\nname = "interop"\nfrom = "news@sender.example"\nsubject = "Hello"\nmode = "merge"\n'
            f'[account]\nhost = "127.0.0.1"\nport = {port}\n[list]\nfile = "guests.csv"\nemail = "Email"\n'
            f'[message]\ntext = """\nHello\n"""\n[limits]\n{limits}\n[retry]\n{retry}\n'
        )
        return Counter(address.partition("@")[2] for address in addresses)

    return write


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with the certificate of the servers' authority: the only one that clients trust."""
    file = tmp_path_factory.mktemp("authority") / "ca.pem"
    file.write_text(certificates_for("localhost").ca_pem, encoding="ascii")
    return file


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Return a function that finds a program, or skips the test.

    In CI, as root of a Debian machine, what is missing is installed first: once, whoever asks first.
    """

    def found(name: str) -> str:
        where = _which(name)
        if where is None and os.environ.get("CI") == "true" and os.geteuid() == 0 and shutil.which("apt-get"):
            with alone(tmp_path_factory, "apt"):
                where = _which(name) or _installed(name)
        if where is None:
            pytest.skip(f"{name} is not here: on Debian, apt-get install {PACKAGES[name]}")
        return where

    return found


def _which(name: str) -> str | None:
    where = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    return where if where is None or _works(name) else None


def _works(name: str) -> bool:
    check = WORKS.get(name)
    return check is None or subprocess.run(check, capture_output=True, timeout=LIMIT, check=False).returncode == 0  # noqa: S603


def _installed(name: str) -> str | None:
    _apt("update")
    _apt("install", "--yes", "--no-install-recommends", *PACKAGES[name].split())
    return _which(name)


@contextmanager
def alone(factory: pytest.TempPathFactory, what: str) -> Iterator[Path]:
    """Let one test process at a time do something; the value is a folder that all of them share for it."""
    # With xdist each worker has a folder of its own within that of the run.
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"shared-{what}"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@pytest.fixture(scope="session", name="alone")
def alone_fixture(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Return the function, for this run."""
    return lambda what: alone(tmp_path_factory, what)


#: What every private Postfix has: all of it in its folder, on the loopback alone, and no DNS.
PRIVATE = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
alternate_config_directories = {folder}
mail_owner = postfix
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
alias_maps =
notify_classes =
smtp_dns_support_level = disabled
smtp_host_lookup = native
"""
SERVICES = """
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
smtp unix - - n - - smtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """A private Postfix: its settings, queue and log are in a folder that its users may enter."""

    def __init__(self, program: str, folder: Path) -> None:
        self.folder = folder
        self._command = [program, "-c", str(folder)]
        folder.chmod(0o755)  # its daemons run as the user postfix
        for name in ("queue", "data"):
            (folder / name).mkdir()
        shutil.chown(folder / "data", "postfix")

    def start(self, main: str, master: str) -> None:
        """Start it with these settings besides those of all, or skip where it cannot run."""
        (self.folder / "main.cf").write_text(PRIVATE.format(folder=self.folder) + main)
        (self.folder / "master.cf").write_text(SERVICES + master)
        done = self.run("start")
        if done.returncode:
            pytest.skip(f"Postfix does not start: {done.stdout}{self.log()[-500:]}")

    def log(self) -> str:
        """Return what it logged."""
        log = self.folder / "log"
        return log.read_text(errors="replace") if log.exists() else ""

    def run(self, word: str) -> subprocess.CompletedProcess[str]:
        """Run `postfix WORD`."""
        # Standard output is a file: the master process would hold a pipe open.
        with (self.folder / word).open("w+") as output:
            done = subprocess.run(  # noqa: S603 - Postfix
                [*self._command, word], stdout=output, stderr=subprocess.STDOUT, text=True, timeout=LIMIT, check=False
            )
            output.seek(0)
            done.stdout = output.read()
        return done


@pytest.fixture(scope="session")
def new_postfix(program: Callable[[str], str]) -> Callable[[], AbstractContextManager[Postfix]]:
    """Return a function that makes a private Postfix, to be started; it ends with its block."""
    where = program("postfix")
    if os.geteuid():
        pytest.skip("Postfix wants to be started by root")

    @contextmanager
    def new() -> Iterator[Postfix]:
        # pytest's own folders are closed to other users, and their names are too long for its sockets.
        with tempfile.TemporaryDirectory(prefix="postfix-", ignore_cleanup_errors=True) as folder:
            private = Postfix(where, Path(folder))
            try:
                yield private
            finally:
                private.run("abort")

    return new


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Return a function that finds a port of 127.0.0.1 that nobody listens on."""

    def found() -> int:
        with socket.create_server(("127.0.0.1", 0)) as free:
            return int(free.getsockname()[1])

    return found


@pytest.fixture(scope="session")
def listening() -> Callable[[int], None]:
    """Return a function that waits until somebody listens on a port of 127.0.0.1."""

    def wait(port: int) -> None:
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=LIMIT):
                return
            time.sleep(0.02)
        pytest.fail(f"nobody listens on port {port}")

    return wait


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that downloads one of Debian's packages, with what it needs that is not here, and unpacks it.

    Nothing is installed: two mail servers cannot be, at the same time, and no service is started.
    """

    def unpack(package: str) -> Path:
        if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
            pytest.skip(f"{package} is Debian's package, and this is no Debian")
        with alone(tmp_path_factory, package) as folder:
            root = folder / "root"
            if not root.exists() and not _downloaded(package, folder):
                if os.geteuid() == 0:
                    _apt("update")
                if not _downloaded(package, folder):
                    pytest.skip(f"apt-get cannot download {package}")
            for file in folder.glob("*.deb"):
                subprocess.run(["dpkg-deb", "--extract", file, root], check=True, timeout=LIMIT)  # noqa: S603, S607
                file.unlink()
        return root

    return unpack


def _downloaded(package: str, folder: Path) -> bool:
    plan = _apt("install", "--simulate", "--no-install-recommends", package).stdout
    needed = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    return _apt("download", *(needed or [package]), folder=folder).returncode == 0


def _apt(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "--option", "APT::Sandbox::User=root", *words]
    return subprocess.run(  # noqa: S603 - Debian's
        command, cwd=folder, env=quiet, capture_output=True, text=True, timeout=INSTALLING, check=False
    )


@pytest.fixture(scope="session")
def npm_package(
    program: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], tuple[Path, Path]]:
    """Return a function that installs a package of npm's into a folder of this run; it returns node and the folder."""

    def install(name: str, version: str) -> tuple[Path, Path]:
        npm = program("npm")
        with alone(tmp_path_factory, name) as folder:
            if not (folder / "node_modules" / name / "package.json").exists():
                command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", f"{name}@{version}"]
                try:
                    done = subprocess.run(  # noqa: S603 - npm
                        command, cwd=folder, capture_output=True, text=True, timeout=INSTALLING, check=False
                    )
                except subprocess.TimeoutExpired:
                    pytest.skip("npm's registry does not answer")
                if done.returncode:
                    pytest.skip(f"npm cannot install {name}: {done.stderr[-200:]}")
        return Path(npm).with_name("node"), folder

    return install
