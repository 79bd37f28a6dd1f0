"""Scripts that a program writes: rules in the words of the language, with remarks, as TOML text and as a Script.

What is written is what is read: every check is script_file's. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from maildrill.fakeserver.language.answer_checks import unlawful
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.language.toml_text import bare_or_quoted, inline, lines, one_or_list, quoted
from maildrill.fakeserver.text.script_file import read_script
from maildrill.smtp import Stage, escape
from maildrill.smtp.reply import MAX_LINE

_ROOM = MAX_LINE - len("550 5.7.1 \r\n")
Word = str | int | float | bool | Sequence[str] | Mapping[str, str] | None


class Rulebook:
    """A script being written, top to bottom. remarks: what stands above all, a line each."""

    def __init__(self, *remarks: str) -> None:
        self._remarks = remarks
        self._server: dict[str, Word] = {}
        self._tables: list[str] = []
        self._names: Counter[Word] = Counter()

    def server(self, **words: Word) -> None:
        """Say words of `[server]`; what is said twice stays as it was said first."""
        self._server = {**words, **self._server}

    def rule(self, remark: str = "", /, **words: Word) -> None:
        """Add a rule of these words; `from_` is the word `from`. None means not said.

        A name that is taken already gets a number behind it.
        """
        name = words.get("name")
        if name is not None:
            self._names[name] += 1
            words["name"] = name if self._names[name] == 1 else f"{name}#{self._names[name]}"
        self.table("rule", remark, **words)

    def table(self, kind: str, remark: str = "", /, **words: Word) -> None:
        """Add a table of any kind that a script has several of."""
        above = f"# {_on_one_line(remark)}\n" if remark else ""
        self._tables.append(f"{above}[[{kind}]]\n{_said({**words, **_lint(words)})}")

    def profile(self, name: str, domain: Sequence[str], mix: Iterable[Mapping[str, Word]]) -> None:
        """Add a profile; each item of its mix has a weight and words of a rule."""
        self.table("profile", name=name, domain=domain)
        for item in mix:
            self.table("profile.mix", "", **item)

    @property
    def empty(self) -> bool:
        """Whether no table was added."""
        return not self._tables

    @property
    def text(self) -> str:
        """The TOML text."""
        top = "".join(f"# {_on_one_line(remark)}\n" for remark in self._remarks) + "version = 1\n"
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


def exact_of(pattern: str) -> str | None:
    """Return the text that a pattern of `exactly` means; None for any other regular expression and any `!`."""
    if pattern[:1] not in ("~", "!"):
        return pattern
    text = re.sub(r"\\(.)", r"\1", pattern[2:-1], flags=re.DOTALL)
    return text if pattern == f"~^{re.escape(text)}$" else None


def reply_text(code: int, lines: Iterable[str]) -> str:
    """Return how a rule says a reply, as it is: each line as far as it fits into one."""
    return literal("\n".join([f"{code} {first}" if n == 0 else first for n, first in enumerate(map(_fitting, lines))]))


def _fitting(line: str) -> str:
    line = escape(line) if not line.isprintable() else line
    return line.encode()[:_ROOM].decode(errors="ignore").rstrip()


def _on_one_line(remark: str) -> str:
    return escape(remark) if not remark.isprintable() else remark


def _lint(words: Mapping[str, Word]) -> dict[str, Word]:
    """Return what lets a reply stand that no server would give: other programs care less."""
    replies, stages = words.get("reply") or words.get("replies"), words.get("at")
    if not replies or not stages or stages == "*":
        return {}
    codes = {int(code) for reply in _each(replies) if (code := reply[:3]).isdigit()}
    wrong = any(unlawful(code, Stage(stage))[0] for code in codes for stage in _each(stages))
    return {"lint": False} if wrong else {}


def _each(word: Word) -> list[str]:
    return [word] if isinstance(word, str) else [str(one) for one in word] if isinstance(word, Sequence) else []


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
