"""The script language in Python: the same words, checked by the same readers, one call for each rule.

`build.rcpt("ann@x.test").replies("450 4.2.1 busy", times=3)`. A rule is there from its first call on; each further call
adds words to it. Rules are named after the line that made them, so that whatever names a rule names that line. Pure.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import TypeAlias

from maildrill.fakeserver.rule_file import read_rule
from maildrill.fakeserver.script import Rule, Script, merge_scripts
from maildrill.fakeserver.script_writer import script_to_toml
from maildrill.smtp import ConfigurationError, Stage, escape
from maildrill.smtp.document import Table
from maildrill.smtp.toml_lines import Where

#: What a word of the language may be given as: what TOML could hold in its place.
Word: TypeAlias = "str | float | bool | Sequence[str | int] | Mapping[str, str | Sequence[str]]"
_Place: TypeAlias = "tuple[str, int]"

_PATH: Where = ("rule", 0)
_ANSWERS = {"reply", "replies"}  # two spellings of one word: the later call counts


class RuleBuilder:
    """One rule in the making. Each method adds words to it and returns it; all take any other word by keyword.

    Raises ConfigurationError as soon as the rule cannot be performed, and then leaves it as it was.
    """

    def __init__(self, put: Callable[[Rule], None], name: str, place: _Place) -> None:
        self._put = put
        self._name = name
        self._place = place
        self._words: dict[str, object] = {}
        self._lines: dict[Where, int] = {_PATH: place[1]}

    def replies(self, *texts: str, **words: Word) -> RuleBuilder:
        """Say this, or one after the other for each key; the last stays."""
        said: dict[str, Word] = {"reply": texts[0]} if len(texts) == 1 else {"replies": texts} if texts else {}
        return self.with_words(**said | words)

    def refuse(self, text: str = "550 5.7.1 refused", **words: Word) -> RuleBuilder:
        """Say no; the same as `replies` with one text."""
        return self.with_words(reply=text, **words)

    def cut(self, how: str, **words: Word) -> RuleBuilder:
        """End the connection: before, after or mid the reply, by rst, refuse it, or never."""
        return self.with_words(cut=how, **words)

    def wait(self, duration: str, **words: Word) -> RuleBuilder:
        """Let time pass before anything else is done: "2s", "5m"."""
        return self.with_words(wait=duration, **words)

    def commit(self, *, taken: bool = True, **words: Word) -> RuleBuilder:
        """Take the message, or do not, whatever is replied."""
        return self.with_words(commit=taken, **words)

    def caps(self, *changes: str, **words: Word) -> RuleBuilder:
        """Change what EHLO advertises: "-8BITMIME" hides, "SIZE 1000" sets."""
        return self.with_words(caps=changes, **words)

    def times(self, number: int, **words: Word) -> RuleBuilder:
        """Fire so often for each key, then never again."""
        return self.with_words(times=number, **words)

    def with_words(self, **words: Word) -> RuleBuilder:
        """Add any words of the language; `from_` stands for `from`. What was said before is replaced."""
        place = caller()
        said = {("from" if word == "from_" else word): _as_toml(value) for word, value in words.items()}
        lines: dict[Where, int] = {(*_PATH, word): place[1] for word in said if place[0] == self._place[0]}
        stale = _ANSWERS if said.keys() & _ANSWERS else set()
        values = {word: value for word, value in self._words.items() if word not in stale} | said
        known = {**self._lines, **lines}
        self._put(rule_of(values, self._name, self._place[0], known))
        self._words, self._lines = values, known
        return self


class ScriptBuilder:
    """A script in the making, in front of another one: its rules are asked first, in the order in which they are made.

    base: what holds behind them. on_change: called with the whole script whenever it has changed.
    """

    def __init__(self, base: Script | None = None, on_change: Callable[[Script], None] | None = None) -> None:
        self._base = base or Script()
        self._on_change = on_change
        self._rules: dict[str, Rule] = {}

    @property
    def script(self) -> Script:
        """The script as it stands: what was built, then the base."""
        if not self._rules:
            return self._base
        whole = merge_scripts([Script(rules=tuple(self._rules.values())), self._base])
        return replace(whole, name=self._base.name)

    def script_toml(self) -> str:
        """Return the script as it stands in TOML."""
        return script_to_toml(self.script)

    def on(self, *at: str, **words: Word) -> RuleBuilder:
        """Make a rule for these stages (none: `*`), with any words of the language; `from_` stands for `from`."""
        place = caller()
        name = self._free(f"{escape(place[0])}:{place[1]}")
        said: dict[str, Word] = {"at": at or "*", **words}
        return RuleBuilder(self._putting(name), name, place).with_words(**said)

    def connect(self, **words: Word) -> RuleBuilder:
        """Make a rule for clients that connect."""
        return self.on("connect", **words)

    def banner(self, **words: Word) -> RuleBuilder:
        """Make a rule for the greeting."""
        return self.on("banner", **words)

    def ehlo(self, **words: Word) -> RuleBuilder:
        """Make a rule for EHLO."""
        return self.on("ehlo", **words)

    def mail(self, *reverse_path: str, **words: Word) -> RuleBuilder:
        """Make a rule for MAIL, from these patterns (none: any)."""
        return self.on("mail", **_some(from_=reverse_path), **words)

    def rcpt(self, *rcpt: str, **words: Word) -> RuleBuilder:
        """Make a rule for RCPT, to these patterns (none: any)."""
        return self.on("rcpt", **_some(rcpt=rcpt), **words)

    def data(self, **words: Word) -> RuleBuilder:
        """Make a rule for DATA."""
        return self.on("data", **words)

    def dot(self, *rcpt: str, **words: Word) -> RuleBuilder:
        """Make a rule for the end of a message, to these patterns (none: any)."""
        return self.on("dot", **_some(rcpt=rcpt), **words)

    def idle(self, age: str, **words: Word) -> RuleBuilder:
        """Make a rule for a client that has been silent: `age` such as ">=60s"."""
        return self.on("idle", age=age, **words)

    def next_message(self, **words: Word) -> RuleBuilder:
        """Make a rule for the next message that comes, and for that one only."""
        return self.on("dot", times=1, **words)

    def _free(self, name: str) -> str:
        """Return the name, with a number behind it where a rule made on the same line has it already."""
        number, free = 1, name
        while free in self._rules:
            number += 1
            free = f"{name}#{number}"
        return free

    def _putting(self, name: str) -> Callable[[Rule], None]:
        def put(rule: Rule) -> None:
            if any(other.name == rule.name for made, other in self._rules.items() if made != name):
                raise ConfigurationError(
                    f'a second rule is called "{escape(rule.name)}"', expected="a name of its own for each rule"
                )
            self._rules[name] = rule
            if self._on_change is not None:
                self._on_change(self.script)

        return put


def rule_of(words: Mapping[str, object], name: str, file: str, lines: Mapping[Where, int]) -> Rule:
    """Return the rule that says these words; raises ConfigurationError, which names file and line."""
    return read_rule(Table(words, file, _PATH, lines), name)


def stages_of(at: Sequence[str], place: _Place) -> frozenset[Stage]:
    """Return the stages that are meant (none: `*`); raises ConfigurationError."""
    return rule_of({"at": list(at) or "*"}, "at", place[0], {_PATH: place[1]}).stages


def caller() -> _Place:
    """Return file (without its folders) and line of the code that called into maildrill."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("maildrill."):
        frame = frame.f_back
    return PurePath(frame.f_code.co_filename).name, frame.f_lineno


def _some(**words: tuple[str, ...]) -> dict[str, Word]:
    """Return the words that are said."""
    return {word: value for word, value in words.items() if value}


def _as_toml(value: object) -> object:
    """Return a value as a TOML table holds it."""
    if isinstance(value, Mapping):
        return {key: _as_toml(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple | list) else value
