"""Where secrets come from: the environment, a file, a command, the system's keyring.

Rule: no error shows a value, nor what a command wrote: only where it was to come from, and what to do.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from maildrill.sender.secret import Secret
from maildrill.smtp import ConfigurationError, escape

#: For people; a secret itself is never one of them.
WORDS = "env:NAME, file:PATH, command:COMMAND or keyring:SERVICE/USER"
#: Seconds that a command may take: some ask a token service over the network.
_PATIENCE = 60.0

_Failing = Callable[[str, str], NoReturn]


def secret_of(text: str, *, where: str, base: Path) -> Secret:
    """Return the secret that `text` names; it is not fetched yet. base: the folder that paths are relative to.

    where: what errors call the place. Raises ValueError where `text` names no source: then it may be the secret itself,
    and must not be shown.
    """
    kind, colon, rest = text.partition(":")
    fetch = _SOURCES.get(kind)
    if not colon or not rest.strip() or not rest.isprintable() or fetch is None:
        raise ValueError(WORDS)

    def fail(what: str, hint: str) -> NoReturn:
        raise ConfigurationError(what, where=where, hint=hint)

    def fetched() -> str:
        value = fetch(rest.strip(), base, fail).rstrip("\r\n")
        if not value or "\0" in value:
            fail(f"the secret from {shown} is empty, or has a NUL in it", "look at it where it comes from")
        return value

    # a command may have a secret among its words
    shown = text if kind != "command" else f"the command {escape(rest.split()[0])}"
    return Secret(
        text if kind != "command" else f"command:{rest.split()[0]} …",
        fetched,
        renewable=kind != "env",
        slow=kind in ("command", "keyring"),
    )


def _environment(name: str, base: Path, fail: _Failing) -> str:  # noqa: ARG001 - as all sources
    value = os.environ.get(name)
    if value is None:
        fail(f"environment variable {escape(name)} is not set", f"set it, for example: export {escape(name)}=…")
    return value


def _file(name: str, base: Path, fail: _Failing) -> str:
    path = base / Path(name).expanduser()
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        fail(f"secret file {escape(str(path))} not found", "check the path; it is relative to the file that names it")
    except OSError as error:
        fail(f"cannot read secret file {escape(str(path))}: {error.strerror}", "who sends must be able to read it")
    except UnicodeDecodeError:
        fail(f"secret file {escape(str(path))} is not UTF-8", "save it as UTF-8 text, the secret on one line")


def _command(line: str, base: Path, fail: _Failing) -> str:
    program = escape(line.split(maxsplit=1)[0])
    try:
        run = subprocess.run(  # noqa: S602 - a command line of the user's own, as in mutt and msmtp
            line, shell=True, cwd=base, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=False
        )
        said = run.stdout.decode()
    except subprocess.TimeoutExpired:
        fail(f"the command {program} gave no secret within {_PATIENCE:g} seconds", "run it by hand: does it wait?")
    except (OSError, UnicodeDecodeError):
        fail(f"the command {program} gave no secret", "run it by hand")
    if run.returncode != 0:
        fail(f"the command {program} ended with exit status {run.returncode}", "run it by hand to see why")
    return said


#: By keyring's own names of what may go wrong: what we say of it, and what to do.
_TROUBLE = {
    "NoKeyringError": (
        "there is no keyring here",
        "choose a back end, see `keyring diagnose`, or take the secret from elsewhere",
    ),
    "KeyringLocked": (
        "the keyring is locked",
        "unlock it, as by logging in to the desktop; `keyring get` shows whether it is",
    ),
    "InitError": ("the keyring cannot be opened", "try `keyring get`: is its service running?"),
}


def _keyring(name: str, base: Path, fail: _Failing) -> str:  # noqa: ARG001 - as all sources
    service, slash, user = name.rpartition("/")  # services are URLs at times
    if not (slash and service and user):
        fail("the secret's source does not name service and user", "write keyring:SERVICE/USER")
    try:
        import keyring  # noqa: PLC0415 - an extra, and slow to load
    except ImportError:
        fail("the package keyring is not installed", "pip install 'maildrill[keyring]'")
    kind, value = "", None
    try:
        value = keyring.get_password(service, user)
    except Exception as error:  # a back end is anybody's program: it raises what it likes, and says in it what it likes
        kind = type(error).__name__
    if kind:
        general = (f"the keyring cannot be read: {kind}", "is PYTHON_KEYRING_BACKEND right? see `keyring diagnose`")
        fail(*_TROUBLE.get(kind, general))
    if value is None:
        fail(f"the keyring has nothing for {escape(name)}", f"keyring set {escape(service)} {escape(user)}")
    return value


_SOURCES: dict[str, Callable[[str, Path, _Failing], str]] = {
    "env": _environment,
    "file": _file,
    "command": _command,
    "keyring": _keyring,
}
