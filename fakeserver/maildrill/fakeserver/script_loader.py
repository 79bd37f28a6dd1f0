"""Scripts from where they are: files, and the packs that come with maildrill; with all that they use.

Rule 1: reading is script_file's; here files are found, and what they use is put behind their own rules.
Rule 2: an error in what is used says where that is, and who uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NoReturn

from maildrill.fakeserver.language.script import Script, Use, merge_scripts
from maildrill.fakeserver.text.script_file import read_script
from maildrill.smtp import ConfigurationError, did_you_mean, escape
from maildrill.smtp.document import read_text

#: Scripts that are found by name.
Shelf = Mapping[str, Traversable]

_SUFFIX = ".toml"


@cache
def packs() -> Shelf:
    """Return the packs that come with maildrill, by name: `compat/badsmtp`, `profiles/gmail`."""
    return dict(sorted(_within(files("maildrill.fakeserver") / "packs", "")))


def load_script(name_or_path: str, shelf: Shelf | None = None, *, look: Callable[[Path], None] | None = None) -> Script:
    """Return the script in a file, or of a name on the shelf (default: the packs), with all that it uses.

    What ends in .toml, or is a file, is a file. look: called with each file before it is read, so that who watches
    them knows of all, also where this fails. Raises ConfigurationError.
    """
    shelf = packs() if shelf is None else shelf
    path = Path(name_or_path)
    if path.suffix == _SUFFIX or path.is_file():
        if look is not None:
            look(path)
        return _Loading(shelf, look).whole(_file(path, name_or_path))
    if name_or_path not in shelf:
        _unknown(name_or_path, shelf)
    return _Loading(shelf).whole(_on_shelf(name_or_path, shelf))


def load_text(text: str, name: str, *, folder: Path | None = None, shelf: Shelf | None = None) -> Script:
    """Return the script that a text holds, with all that it uses; `name` is what errors call it.

    folder: where the files are that it uses; None lets it use none. Raises ConfigurationError.
    """
    return _Loading(packs() if shelf is None else shelf).whole(_Source(name, name, text, folder))


@dataclass(frozen=True, slots=True)
class _Source:
    """A script's text, what makes it the same as another, what errors call it, where files lie that it uses."""

    identity: str
    name: str
    text: str
    folder: Path | None


class _Loading:
    """One script being loaded: each that is used is taken once, where it is used first."""

    def __init__(self, shelf: Shelf, look: Callable[[Path], None] | None = None) -> None:
        self._shelf = shelf
        self._look = look
        self._under_way: dict[str, str] = {}
        self._done: set[str] = set()

    def whole(self, source: _Source) -> Script:
        """Return a script with all that it uses, under its own name."""
        scripts = list(self._gather(source))
        return replace(merge_scripts(scripts), name=source.name, uses=(), scenario=scripts[0].scenario)

    def _gather(self, source: _Source) -> Iterator[Script]:
        """Give a script, then what it uses."""
        script = read_script(source.text, source.name)
        yield script
        self._under_way[source.identity] = source.name
        for use in script.uses:
            used = self._find(use, source)
            if used.identity in self._under_way:
                self._cycle(use, used)
            if used.identity in self._done:
                continue
            try:
                yield from self._gather(used)
            except ConfigurationError as error:
                error.hint = "\n  ".join(filter(None, (error.hint, f"used by {use.where}")))
                raise
        del self._under_way[source.identity]
        self._done.add(source.identity)

    def _find(self, use: Use, source: _Source) -> _Source:
        if not use.name.endswith(_SUFFIX):
            if use.name not in self._shelf:
                beside = source.folder is not None and (source.folder / f"{use.name}{_SUFFIX}").is_file()
                _unknown(use.name, self._shelf, use.where, f'for the file write "./{use.name}.toml"' if beside else "")
            return _on_shelf(use.name, self._shelf)
        if source.folder is None:
            raise ConfigurationError(
                f'cannot use the file "{escape(use.name)}": this script lies in no folder',
                where=use.where,
                expected=f"one of: {' '.join(self._shelf)}",
            )
        path = source.folder / use.name
        if self._look is not None:
            self._look(path)
        try:
            return _file(path, str(path))
        except ConfigurationError as error:
            error.hint = "\n  ".join(filter(None, (error.hint, f"used by {use.where}")))
            raise

    def _cycle(self, use: Use, used: _Source) -> NoReturn:
        names = list(self._under_way.values())
        way = [*names[list(self._under_way).index(used.identity) :], used.name]
        raise ConfigurationError(
            f'"{escape(use.name)}" uses itself',
            where=use.where,
            hint=" uses ".join(map(escape, way)),
        )


def _within(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _within(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            yield prefix + entry.name.removesuffix(_SUFFIX), entry


def _file(path: Path, name: str) -> _Source:
    text = read_text(path, "script")
    return _Source(str(path.resolve()), name, text, path.parent)


def _on_shelf(name: str, shelf: Shelf) -> _Source:
    return _Source(f"<{name}>", f"{name}{_SUFFIX}", shelf[name].read_text(encoding="utf-8"), None)


def _unknown(name: str, shelf: Shelf, where: str = "", hint: str = "") -> NoReturn:
    raise ConfigurationError(
        f'no script is called "{escape(name)}"',
        where=where,
        expected=f"one of: {' '.join(shelf)}; or a file: NAME.toml",
        hint=hint or did_you_mean(name, shelf),
    )
