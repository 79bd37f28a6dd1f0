"""Near misses: of the rules that did not answer an event, which came nearest, and what kept each from it.

Rule: at the event only what could be lost is noted down; it becomes words when somebody reads it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, overload

from maildrill.fakeserver.engine.event import Event
from maildrill.fakeserver.engine.keys import command_of, ehlo_of, ends_message, recipients_of
from maildrill.fakeserver.text.rule_writer import said
from maildrill.smtp import Stage, domain_of
from maildrill.smtp.quantity import format_duration

if TYPE_CHECKING:
    from maildrill.fakeserver.language.script import Rule

_SHOWN = 80  # characters of what a client said
_FEW = 5  # recipients


class Miss(NamedTuple):
    """What kept a rule from firing, noted down: how many of its words held, the word that did not, and what was seen.

    seen: what cannot be read from the event later; None where it can.
    """

    held: int
    word: str
    seen: object = None


#: A Miss, or a tuple of the same, which is made in a fifth of the time.
Missed = tuple[int, str, object]


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A rule that did not answer an event: the word that did not hold, how the rule says it, and what was seen.

    `only ann: rcpt = "ann@*" but rcpt is bob@x.test`; what a client said is in it as it came: escape before showing.
    """

    rule: str
    word: str
    said: str
    seen: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.said} but {self.seen}"


class NearMisses(Sequence[NearMiss]):
    """Near misses of one event, the nearest first; they take words when they are first read."""

    __slots__ = ("_event", "_misses", "_rules", "_values")

    def __init__(self, event: Event, rules: Sequence[Rule], misses: Sequence[Missed | None]) -> None:
        """Take what was noted down for each rule, in the order in which they were asked; None: the rule fired."""
        heavy = event.content or event.message_id or len(event.recipients) > _FEW
        self._event = _light(event) if heavy else event
        self._rules = rules
        self._misses = misses
        self._values: tuple[NearMiss, ...] | None = None

    @overload
    def __getitem__(self, index: int) -> NearMiss: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[NearMiss]: ...

    def __getitem__(self, index: int | slice) -> NearMiss | Sequence[NearMiss]:
        return self._read()[index]

    def __len__(self) -> int:
        return len(self._misses) - self._misses.count(None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NearMisses) and self._read() == other._read()

    def __hash__(self) -> int:
        return hash(self._read())

    def __repr__(self) -> str:
        return repr(self._read())

    def _read(self) -> tuple[NearMiss, ...]:
        if self._values is None:
            pairs = zip(self._rules, self._misses, strict=True)
            missed = [(rule, miss) for rule, miss in pairs if miss is not None]
            missed.sort(key=lambda pair: -pair[1][0])
            self._values = tuple(_near_miss(rule, Miss(*miss), self._event) for rule, miss in missed)
        return self._values


def _light(event: Event) -> Event:
    """Return an event without what is large: near misses may be kept for long."""
    return Event(  # by position, as this is done for each message; dataclasses.replace takes nine times as long
        event.stage,
        event.at,
        event.session,
        event.client,
        event.transaction,
        event.helo,
        event.user,
        event.tls,
        event.reverse_path,
        event.rcpt,
        event.recipients[: _FEW + 1],
        event.parameters,
        event.verb,
        event.argument,
        "",
        b"",
        event.size,
        event.last,
        event.idle,
        event.pipelined,
    )


def _near_miss(rule: Rule, miss: Miss, event: Event) -> NearMiss:
    word = miss.word.partition(".")[0]
    seen = _SEEN[word](event, miss) if word in _SEEN else str(miss.seen)
    return NearMiss(rule.name, miss.word, said(rule, miss.word), seen)


def _shown(text: str) -> str:
    return (text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…") or '""'


def _all_of(values: Sequence[str]) -> str:
    return ", ".join(_shown(value) for value in values[:_FEW]) + (" …" if len(values) > _FEW else "")


def _from(event: Event, _miss: Miss) -> str:
    if event.reverse_path is None:
        return "no transaction is open"
    return f"from is {_shown(event.reverse_path)}"


def _recipients(word: str, of: Callable[[str], str]) -> Callable[[Event, Miss], str]:
    def seen(event: Event, _miss: Miss) -> str:
        values = tuple(dict.fromkeys(of(rcpt) for rcpt in recipients_of(event)))
        if not values:
            return "no recipient can be read" if event.stage is Stage.RCPT else "there is no recipient yet"
        return f"{word} is {_all_of(values)}"

    return seen


def _text(word: str, of: Callable[[Event], str], none: str) -> Callable[[Event, Miss], str]:
    def seen(event: Event, _miss: Miss) -> str:
        return f"{word} is {_shown(of(event))}" if of(event) else none

    return seen


def _size(event: Event, _miss: Miss) -> str:
    return "the size is not known" if event.size is None else f"size is {event.size}"


def _param(event: Event, miss: Miss) -> str:
    name = miss.word.partition(".")[2]
    value = event.parameters.get(name.upper())
    return f"there is no {name}" if value is None else f"{name} is {_shown(value)}"


def _values(event: Event, miss: Miss) -> str:
    """Say what a header field, the subject or the body is: the event has lost it by now."""
    if miss.seen is None:
        return "the message was not kept" if ends_message(event) else "the message has not ended"
    name = miss.word.partition(".")[2] or miss.word
    values = miss.seen if isinstance(miss.seen, tuple) else (str(miss.seen),)
    return f"{name} is {_all_of(values)}" if values else f"there is no {name}"


def _age(event: Event, miss: Miss) -> str:
    if event.stage is Stage.IDLE:
        return f"the silence lasts {format_duration(event.idle)}" if miss.seen is None else "this silence was counted"
    return f"it is {format_duration(float(str(miss.seen)))} old"


#: How each word says what was seen; what is not in here noted it down in words.
_SEEN: dict[str, Callable[[Event, Miss], str]] = {
    "from": _from,
    "rcpt": _recipients("rcpt", str),
    "domain": _recipients("domain", domain_of),
    "ehlo": _text("ehlo", ehlo_of, "no name was given"),
    "client": _text("client", lambda event: event.client, "the client has no address"),
    "user": _text("user", lambda event: event.user, "nobody is logged in"),
    "command": _text("the command", command_of, "nothing was said"),
    "pipelined": lambda event, _miss: f"the client {'did not wait' if event.pipelined else 'waited'} for a reply",
    "tls": _text("tls", lambda event: event.tls, "the session is in clear"),
    "param": _param,
    "size": _size,
    "header": _values,
    "subject": _values,
    "body": _values,
    "age": _age,
    "attempt": lambda _event, miss: f"this is attempt {miss.seen}",
    "times": lambda _event, miss: f"it has fired {miss.seen} times",
    "then": lambda _event, miss: f"all {miss.seen} replies were said",
    "over": lambda _event, miss: f"{miss.seen} went through",
    "open": lambda _event, miss: f"{miss.seen} are open",
    "during": lambda _event, miss: f"the server has run for {format_duration(float(str(miss.seen)))}",
    "chance": lambda _event, miss: f"{float(str(miss.seen)):.3f} was drawn",
    "state": lambda _event, miss: f'the state is "{miss.seen}"',
    "after": lambda event, _miss: f"{event.size or 0} octets have come",
}
