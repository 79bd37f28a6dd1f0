"""A pseudonymised log: nobody's name survives in it, and it can still be replayed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from maildrill.sender.fold import fold
from maildrill.sender.log_event import LogEvent
from maildrill.sender.pseudonyms import Pseudonyms
from maildrill.sender.review.lines import as_json
from maildrill.sender.review.located import Located, locate

_LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=6, max_size=9)
_LOCALS = st.one_of(
    _LETTERS,
    st.builds("{}.{}+{}".format, _LETTERS, _LETTERS, _LETTERS),
    st.builds('"{} {}>"'.format, _LETTERS, _LETTERS),
    st.builds("{}=ü'{}".format, _LETTERS, _LETTERS),
)
_DOMAINS = st.one_of(
    st.builds("{}.org".format, _LETTERS),
    st.builds("Mail.{}.co.uk".format, _LETTERS),
    st.builds("xn--{}-kva.de".format, _LETTERS),
    _LETTERS,  # a host of one's own network
    st.builds("[192.0.2.{}]".format, st.integers(100, 255)),
)
_ADDRESSES = st.builds("{}@{}".format, _LOCALS, _DOMAINS)
_STATES = ("deferred", "delivered", "failed", "unknown", "held")
_PLACES = (
    "{}",
    "<{}>: no such user",
    "said:{},",
    "to=<{}>",
    "({}) https://x.y.org/why?who={}&t=9a8b7c6d5e4f",
    "5.1.1 {} again {}",
)


@st.composite
def logs(draw: st.DrawFn) -> tuple[list[str], list[LogEvent]]:
    """Draw a log, and all names that are in it."""
    people = draw(st.lists(_ADDRESSES, min_size=1, max_size=4, unique_by=str.casefold))
    sender, host = draw(_ADDRESSES), draw(_DOMAINS)
    happened: list[tuple[str, dict[str, object]]] = [
        ("run.started", {"campaign": "secretname", "sender": sender, "relay": f"{host}:25", "mode": "merge"})
    ]
    for number, who in enumerate(people, 1):
        said = draw(st.sampled_from(_PLACES)).replace("{}", draw(st.sampled_from([who, who.upper(), sender, host])))
        happened += [
            ("recipient.queued", {"recipient": who, "row": number, "message_id": f"<7fa@{host}>"}),
            ("line", {"session": number, "mark": "<-", "text": f"220 {host} ESMTP"}),
            ("line", {"session": number, "mark": "->", "text": f"EHLO {host}"}),
            ("transaction.started", {"session": number, "transaction": 1, "recipients": [who]}),
            ("line", {"session": number, "mark": "->", "text": f"RCPT TO:<{who}>"}),
            ("line", {"session": number, "mark": "<**", "text": f"550 {said}"}),
            (
                "attempt",
                {
                    "session": number,
                    "transaction": 1,
                    "recipient": who,
                    "relay": f"{host}:25",
                    "state": draw(st.sampled_from(_STATES)),
                    "stage": "rcpt",
                    "response": {"code": 550, "content": said, "command": "RCPT TO"},
                    "detail": said,
                },
            ),
        ]
    events = [LogEvent(n, float(n), kind, fields) for n, (kind, fields) in enumerate(happened, 1)]
    domains = [one.rpartition("@")[2].strip("[]") for one in (*people, sender)]
    return [*people, sender, *domains, host.strip("[]"), "secretname", "9a8b7c6d5e4f"], events


def hidden(
    events: Iterable[LogEvent], key: bytes = b"k", hide: Callable[[bytes], Pseudonyms] = Pseudonyms
) -> list[LogEvent]:
    """Return the events under pseudonyms."""
    names = hide(key)
    return [names.of(one).event for one in locate(events)]


def surviving(names: Iterable[str], events: Iterable[LogEvent]) -> list[str]:
    """Return the names that can be read in a log, in whichever letter case, in any field."""
    text = "".join(json.dumps(json.loads(as_json(event)), ensure_ascii=False) for event in events).casefold()
    return [name for name in names if name.casefold() in text]


@settings(deadline=None)
@given(logs())
def test_no_name_survives(drawn: tuple[list[str], list[LogEvent]]) -> None:
    """No address, domain, host or token, in whichever letter case, in any field."""
    names, events = drawn

    assert surviving(names, hidden(events)) == []


@settings(deadline=None)
@given(logs())
def test_it_folds_to_the_same_states(drawn: tuple[list[str], list[LogEvent]]) -> None:
    """Each recipient is one pseudonym, everywhere, and stands where it stood."""
    _, events = drawn

    assert list(fold(hidden(events)).values()) == list(fold(events).values())


@settings(deadline=None)
@given(logs())
def test_one_key_gives_one_log(drawn: tuple[list[str], list[LogEvent]]) -> None:
    """Another gives another: without it nobody can look a name up."""
    _, events = drawn

    assert hidden(events) == hidden(events)
    assert fold(hidden(events)).keys() & fold(hidden(events, b"other")).keys() == set()


class ForgetsText(Pseudonyms):
    """Leaves what servers say as it is."""

    def text(self, text: str) -> str:
        return text


class LearnsNothing(Pseudonyms):
    """Knows only names that look like names."""

    def learn(self, one: Located) -> Located:
        return one


class KeepsDomains(Pseudonyms):
    """Hides people, not where they are."""

    def domain(self, domain: str) -> str:
        return domain


@pytest.mark.parametrize("defect", [ForgetsText, LearnsNothing, KeepsDomains])
def test_a_defect_lets_a_name_survive(defect: type[Pseudonyms]) -> None:
    """The property above finds each of them."""
    drawn = find(logs(), lambda log: surviving(log[0], hidden(log[1], hide=defect)) != [])

    assert surviving(drawn[0], hidden(drawn[1])) == []
