"""Who may log in, from a file: `name:password` lines, or TOML with `name = "password"`.

Rule: no error shows what stands behind a name.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from maildrill.smtp import ConfigurationError, escape
from maildrill.smtp.document import read_text

_LINES = 'a line "name:password" for each user'
_TABLE = 'name = "password" for each user'


def read_users(path: Path) -> dict[str, str]:
    """Return the passwords by name; a file that ends in .toml is TOML. Raises ConfigurationError."""
    text = read_text(path, "users file")
    users = _of_table(text, path) if path.suffix == ".toml" else _of_lines(text, path)
    if not users:
        raise ConfigurationError(
            "there is no user in it", where=str(path), expected=_TABLE if path.suffix == ".toml" else _LINES
        )
    return users


def _of_lines(text: str, path: Path) -> dict[str, str]:
    users: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        name, colon, password = line.partition(":")
        if not line.strip() or line.startswith("#"):
            continue
        if not (name and colon and password):
            raise ConfigurationError("this line has no name and password", where=f"{path}:{number}", expected=_LINES)
        if name in users:
            raise ConfigurationError(f'a second user is called "{escape(name)}"', where=f"{path}:{number}")
        users[name] = password
    return users


def _of_table(text: str, path: Path) -> dict[str, str]:
    try:
        users = tomllib.loads(text)
    except ValueError as error:
        place = str(error).partition("line ")[2].partition(",")[0]
        raise ConfigurationError("not TOML", where=f"{path}:{place or 1}", expected=_TABLE) from None
    for name, password in users.items():
        if not name or not isinstance(password, str) or not password:
            raise ConfigurationError(f'the password of "{escape(name)}" is no text', where=str(path), expected=_TABLE)
    return users
