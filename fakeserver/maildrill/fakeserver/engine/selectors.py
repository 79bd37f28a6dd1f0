"""The words that say who and what: an event as rules look at it, and one test for each word that a rule says.

Rule: a test takes a View and remembers nothing; whom a rule is about (rcpt, domain) the matcher asks for each. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from maildrill.fakeserver.engine.event import Event
from maildrill.fakeserver.engine.keys import about_transaction, command_of, ehlo_of, ends_message, recipients_of
from maildrill.fakeserver.language.pattern import Pattern, meant_by, select
from maildrill.fakeserver.language.script import Rule
from maildrill.fakeserver.language.script_words import Key
from maildrill.fakeserver.language.span import Amount
from maildrill.fakeserver.language.toml_text import bare_or_quoted
from maildrill.fakeserver.message.content import Letter
from maildrill.smtp import domain_of

_EXCERPT = 81  # characters of a text that are kept to say what it was

Test = Callable[["View"], bool]


class View:
    """An event as rules look at it; what it takes time to find out is found out once, and only if a rule asks.

    rcpts: whom it is about.
    """

    __slots__ = ("_domains", "_letter", "_lower", "_read", "event", "rcpts")

    def __init__(self, event: Event) -> None:
        self.event = event
        self.rcpts = recipients_of(event)
        self._lower: str | None = None
        self._domains: tuple[str, ...] | None = None
        self._letter: Letter | None = None
        self._read = False

    @property
    def lower(self) -> str:
        """Of a single recipient the address in lower case; "" of none or several, without a domain, or not in ASCII."""
        if self._lower is None:
            rcpts = self.rcpts
            self._lower = rcpts[0].lower() if len(rcpts) == 1 and rcpts[0].isascii() and "@" in rcpts[0] else ""
        return self._lower

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains of the recipients, in their order."""
        if self._domains is None:
            self._domains = tuple(map(domain_of, self.rcpts))
        return self._domains

    @property
    def letter(self) -> Letter | None:
        """The message, None before its end and where it was too big to be kept."""
        if not self._read:
            event = self.event
            known = ends_message(event) and (event.content or event.size == 0)
            self._letter = Letter(event.content) if known else None
            self._read = True
        return self._letter

    def field(self, name: str) -> tuple[str, ...] | None:
        """Return the values of a header field, None where the message is not known."""
        letter = self.letter
        return None if letter is None else letter.field(name)


class Selector(NamedTuple):
    """One word of a rule: its test, and what it saw where the event will have lost it later."""

    word: str
    holds: Test
    seen: Callable[[View], object] | None = None


MESSAGE_ENDED = Selector("key", lambda view: ends_message(view.event), lambda _view: "the message has not ended")


def selectors(rule: Rule) -> tuple[Selector, ...]:
    """Return the words about an event as a whole that a rule says; what costs least comes first."""
    found: list[Selector] = []
    for word, patterns, of in (
        ("client", rule.client, _client),
        ("ehlo", rule.ehlo, _ehlo),
        ("user", rule.user, _user),
        ("command", rule.command, command_of),
    ):
        if patterns:
            found.append(Selector(word, _tested(meant_by(patterns), of)))
    if rule.pipelined is not None:
        found.append(Selector("pipelined", _pipelined(said=rule.pipelined)))
    if rule.tls is not None:
        found.append(Selector("tls", _tls(rule.tls)))
    if rule.reverse_path:
        found.append(Selector("from", _reverse_path(meant_by(rule.reverse_path))))
    elif about_transaction(rule.key):
        found.append(Selector("key", _in_transaction, lambda _view: "no transaction is open"))
    if Key.MESSAGE in rule.key:
        found.append(MESSAGE_ENDED)
    found += (Selector(f"param.{bare_or_quoted(name)}", _param(name, values)) for name, values in rule.param)
    if rule.size is not None:
        found.append(Selector("size", _size(rule.size)))
    return (*found, *_content(rule))


