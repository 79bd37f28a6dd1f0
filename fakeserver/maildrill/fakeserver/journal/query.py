"""What is looked for in a journal: words into filters over entries and over messages.

Rule 1: the words are those of the script language where it has them, and patterns are its patterns.
Rule 2: values come as Python has them or as text (from a URL): `session=3` and `session="3"` are the same. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import TypedDict, TypeVar

from maildrill.fakeserver.journal.record import Closed, Entry, Message, Outcome
from maildrill.fakeserver.language.pattern import PATTERN_WORDS, Pattern, select
from maildrill.smtp import ConfigurationError, Stage, did_you_mean, domain_of, escape
from maildrill.smtp.stage import SERVED

_T = TypeVar("_T")
_Record = TypeVar("_Record", Entry, Message)
Filter = Callable[[_T], bool]
Texts = str | Sequence[str]


class EventWords(TypedDict, total=False):
    """What entries can be looked for by; all that are given must fit.

    stage, outcome, closed: one word or several of which one must fit. rcpt, domain: of whom RCPT named, or whom the
    message at its end was for. reverse_path (in text `from`). rule: its name. code: 550, "55*", "4yz". since, until:
    Unix seconds, or RFC 3339; since counts itself, until does not. Patterns are as in a script.
    """

    stage: Texts
    outcome: Texts
    closed: Texts
    rcpt: Texts
    domain: Texts
    reverse_path: Texts
    rule: Texts
    code: int | Texts
    session: int | str
    since: float | str
    until: float | str


class MessageWords(TypedDict, total=False):
    """What messages can be looked for by; all that are given must fit.

    rcpt, domain: any recipient. subject, body: decoded. message_id: with its angle brackets or without. since,
    until: when it came. committed, acknowledged: for anybody. All else as in EventWords.
    """

    rcpt: Texts
    domain: Texts
    reverse_path: Texts
    subject: Texts
    body: Texts
    message_id: Texts
    session: int | str
    committed: bool | str
    acknowledged: bool | str
    since: float | str
    until: float | str


def event_filter(words: Mapping[str, object]) -> Filter[Entry]:
    """Return whether an entry fits all words; raises ConfigurationError for what a word cannot be."""
    return _all(words, EVENT_WORDS)


def message_filter(words: Mapping[str, object]) -> Filter[Message]:
    """Return whether a message fits all words; raises ConfigurationError for what a word cannot be."""
    return _all(words, MESSAGE_WORDS)


def words_said(words: Mapping[str, object]) -> str:
    """Return the words as people read them: `rcpt = "ann@x.test", code = 550`."""
    return ", ".join(
        f'{_named(word)} = "{escape(value)}"' if isinstance(value, str) else f"{_named(word)} = {value}"
        for word, value in words.items()
    )


def _all(words: Mapping[str, object], table: Mapping[str, Callable[[str, object], Filter[_T]]]) -> Filter[_T]:
    filters = []
    for name, value in words.items():
        word = _named(name)
        if word not in table:
            raise ConfigurationError(
                f'nothing is looked for by "{escape(word)}"',
                expected="one of: " + " ".join(table),
                hint=did_you_mean(word, table),
            )
        filters.append(table[word](word, value))
    return lambda record: all(fits(record) for fits in filters)


def _named(word: str) -> str:
    return "from" if word == "reverse_path" else word  # `from` is no name in Python


def _texts(word: str, value: object, expected: str) -> tuple[str, ...]:
    values = [value] if isinstance(value, str | int) and not isinstance(value, bool) else value
    if not isinstance(values, Iterable) or not (texts := tuple(str(one) for one in values)):
        raise ConfigurationError(f"{word} is {escape(str(value))}", expected=expected)
    return texts


def _choice(
    kind: Callable[[str], _T], known: Sequence[str], of: Callable[[Entry], Iterable[_T | None]]
) -> _Maker[Entry]:
    """Return the maker of a filter by words of which there are so many."""

    def make(word: str, value: object) -> Filter[Entry]:
        expected = "one of: " + " ".join(known)
        wanted = set()
        for text in _texts(word, value, expected):
            if text not in known:
                raise ConfigurationError(
                    f'{word} is "{escape(text)}"', expected=expected, hint=did_you_mean(text, known)
                )
            wanted.add(kind(text))
        return lambda entry: any(one in wanted for one in of(entry))

    return make


def _pattern(of: Callable[[_Record], Iterable[str]]) -> _Maker[_Record]:
    """Return the maker of a filter by patterns, of which any must fit any of the texts that `of` gives."""

    def make(word: str, value: object) -> Filter[_Record]:
        texts = _texts(word, value, PATTERN_WORDS)
        try:
            patterns = tuple(map(Pattern, texts))
        except ValueError as error:
            raise ConfigurationError(f"{word}: {error}", expected=PATTERN_WORDS) from None
        return lambda record: any(one in texts or select(patterns, one) is not None for one in of(record))

    return make


def _code(word: str, value: object) -> Filter[Entry]:
    expected = 'a reply code: 550, "55*" or "4yz"'
    globs = tuple(text.translate(_ANY_DIGIT) for text in _texts(word, value, expected))
    if not all(len(glob) <= 3 and glob.strip("0123456789?*") == "" for glob in globs):
        raise ConfigurationError(f"{word} is {escape(str(value))}", expected=expected)
    patterns = tuple(map(Pattern, globs))
    return lambda entry: entry.reply is not None and select(patterns, str(entry.reply.code)) is not None


def _session(word: str, value: object) -> Filter[_Record]:
    try:
        number = int(str(value))
    except ValueError:
        raise ConfigurationError(f"{word} is {escape(str(value))}", expected="a session's number") from None
    return lambda record: record.session == number


def _flag(of: Callable[[Message], bool]) -> _Maker[Message]:
    def make(word: str, value: object) -> Filter[Message]:
        wanted = {"true": True, "false": False}.get(str(value).lower())
        if wanted is None:
            raise ConfigurationError(f"{word} is {escape(str(value))}", expected="true or false")
        return lambda message: of(message) is wanted

    return make


def _since(word: str, value: object) -> Filter[_Record]:
    moment = _moment(word, value)
    return lambda record: record.at >= moment


def _until(word: str, value: object) -> Filter[_Record]:
    moment = _moment(word, value)
    return lambda record: record.at < moment


def _moment(word: str, value: object) -> float:
    try:
        moment = float(str(value))
    except ValueError:
        try:
            read = datetime.fromisoformat(str(value))
            moment = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            moment = float("nan")
    if not isfinite(moment):
        raise ConfigurationError(
            f"{word} is {escape(str(value))}", expected="Unix seconds, or a time such as 2026-01-05T09:00:00Z"
        )
    return moment


def _about(entry: Entry) -> Iterable[str]:
    """Return whom an entry is about: whom RCPT named; at the end of a message one (LMTP) or all of its recipients."""
    if entry.address is not None and entry.stage is not Stage.MAIL:
        return (entry.address,)
    return entry.message.recipients if entry.message is not None else ()


def _sender(entry: Entry) -> Iterable[str]:
    if entry.message is not None:
        return (entry.message.reverse_path,)
    return (entry.address,) if entry.address is not None and entry.stage is Stage.MAIL else ()


def _domains(addresses: Iterable[str]) -> Iterable[str]:
    return map(domain_of, addresses)


def _outcomes(entry: Entry) -> Iterable[Outcome | None]:
    return (entry.outcome, Outcome.UNMATCHED) if entry.unmatched else (entry.outcome,)


def _ids(message: Message) -> Iterable[str]:
    return (message.message_id, message.message_id.strip("<>"))


_ANY_DIGIT = str.maketrans("xyzXYZ", "??????")
_Maker = Callable[[str, object], Filter[_T]]

EVENT_WORDS: dict[str, _Maker[Entry]] = {
    "stage": _choice(Stage, SERVED, lambda entry: (entry.stage,)),
    "outcome": _choice(Outcome, tuple(Outcome), _outcomes),
    "closed": _choice(Closed, tuple(Closed), lambda entry: (entry.closed,)),
    "rcpt": _pattern(_about),
    "domain": _pattern(lambda entry: _domains(_about(entry))),
    "from": _pattern(_sender),
    "rule": _pattern(lambda entry: (entry.rule,)),
    "code": _code,
    "session": _session,
    "since": _since,
    "until": _until,
}
MESSAGE_WORDS: dict[str, _Maker[Message]] = {
    "rcpt": _pattern(lambda message: message.recipients),
    "domain": _pattern(lambda message: _domains(message.recipients)),
    "from": _pattern(lambda message: (message.reverse_path,)),
    "subject": _pattern(lambda message: (message.subject,)),
    "body": _pattern(lambda message: (message.letter.body,)),
    "message_id": _pattern(_ids),
    "session": _session,
    "committed": _flag(lambda message: message.committed),
    "acknowledged": _flag(lambda message: message.acknowledged),
    "since": _since,
    "until": _until,
}
