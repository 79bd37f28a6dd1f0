"""Scripts that a program writes: rules in the words of the language, with remarks, as TOML text and as a Script.

What is written is what is read: every check is script_file's. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from maildrill.fakeserver.script import Script
from maildrill.fakeserver.script_file import read_script
from maildrill.fakeserver.toml_text import bare_or_quoted, inline, lines, one_or_list, quoted

Word = str | int | float | bool | Sequence[str] | Mapping[str, str] | None


class Rulebook:
    """A script being written, top to bottom. remarks: what stands above all, a line each."""

    def __init__(self, *remarks: str) -> None:
        self._remarks = remarks
        self._server: dict[str, Word] = {}
        self._tables: list[str] = []

    def server(self, **words: Word) -> None:
        """Say words of `[server]`; what is said twice stays as it was said first."""
        self._server = {**words, **self._server}

    def rule(self, remark: str = "", /, **words: Word) -> None:
        """Add a rule of these words; `from_` is the word `from`. None means not said."""
        self.table("rule", remark, **words)

    def table(self, kind: str, remark: str = "", /, **words: Word) -> None:
        """Add a table of any kind that a script has several of."""
        above = f"# {remark}\n" if remark else ""
        self._tables.append(f"{above}[[{kind}]]\n{_said(words)}")

    @property
    def empty(self) -> bool:
        """Whether no table was added."""
        return not self._tables

    @property
    def text(self) -> str:
        """The TOML text."""
        top = "".join(f"# {remark}\n" for remark in self._remarks) + "version = 1\n"
        server = [f"[server]\n{_said(self._server)}"] if any(word is not None for word in self._server.values()) else []
        return "\n".join([top, *server, *self._tables])

    def script(self, name: str) -> Script:
        """Return the script that the text is; raises ConfigurationError."""
        return read_script(self.text, name)


def literal(text: str) -> str:
    """Return how a reply says a text that is to be said as it is: a brace is no field."""
    return text.replace("{", "{{").replace("}", "}}")


def exactly(text: str) -> str:
    """Return the pattern of a text: as it is, wherever that does not mean something else."""
    return f"~^{re.escape(text)}$" if text[:1] in ("~", "!") else text


def _said(words: Mapping[str, Word]) -> str:
    return lines((key.removesuffix("_"), _written(word)) for key, word in words.items())


def _written(word: Word) -> str | None:
    if word is None:
        return None
    if isinstance(word, bool):
        return str(word).lower()
    if isinstance(word, int | float):
        return repr(word)
    if isinstance(word, str):
        return quoted(word)
    if isinstance(word, Mapping):
        return inline([(bare_or_quoted(key), quoted(value)) for key, value in word.items()])
    return one_or_list(word)
