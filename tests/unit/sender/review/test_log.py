"""Whose a line is, which events are meant, what a line looks like, when a moment is."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from maildrill.sender.log_event import LogEvent
from maildrill.sender.review.lines import Form, as_line
from maildrill.sender.review.located import locate
from maildrill.sender.review.moment import parse_moment
from maildrill.sender.review.selection import Selection, address_pattern, code_prefix
from maildrill.smtp import Stage

NOON = 1767614400.0


def told(*happened: tuple[str, dict[str, object]]) -> list[LogEvent]:
    """Return a log of these kinds and fields, one a second from noon on."""
    return [LogEvent(n, NOON + n, kind, fields) for n, (kind, fields) in enumerate(happened, 1)]


def line(mark: str, text: str, session: int = 1) -> tuple[str, dict[str, object]]:
    return "line", {"session": session, "mark": mark, "text": text}


BATCH = ["ann@x", "bob@x"]
DIALOGUE = told(
    ("run.started", {"relay": "mx:25"}),
    line("<-", "220-mx"),
    line("<-", "220 mx"),
    line("->", "EHLO me"),
    line("<-", "250-mx"),
    line("<-", "250 SIZE"),
    ("session.opened", {"session": 1}),
    ("transaction.started", {"session": 1, "transaction": 1, "recipients": BATCH}),
    line("->", "MAIL FROM:<us@x>"),
    line("->", "RCPT TO:<ann@x>"),
    line("->", "RCPT TO:<bob@x> NOTIFY=NEVER"),
    line("->", "DATA"),
    line("<-", "250 ok"),
    line("<-", "250 ann"),
    line("<**", "550-bob is"),
    line("<**", "550 unknown"),
    line("<-", "354 go"),
    line("===", "9 octets of message, blake2b ab"),
    line("===", "something odd"),
    line("->", "."),
    line("<-", "250 taken"),
    ("attempt", {"session": 1, "transaction": 1, "recipient": "bob@x", "stage": "rcpt", "response": {"code": 550}}),
    ("attempt", {"session": 1, "transaction": 1, "recipient": "ann@x", "stage": "dot", "response": {"code": 250}}),
    line("<**", "421 closing"),
    line("->", "QUIT"),
    ("session.closed", {"session": 1}),
)


def test_each_line_has_its_stage_and_its_recipients() -> None:
    """Pipelined commands are answered in order; continued replies belong to one command."""
    lines = [one for one in locate(DIALOGUE) if one.event.kind == "line"]
    whose = [(one.stage, "".join(name[0] for name in one.recipients)) for one in lines]

    assert whose == [
        *((Stage.BANNER, ""), (Stage.BANNER, ""), (Stage.EHLO, ""), (Stage.EHLO, ""), (Stage.EHLO, "")),
        *((Stage.MAIL, "ab"), (Stage.RCPT, "a"), (Stage.RCPT, "b"), (Stage.DATA, "ab")),
        *((Stage.MAIL, "ab"), (Stage.RCPT, "a"), (Stage.RCPT, "b"), (Stage.RCPT, "b"), (Stage.DATA, "ab")),
        *((Stage.BODY, "ab"), (None, "ab"), (Stage.DOT, "ab"), (Stage.DOT, "ab")),
        *((Stage.IDLE, ""), (Stage.QUIT, "")),
    ]
    assert [one.transaction for one in lines] == [None] * 5 + [1] * 13 + [None] * 2


def test_what_a_client_says_in_auth_is_a_step() -> None:
    """A redacted line answers a challenge; a RCPT that is not in the transaction is everybody's."""
    log = told(
        line("->", "AUTH LOGIN"),
        line("<-", "334 VXNlcm5hbWU6"),
        line("->", "<redacted>"),
        line("<-", "235 ok"),
        ("transaction.started", {"session": 1, "transaction": 1, "recipients": ["a@x"]}),
        line("->", "RCPT TO"),
    )

    found = list(locate(log))
    assert [one.stage for one in found[:4]] == [Stage.AUTH, Stage.AUTH, Stage.AUTH_STEP, Stage.AUTH_STEP]
    assert found[5].recipients == ("a@x",)


