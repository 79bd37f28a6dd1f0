"""One rule in the making: each word that a rule can answer with is a method, every word is a keyword. Pure."""

from __future__ import annotations

from collections.abc import Callable

from maildrill.fakeserver.authoring.python_words import Place, Word, as_toml, caller, path_of, table
from maildrill.fakeserver.language.script import Rule
from maildrill.fakeserver.text.rule_file import read_rule
from maildrill.smtp.toml_lines import Where

_ANSWERS = {"reply", "replies"}  # two spellings of one word: the later call counts


class RuleBuilder:
    """One rule in the making. Each method adds words to it and returns it; all take any other word by keyword.

    put: takes the rule as it is after each call. lint: what holds where the rule does not say it. A method raises
    ConfigurationError as soon as the rule cannot be performed, and then leaves it as it was.
    """

    def __init__(self, put: Callable[[Rule], None], name: str, place: Place, *, lint: bool | None = None) -> None:
        self._put = put
        self._name = name
        self._place = place
        self._lint = lint
        self._words: dict[str, object] = {}
        self._lines: dict[Where, int] = {}

    def replies(self, *texts: str, **words: Word) -> RuleBuilder:
        """Say this, or one after the other for each key; the last stays."""
        said: dict[str, Word] = {"reply": texts[0]} if len(texts) == 1 else {"replies": texts} if texts else {}
        return self.with_words(**said | words)

    def refuse(self, text: str = "550 5.7.1 refused", **words: Word) -> RuleBuilder:
        """Say no; the same as `replies` with one text."""
        return self.with_words(reply=text, **words)

    def then(self, what: str, **words: Word) -> RuleBuilder:
        """After the last of the replies: "cycle" begins again, "pass" leaves the event to the rules behind."""
        return self.with_words(then=what, **words)

    def caps(self, *changes: str, **words: Word) -> RuleBuilder:
        """Change what EHLO advertises: "-8BITMIME" hides, "SIZE 1000" sets."""
        return self.with_words(caps=changes, **words)

    def raw(self, octets: str, **words: Word) -> RuleBuilder:
        r"""Say these octets, whatever they are: `raw(r"\x00\xff\r\n")`."""
        return self.with_words(raw=octets, **words)

    def mangle(self, how: str, **words: Word) -> RuleBuilder:
        """Get the octets of the reply wrong: "lf", "no-code", "split", "early" and so on."""
        return self.with_words(mangle=how, **words)

    def drip(self, pace: str, **words: Word) -> RuleBuilder:
        """Say the reply little by little: "1B/500ms"."""
        return self.with_words(drip=pace, **words)

    def tease(self, pace: str, **words: Word) -> RuleBuilder:
        """Say continuation lines before the reply: "30s x 20"."""
        return self.with_words(tease=pace, **words)

    def wait(self, duration: str, **words: Word) -> RuleBuilder:
        """Let time pass before anything else is done: "2s", "5m"."""
        return self.with_words(wait=duration, **words)

    def sip(self, pace: str, **words: Word) -> RuleBuilder:
        """Read the message little by little: "512B/1s"."""
        return self.with_words(sip=pace, **words)

    def cut(self, how: str, **words: Word) -> RuleBuilder:
        """End the connection: before, after or mid the reply, by rst, refuse it, or never."""
        return self.with_words(cut=how, **words)

    def commit(self, *, taken: bool = True, **words: Word) -> RuleBuilder:
        """Take the message, or do not, whatever is replied."""
        return self.with_words(commit=taken, **words)

    def handshake(self, fault: str, **words: Word) -> RuleBuilder:
        """Get the TLS handshake wrong: "expired", "wrong-host", "self-signed", "abort" and so on."""
        return self.with_words(handshake=fault, **words)

    def to(self, server: str, **words: Word) -> RuleBuilder:
        """Have another server do it, and say what that says: "smtp://127.0.0.1:2526"."""
        return self.with_words(to=server, **words)

    def set(self, state: str, **words: Word) -> RuleBuilder:
        """Be in this state from now on, which other rules may ask for with `state`."""
        return self.with_words(set=state, **words)

    def times(self, number: int, **words: Word) -> RuleBuilder:
        """Fire so often for each key, then never again."""
        return self.with_words(times=number, **words)

    def with_words(self, **words: Word) -> RuleBuilder:
        """Add any words of the language; `from_` stands for `from`. What was said before is replaced."""
        place, said = caller(), as_toml(words)
        stale = _ANSWERS if said.keys() & _ANSWERS else set()
        values = {word: value for word, value in self._words.items() if word not in stale} | said
        lines = {(*path_of("rule"), word): place.line for word in said if place.file == self._place.file}
        read = table("rule", values, self._place, self._lines | lines)
        self._put(read_rule(read, self._name, lint=self._lint))
        self._words, self._lines = values, self._lines | lines
        return self
