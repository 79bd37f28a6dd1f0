"""The catalogue: named scripts in groups, each with a scenario: its purpose, its source, and what comes of it.

A name is looked up here and among the packs, what ends in .toml is a file. A group is a folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from maildrill.fakeserver import script_loader
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.script_loader import Shelf
from maildrill.smtp import ConfigurationError, did_you_mean, escape

_FOLDER = Path(__file__).parent

#: What a scenario sends unless it says otherwise.
CAMPAIGN = _FOLDER / "campaign.toml"

#: The groups, in the order in which they are shown, each with what is in it.
GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "rows": "One for each row of the [table of dispositions](dispositions.md), called as the row.",
        "habits": "What a sender should do, and should not, where no row of the table rules.",
        "providers": "Mailbox providers, relays and mail servers as they come, with replies that they really give.",
        "weather": "What servers do for hours or to many: outages, quotas, greylists, full mailboxes.",
        "incidents": "What has happened to campaigns, and will again.",
    }
)


@cache
def _paths() -> Mapping[str, Path]:
    return {path.stem: path for group in GROUPS for path in sorted((_FOLDER / group).glob("*.toml"))}


def names(group: str | None = None) -> tuple[str, ...]:
    """Return the names of all bundled scripts, or of one group, in the order of the groups and the alphabet."""
    return tuple(name for name in _paths() if group in (None, group_of(name)))


def group_of(name: str) -> str:
    """Return the group of a bundled script, or of a pack: the part before the slash."""
    return _paths()[name].parent.name if name in _paths() else name.partition("/")[0]


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
    """Return what a bundled script or a pack is for, in a sentence: its scenario says it, or its first comment."""
    scenario = load_script(name).scenario if name in _paths() else None
    return scenario.purpose if scenario else text_of(name).partition("\n")[0].removeprefix("#").strip()


def load_script(name_or_path: str, *, look: Callable[[Path], None] | None = None) -> Script:
    """Return the script of that name, be it a pack or one of these, or in that file; with all that it uses.

    look: called with each file before it is read. Raises ConfigurationError.
    """
    return script_loader.load_script(name_or_path, shelf(), look=look)


def shelf() -> Shelf:
    """Return all scripts that come with maildrill, by name: these, then the packs."""
    return {**_paths(), **script_loader.packs()}