def groups(rule: Rule, view: View, rcpt: str) -> dict[str, str]:
    """Return the named groups of all patterns of a rule that matches; `rcpt` is the recipient that it matched."""
    event = view.event
    found: dict[str, str] = {}
    for patterns, values in (
        (rule.reverse_path, (event.reverse_path or "",)),
        (rule.rcpt, (rcpt,)),
        (rule.domain, (domain_of(rcpt),)),
        (rule.ehlo, (ehlo_of(event),)),
        (rule.client, (event.client,)),
        (rule.user, (event.user,)),
        (rule.command, (command_of(event),)),
        *((patterns, view.field(name) or ()) for name, patterns in rule.header),
        (rule.subject, (view.field("subject") or ()) if rule.subject else ()),
        (rule.body, (view.letter.body,) if rule.body and view.letter else ()),
        (rule.tls if isinstance(rule.tls, tuple) else (), (event.tls,)),
        *((patterns, (event.parameters.get(name.upper(), ""),)) for name, patterns in rule.param),
    ):
        some = [pattern for pattern in patterns if isinstance(pattern, Pattern)]
        if any(pattern.groups for pattern in some):
            found.update(next((match for value in values if (match := select(some, value))), {}))
    return found


def _client(event: Event) -> str:
    return event.client


def _ehlo(event: Event) -> str:
    return ehlo_of(event)


def _user(event: Event) -> str:
    return event.user


def _tested(fits: Callable[[str], bool], of: Callable[[Event], str]) -> Test:
    return lambda view: fits(of(view.event))


def _reverse_path(fits: Callable[[str], bool]) -> Test:
    def holds(view: View) -> bool:
        path = view.event.reverse_path
        return path is not None and fits(path)

    return holds


def _in_transaction(view: View) -> bool:
    return view.event.reverse_path is not None


def _pipelined(*, said: bool) -> Test:
    return lambda view: view.event.pipelined is said


def _tls(spoken: bool | tuple[Pattern, ...]) -> Test:  # noqa: FBT001 - what a rule says
    if isinstance(spoken, bool):
        return lambda view: bool(view.event.tls) is spoken
    fits = meant_by(spoken)
    return lambda view: bool(view.event.tls) and fits(view.event.tls)


def _size(amount: Amount) -> Test:
    def holds(view: View) -> bool:
        size = view.event.size
        return size is not None and size in amount

    return holds


def _param(name: str, values: Sequence[Pattern | Amount]) -> Test:
    """A parameter that was not given has no value: none that is meant, and none that is not."""
    keyword = name.upper()
    amounts = [value for value in values if isinstance(value, Amount)]
    patterns = [value for value in values if isinstance(value, Pattern)]
    fits = _any_value(patterns, amounts)

    def holds(view: View) -> bool:
        if view.event.reverse_path is None:
            return False
        value = view.event.parameters.get(keyword)
        return fits(() if value is None else (value,))

    return holds


def _number(value: str) -> float:
    """Return the number that a parameter's value is; what is none is in no amount."""
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 20 else -1


def _content(rule: Rule) -> list[Selector]:
    found = [
        Selector(f"header.{bare_or_quoted(name)}", _field(name, patterns), _excerpts(name))
        for name, patterns in rule.header
    ]
    if rule.subject:
        found.append(Selector("subject", _field("subject", rule.subject), _excerpts("subject")))
    if rule.body:
        fits = meant_by(rule.body)
        found.append(
            Selector(
                "body",
                lambda view: view.letter is not None and fits(view.letter.body),
                lambda view: None if view.letter is None else view.letter.body[:_EXCERPT],
            )
        )
    return found


def _field(name: str, patterns: Sequence[Pattern]) -> Test:
    fits = _any_value(patterns)

    def holds(view: View) -> bool:
        values = view.field(name)
        return values is not None and fits(values)

    return holds


def _any_value(patterns: Sequence[Pattern], amounts: Sequence[Amount] = ()) -> Callable[[Sequence[str]], bool]:
    """Return whether any of several values is meant by what is not negated (if there is any), and none by what is."""
    plain = [pattern for pattern in patterns if not pattern.negated]
    negated = [pattern for pattern in patterns if pattern.negated]
    meant, never = meant_by(plain), meant_by([Pattern(pattern.text[1:]) for pattern in negated])
    must = bool(plain or amounts)

    def fits(values: Sequence[str]) -> bool:
        if must and not any(
            (plain and meant(value)) or any(_number(value) in amount for amount in amounts) for value in values
        ):
            return False
        return not (negated and any(never(value) for value in values))

    return fits


def _excerpts(name: str) -> Callable[[View], object]:
    def seen(view: View) -> object:
        values = view.field(name)
        return None if values is None else tuple(value[:_EXCERPT] for value in values[:6])

    return seen