def test_rows_that_are_set_aside_belong_to_the_run_that_begins() -> None:
    """They are told before it; an outcome of a session that the log does not know has its place from itself."""
    log = told(
        ("recipient.set_aside", {"row": 1}),
        ("run.started", {}),
        ("attempt", {"session": 9, "recipient": "a@x", "stage": "connect"}),
        line("->", "EHLO me"),
        ("recipient.set_aside", {"row": 2}),
        ("transaction.intent", {"session": 1, "transaction": 1, "recipients": ("a@x",)}),
    )
    found = list(locate(log))

    assert [one.run for one in found] == [1, 1, 1, 1, 1, 1]
    assert (found[2].recipients, found[2].stage, found[5].recipients) == (("a@x",), Stage.CONNECT, ("a@x",))


def numbers(selection: Selection, log: Iterable[LogEvent] = DIALOGUE) -> list[int]:
    return [one.event.number for one in selection.of(locate(log))]


def test_one_of_a_batch_has_its_own_lines() -> None:
    """What was said to all in the transaction, and what was said to it."""
    bob = Selection(recipients=(address_pattern("bob@x"),))

    assert numbers(bob) == [8, 9, 11, 12, 13, 15, 16, 17, 18, 19, 20, 21, 22]
    assert numbers(Selection()) == list(range(1, 27))
    assert (Selection().everything, bob.everything) == (True, False)


def test_a_set_up_belongs_to_those_for_whom_no_session_came_about() -> None:
    """To nobody else, and not beyond its run."""
    refused = (line("<**", "554 no", 2), ("session.refused", {"session": 2, "stage": "banner"}))
    tried = ("attempt", {"session": 2, "recipient": "a@x", "stage": "banner", "response": {"code": 554}})
    lost = told(*refused, ("run.started", {}), tried)

    assert numbers(Selection(recipients=(address_pattern("@x"),)), told(*refused, tried)) == [1, 2, 3]
    assert numbers(Selection(recipients=(address_pattern("b@x"),)), told(*refused, tried)) == []
    assert numbers(Selection(recipients=(address_pattern("a@x"),)), lost) == [4]


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (Selection(codes=("55",)), [15, 16, 22]),
        (Selection(codes=("250",), stages=frozenset({Stage.DOT})), [21, 23]),
        (Selection(since=NOON + 25, until=NOON + 25), [25]),
        (Selection(sessions=frozenset({2})), []),
        (Selection(runs=frozenset({2})), []),
    ],
)
def test_all_that_is_said_must_hold(selection: Selection, found: list[int]) -> None:
    """Codes, stages, times, sessions, runs."""
    assert numbers(selection) == found


def test_codes_and_addresses_are_patterns() -> None:
    """Brackets of an address literal are letters; what is no code says what one is."""
    assert [code_prefix(text) for text in ("450", "45*", "4XX", "5")] == ["450", "45", "4", "5"]
    for wrong in ("650", "4500", "4x5", "x", "", "45**"):
        with pytest.raises(ValueError, match="a reply code or its beginning"):
            code_prefix(wrong)
    assert address_pattern("A@[::1]").match("a@[::1]")
    assert not address_pattern("ann@x").match("joann@x")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2h", NOON - 7200),
        ("30m ago", NOON - 1800),
        ("09:30", NOON - 9000),
        ("2026-01-05", NOON - 43200),
        ("2026-01-05T13:00:00+01:00", NOON),
        ("2026-01-05T12:00:01Z", NOON + 1),
    ],
)
def test_moments_are_as_people_write_them(text: str, at: float) -> None:
    """A duration is so long ago; without a zone it is UTC."""
    assert parse_moment(text, NOON) == at


@pytest.mark.parametrize("text", ["", "noon", "25:00", "2026-13-01"])
def test_what_is_no_moment_says_what_one_is(text: str) -> None:
    """ValueError."""
    with pytest.raises(ValueError, match="a moment such as 2h"):
        parse_moment(text, NOON)


def test_only_outcomes_are_postfix_lines() -> None:
    """Dialogue has none there; JSON keeps what it does not know."""
    moon = LogEvent(1, 0.0, "moon.rose", {"phase": "full"})

    assert [as_line(moon, form) for form in Form] == [
        "",
        '{"v":1,"n":1,"at":0.0,"kind":"moon.rose","phase":"full"}\n',
        "",
    ]
