"""The catalogue: named scripts, each with its purpose and its source.

A script's first comment line is its purpose. A name is looked up here, anything that looks like a path is a file.
"""

from __future__ import annotations

from pathlib import Path

from maildrill.fakeserver.script import Script
from maildrill.fakeserver.script_file import read_script
from maildrill.smtp import ConfigurationError, did_you_mean
from maildrill.smtp.document import read_text

_FOLDER = Path(__file__).parent


def names() -> tuple[str, ...]:
    """Return the names of all bundled scripts, in alphabetical order."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def text_of(name: str) -> str:
    """Return the TOML of a bundled script; raises ConfigurationError for a name that is not there."""
    if name not in names():
        raise ConfigurationError(
            f'no script is called "{name}"', expected="one of: " + " ".join(names()), hint=did_you_mean(name, names())
        )
    return (_FOLDER / f"{name}.toml").read_text(encoding="utf-8")


def purpose_of(name: str) -> str:
    """Return the first comment line of a bundled script."""
    return text_of(name).partition("\n")[0].removeprefix("#").strip()


def load_script(name_or_path: str) -> Script:
    """Return the script of that name, or in that file; raises ConfigurationError."""
    path = Path(name_or_path)
    if path.suffix == ".toml" or len(path.parts) > 1 or path.is_file():
        return read_script(read_text(path, "script"), name_or_path)
    return read_script(text_of(name_or_path), f"{name_or_path}.toml")
