"""Secrets from a keyring: a back end that keyring loads as it loads any, and processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from maildrill.cli.exits import Exit
from maildrill.fakeserver.testing import smtp_server

SECRET = "sesame-7f3a"  # noqa: S105 - for a server that lives as long as a test
SERVER = f'[server]\nhostname = "mx.test"\ntls = true\nauth = ["PLAIN"]\nusers = {{ ann = "{SECRET}" }}\n'
#: What a desktop's keyring would be: secrets in a file beside the module, and back ends in each kind of trouble.
BACK_ENDS = """
import json
from pathlib import Path
from keyring import backend, errors

STORE = Path(__file__).with_suffix(".json")

class InFile(backend.KeyringBackend):
    priority = 1

    def _all(self):
        return json.loads(STORE.read_text()) if STORE.exists() else {}

    def get_password(self, service, username):
        return self._all().get(f"{service}\\n{username}")

    def set_password(self, service, username, password):
        STORE.write_text(json.dumps({**self._all(), f"{service}\\n{username}": password}))

    def delete_password(self, service, username):
        raise errors.PasswordDeleteError

class Locked(InFile):
    def get_password(self, service, username):
        raise errors.KeyringLocked("Failed to unlock the collection sesame-7f3a")

class Away(InFile):
    def get_password(self, service, username):
        raise errors.InitError("Failed to create the collection sesame-7f3a")

class Broken(InFile):
    def get_password(self, service, username):
        raise ZeroDivisionError("sesame-7f3a")
"""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run Python in a process of its own, with a back end of keyring's; said: what it is told on its input."""
    (tmp_path / "desk_keyring.py").write_text(BACK_ENDS, encoding="utf-8")

    def called(*words: str, backend: str = "desk_keyring.InFile", said: str = "") -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        return subprocess.run(  # noqa: S603 - our own words
            [sys.executable, *words],
            env={**os.environ, "PYTHONPATH": path, "PYTHON_KEYRING_BACKEND": backend},
            input=said,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return called


@pytest.fixture
def account(tmp_path: Path, run: Run) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Call `maildrill account test main` with an accounts file that names a secret in a keyring."""

    def call(
        secret: str = "keyring:smtp/ann",  # noqa: S107 - where it comes from
        *,
        port: int = 1,
        ca: Path | None = None,
        backend: str = "desk_keyring.InFile",
    ) -> subprocess.CompletedProcess[str]:
        trust = f'ca_file = "{ca}"\n' if ca else ""
        file = tmp_path / "accounts.toml"
        file.write_text(
            f'[account.main]\nhost = "127.0.0.1"\nport = {port}\n{trust}user = "ann"\npassword = "{secret}"\n'
        )
        file.chmod(0o600)
        code = "from maildrill.cli.main import main; main()"
        return run("-c", code, "account", "test", "main", "--accounts", str(file), backend=backend)

    return call


@pytest.mark.parametrize("service", ["smtp", "https://smtp.example/submission"])
@pytest.mark.parametrize("way", ["command", "library"])
def test_what_keyring_has_stored_opens_an_account(
    way: str, service: str, run: Run, account: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Put there by `keyring set` or by a program; it is used for AUTH, and shown nowhere."""
    if way == "command":
        stored = run("-m", "keyring", "set", service, "ann", said=SECRET)
    else:
        stored = run("-c", "import keyring, sys; keyring.set_password(*sys.argv[1:])", service, "ann", SECRET)
    with smtp_server(SERVER, allow=["unread"]) as server:
        result = account(f"keyring:{service}/ann", port=server.port, ca=server.tls.ca_file)

    assert stored.returncode == 0, stored.stderr
    assert result.returncode == Exit.OK, result.stdout + result.stderr
    assert result.stdout.endswith("main works: mail could be sent\n")
    assert SECRET not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("secret", "backend", "what", "hint"),
    [
        ("keyring:smtp/bob", "desk_keyring.InFile", "the keyring has nothing for smtp/bob", "keyring set smtp bob"),
        ("keyring:smtp", "desk_keyring.InFile", "does not name service and user", "keyring:SERVICE/USER"),
        ("keyring:smtp/ann", "keyring.backends.fail.Keyring", "there is no keyring here", "keyring diagnose"),
        ("keyring:smtp/ann", "keyring.backends.null.Keyring", "the keyring has nothing for smtp/ann", "keyring set"),
        ("keyring:smtp/ann", "desk_keyring.Locked", "the keyring is locked", "unlock it"),
        ("keyring:smtp/ann", "desk_keyring.Away", "the keyring cannot be opened", "keyring get"),
        ("keyring:smtp/ann", "desk_keyring.Broken", "cannot be read: ZeroDivisionError", "PYTHON_KEYRING_BACKEND"),
        ("keyring:smtp/ann", "no_such.Keyring", "cannot be read: ModuleNotFoundError", "PYTHON_KEYRING_BACKEND"),
    ],
)
def test_a_keyring_that_gives_nothing_is_told(
    secret: str, backend: str, what: str, hint: str, account: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Nobody, nothing, no keyring, a locked one, one in trouble: with file and line, what to do, and no traceback."""
    result = account(secret, backend=backend)

    assert result.returncode == Exit.CONFIGURATION
    assert "accounts.toml:5" in result.stderr
    assert what in result.stderr
    assert hint in result.stderr
    assert "Traceback" not in result.stderr
    assert SECRET not in result.stdout + result.stderr


def test_without_the_package_the_extra_is_named(
    tmp_path: Path, account: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """As where maildrill was installed without it."""
    (tmp_path / "keyring.py").write_text('raise ModuleNotFoundError("No module named \'keyring\'", name="keyring")\n')
    result = account()

    assert result.returncode == Exit.CONFIGURATION
    assert "the package keyring is not installed" in result.stderr
    assert "pip install 'maildrill[keyring]'" in result.stderr
