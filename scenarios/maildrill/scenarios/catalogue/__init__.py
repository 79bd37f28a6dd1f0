"""The catalogue: named scripts, each with its purpose and its source.

A script's first comment line is its purpose. A name is looked up here and among the packs, what ends in .toml is a
file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from maildrill.fakeserver import script_loader
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.script_loader import Shelf
from maildrill.smtp import ConfigurationError, did_you_mean, escape

_FOLDER = Path(__file__).parent


def names() -> tuple[str, ...]:
    """Return the names of all bundled scripts, in alphabetical order."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def text_of(name: str) -> str:
    """Return the TOML of a bundled script or a pack; raises ConfigurationError for a name that is not there."""
    known = shelf()
    if name not in known:
        raise ConfigurationError(
            f'no script is called "{escape(name)}"',
            expected="one of: " + " ".join(known),
            hint=did_you_mean(name, known),
        )
    return known[name].read_text(encoding="utf-8")


def purpose_of(name: str) -> str:
    """Return the first comment line of a bundled script or a pack."""
    return text_of(name).partition("\n")[0].removeprefix("#").strip()


def load_script(name_or_path: str, *, look: Callable[[Path], None] | None = None) -> Script:
    """Return the script of that name, be it a pack or one of these, or in that file; with all that it uses.

    look: called with each file before it is read. Raises ConfigurationError.
    """
    return script_loader.load_script(name_or_path, shelf(), look=look)


def shelf() -> Shelf:
    """Return all scripts that come with maildrill, by name: these, then the packs."""
    return {**{name: _FOLDER / f"{name}.toml" for name in names()}, **script_loader.packs()}
