"""Expectations held against a journal: what is met, what is not, and what a person is told."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from maildrill.fakeserver.journal.expectations import Unmet, unmet
from maildrill.fakeserver.journal.journal import Closed, Entry, Journal, Message
from maildrill.fakeserver.language.count import Count
from maildrill.fakeserver.language.expectation import Expectation
from maildrill.fakeserver.text.script_file import read_script
from maildrill.smtp import Reply, Stage

OK = Reply.of("250 2.0.0 ok")
LATER = Reply.of("450 4.2.1 later")
NO = Reply.of("550 5.1.1 no such user")


class Tale:
    """A journal that is told what happened; times are seconds since the epoch."""

    def __init__(self) -> None:
        self.journal = Journal()

    def session(self, at: float, client: str = "192.0.2.1", until: float | None = None) -> int:
        number = self.journal.open_session(at, client).number
        if until is not None:
            self.journal.add(Entry(began=until, at=until, session=number, stage=Stage.QUIT, closed=Closed.CLIENT))
        return number

    def say(self, at: float, session: int, stage: str, reply: Reply | None = OK, **more: object) -> None:
        entry = Entry(began=at, at=at, session=session, stage=Stage(stage), reply=reply, **more)  # type: ignore[arg-type]
        self.journal.add(entry)

    def transaction(
        self,
        at: float,
        rcpts: dict[str, Reply],
        end: Reply | None = OK,
        sender: str = "news@shop.test",
        **message: object,
    ) -> int:
        """Go through a transaction in a session of its own, up to the dot if anybody was accepted."""
        session = self.session(at)
        self.say(at, session, "mail", address=sender, command=f"MAIL FROM:<{sender}>")
        for rcpt, reply in rcpts.items():
            self.say(at, session, "rcpt", reply, address=rcpt, command=f"RCPT TO:<{rcpt}>", rule="a rule")
        accepted = tuple(rcpt for rcpt, reply in rcpts.items() if reply.positive)
        if accepted:
            self.message(at, session, accepted, end, sender, **message)
        return session

    def message(
        self, at: float, session: int, rcpts: tuple[str, ...], end: Reply | None, sender: str, **said: object
    ) -> Message:
        content = f"Subject: {said.get('subject', 'hello')}\r\n\r\nHello.\r\n".encode()
        taken = bool(said.get("taken", end is not None and end.positive))
        message = Message(
            at=at,
            session=session,
            reverse_path=sender,
            recipients=rcpts,
            content=content,
            size=len(content),
            message_id="",
            committed=taken,
        )
        self.journal.receive(message)
        if end is not None:
            self.journal.answer(message, end)
        self.say(at, session, "dot", end, message=message)
        return message

    def unmet(self, expectation: str) -> tuple[Unmet, ...]:
        return unmet(read_script(f"[[expect]]\n{expectation}", "s.toml").expectations, self.journal)

    def told(self, expectation: str) -> list[str]:
        return [finding.what for finding in self.unmet(expectation)]


@pytest.fixture
def tale() -> Tale:
    """Ann is taken at once; bob at the third attempt; eve is lost; zoe is refused."""
    told = Tale()
    told.transaction(0, {"ann@x.test": OK, "zoe@x.test": NO})
    for at in (0, 600, 1200):
        told.transaction(at, {"bob@y.test": OK if at == 1200 else LATER}, sender="b@shop.test", subject="for bob")
    told.transaction(2000, {"eve@y.test": OK}, None, taken=True)
    return told


@pytest.mark.parametrize(
    "expectation",
    [
        'rcpt = "ann@x.test"\ncommitted = 1\nacknowledged = 1\nattempts = 1',
        'rcpt = "ANN@X.test"\ncommitted = 1',
        'domain = "y.test"\ncommitted = 1',
        'rcpt = "eve@*"\ncommitted = 1\nacknowledged = 0',
        'rcpt = "bob@*"\nattempts = 3\ngap = ">=10m"\nage = "<=20m"',
        'rcpt = "bob@*"\ngap = "5m..11m"',
        'rcpt = "ann@*"\ngap = ">=1h"',
        'rcpt = "nobody@x.test"\ncommitted = 0\nattempts = "<1"',
        'domain = "nowhere.test"\nattempts = 0',
        'from = "b@*"\ncommitted = "1"\nacknowledged = ">0"',
        'from = "b@*"\nrcpt = "ann@*"\ncommitted = 0\nattempts = 0',
        'from = "c@*"\ncommitted = 0',
        'subject = "for bob"\ncommitted = 1\nacknowledged = 1',
        'client = "192.0.2.1"\nrcpt = "bob@*"\nattempts = 3',
        'client = "198.51.100.*"\nrcpt = "bob@*"\nattempts = 0\ncommitted = 0',
        'subject = "for bob"\nmessages = 1',
        'subject = "*hello*"\nrcpt = "ann@*"\ncommitted = 1',
        "messages = 3",
        'rcpt = "!zoe@*"\nmessages = 3',
        "recipients = 4",
        'domain = "x.test"\nrecipients = 2',
        "sessions = 5",
        'rcpt = "bob@*"\nsessions = 3',
        'from = "b@*"\nsessions = 3',
        'client = "192.0.2.1"\nsessions = "5-"\nopen = ">=1"',
        'at = "rcpt"\ncount = 6',
        'at = ["rcpt", "mail"]\nfrom = "b@*"\ncount = 6',
        'at = "rcpt"\nreply = ["4*", "550 5.1.1*"]\ncount = 3',
        'at = "dot"\nreply = "250*"\ncount = 2',
        'at = "dot"\nsubject = "for bob"\ncount = 1',
        'rule = "a rule"\ncount = 6',
        'reply = "450*"\nrcpt = "bob@*"\ncount = 2',
        'at = "rcpt"\nrate = "3/1h"\nrcpt = "bob@*"',
        'at = "rcpt"\nrate = "1/10m"\nrcpt = "bob@*"',
    ],
)
def test_what_is_as_expected_is_met(expectation: str, tale: Tale) -> None:
    """Nothing is told."""
    assert tale.told(expectation) == []


@pytest.mark.parametrize(
    ("expectation", "told"),
    [
        ('rcpt = "ann@x.test"\ncommitted = 2', "s.toml:1: expected committed = 2 for <ann@x.test>, and there were 1"),
        ('rcpt = "eve@*"\nacknowledged = 1', "s.toml:1: expected acknowledged = 1 for <eve@y.test>, and there were 0"),
        ('rcpt = "bob@*"\nattempts = "1-2"', 's.toml:1: expected attempts = "1-2" for <bob@y.test>, and there were 3'),
        ('rcpt = "zoe@*"\ncommitted = "1-"', 's.toml:1: expected committed = "1-" for <zoe@x.test>, and there were 0'),
        (
            'rcpt = "nobody@x.test"\ncommitted = 1',
            "s.toml:1: expected committed = 1 for <nobody@x.test>, and there were 0",
        ),
        (
            'domain = "nowhere.test"\ncommitted = 1\nattempts = 0',
            "s.toml:1: expected committed = 1, attempts = 0, and nobody was named who fits",
        ),
        (
            'from = "b@*"\nrcpt = "ann@x.test"\ncommitted = 1',
            "s.toml:1: expected committed = 1 for <ann@x.test>, and there were 0",
        ),
        (
            'rcpt = "bob@*"\nage = "<10m"',
            's.toml:1: expected age = "<10m" for <bob@y.test>, and one came 10m after the first',
        ),
        ("messages = 4", "s.toml:1: expected messages = 4, and there were 3"),
        ('domain = "x.test"\nrecipients = 1', "s.toml:1: expected recipients = 1, and there were 2"),
        ('sessions = "<5"', 's.toml:1: expected sessions = "<5", and there were 5'),
        ('open = "<=1"', 's.toml:1: expected open = "<=1", and at most 5 were open'),
        ('at = "rcpt"\ncount = 0', 's.toml:1: expected count = 0 of at = "rcpt", and there were 6'),
        (
            'at = ["rcpt", "dot"]\nreply = "4*"\nrule = "!x"\ncount = 1',
            's.toml:1: expected count = 1 of at = ["rcpt", "dot"], reply = "4*", rule = "!x", and there were 2',
        ),
        (
            'at = "rcpt"\nrate = "2/1h"',
            's.toml:1: expected rate = "2/1h", and 3 came within 0s, from 1970-01-01T00:00:00.000Z on',
        ),
        (
            'name = "later"\nrcpt = "bob@*"\ncommitted = 0',
            's.toml:1 "later": expected committed = 0 for <bob@y.test>, and there were 1',
        ),
    ],
)
def test_what_is_not_as_expected_is_told(expectation: str, told: str, tale: Tale) -> None:
    """Where it stands, what was expected, for whom, and what there was."""
    assert told in tale.told(expectation)


def test_the_evidence_is_the_journals(tale: Tale) -> None:
    """The attempts, and the messages; for a gap the two attempts that are too near."""
    (committed,) = tale.unmet('rcpt = "eve@*"\ncommitted = 0')
    gaps = tale.unmet('rcpt = "bob@*"\ngap = ">10m"')

    assert str(committed) == (
        "s.toml:1: expected committed = 0 for <eve@y.test>, and there were 1\n"
        '  1970-01-01T00:33:20.000Z session=5 at=rcpt command="RCPT TO:<eve@y.test>" reply="250 2.0.0 ok"'
        ' rule="a rule"\n'
        "  1970-01-01T00:33:20.000Z message=3 session=5 from=<news@shop.test> rcpt=<eve@y.test>"
        ' subject="hello" size=26 committed'
    )
    assert [(gap.rcpt, gap.what.rpartition("and ")[2]) for gap in gaps] == [("bob@y.test", "one was 10m")] * 2
    assert [line.split(" ")[0] for line in gaps[1].evidence] == ["1970-01-01T00:10:00.000Z", "1970-01-01T00:20:00.000Z"]


def test_nobody_is_told_with_who_was_meant(tale: Tale) -> None:
    """An expectation of a domain that nobody wrote to has tested nothing."""
    (nobody,) = tale.unmet('domain = "nowhere.test"\nfrom = "news@*"\ngap = ">=5m"')
    (anybody,) = Tale().unmet("committed = 1")

    assert nobody.evidence == ('who fits: domain = "nowhere.test", from = "news@*"',)
    assert anybody.evidence == ("who fits: anybody",)


def test_long_evidence_is_cut() -> None:
    """Six lines, and how many more; ten recipients, and how many more."""
    tale = Tale()
    for number in range(12):
        tale.transaction(number, {f"user{number}@x.test": NO, "ann@x.test": LATER})
    (attempts,) = tale.unmet('rcpt = "ann@*"\nattempts = 1')
    everybody = tale.unmet('rcpt = "user*"\ncommitted = 1')

    assert attempts.evidence[-1] == "(and 6 more)"
    assert len(attempts.evidence) == 7
    assert len(everybody) == 11
    assert everybody[-1].what == "s.toml:1: and 2 more like these"


def test_most_open_counts_those_at_the_same_time() -> None:
    """Who goes at an instant makes room for who comes at it."""
    tale = Tale()
    for begin, end in ((0, 10), (5, 15), (10, 20), (30, None)):
        tale.session(begin, until=end)

    assert tale.told("open = 2") == []
    assert tale.unmet("open = 1")[0].evidence[0] == (
        "session=1 client=192.0.2.1 from 1970-01-01T00:00:00.000Z until 1970-01-01T00:00:10.000Z"
    )
    assert tale.unmet("open = 1")[0].evidence[-1].endswith("until open")


def test_what_is_known_at_an_event_is_asked() -> None:
    """From MAIL on the sender, from RCPT on the recipients accepted so far; nothing outside of a transaction."""
    tale = Tale()
    session = tale.session(0)
    steps: Sequence[tuple[str, Reply, dict[str, object]]] = [
        ("noop", OK, {}),
        ("rcpt", NO, {"address": "early@x.test"}),
        ("mail", NO, {"address": "refused@shop.test"}),
        ("noop", OK, {}),
        ("mail", OK, {"address": "news@shop.test"}),
        ("noop", OK, {}),
        ("rcpt", OK, {"address": "ann@x.test"}),
        ("rcpt", NO, {"address": "bob@x.test"}),
        ("noop", OK, {}),
        ("rset", NO, {}),
        ("noop", OK, {}),
        ("rset", OK, {}),
        ("noop", OK, {}),
        ("rcpt", NO, {}),
    ]
    for at, (stage, reply, more) in enumerate(steps):
        tale.say(at, session, stage, reply, **more)

    assert tale.told('at = "noop"\ncount = 6') == []
    assert tale.told('at = "noop"\nfrom = "news@*"\ncount = 3') == []
    assert tale.told('at = "noop"\nrcpt = "ann@*"\ncount = 2') == []
    assert tale.told('at = "noop"\nrcpt = "bob@*"\ncount = 0') == []
    assert tale.told('at = "mail"\nfrom = "refused@*"\ncount = 1') == []
    assert tale.told('at = "rcpt"\nfrom = "!nobody"\ncount = 2') == []
    assert tale.told('rcpt = "early@x.test"\nfrom = "*"\nattempts = 0') == []


def test_a_reply_that_was_not_said_fits_nothing() -> None:
    """Half of a reply is none."""
    tale = Tale()
    tale.say(0, tale.session(0), "noop", None, half=OK)

    assert tale.told('at = "noop"\nreply = "*"\ncount = 0') == []


def test_in_lmtp_a_message_ends_for_each_recipient() -> None:
    """Each reply at its end is about one of them (RFC 2033)."""
    tale = Tale()
    session = tale.session(0)
    message = tale.message(0, session, ("ann@x.test", "bob@x.test"), None, "news@shop.test", taken=True)
    for rcpt, reply in (("ann@x.test", OK), ("bob@x.test", LATER)):
        tale.say(1, session, "dot", reply, message=message, address=rcpt)

    assert tale.told('at = "dot"\nrcpt = "bob@*"\nreply = "450*"\ncount = 1') == []
    assert tale.told('at = "dot"\nrcpt = "ann@*"\nreply = "450*"\ncount = 0') == []


def test_a_subject_that_cannot_be_read_any_more_is_told() -> None:
    """Where a journal lets the octets go, nobody knows what a message was about."""
    tale = Tale()
    tale.journal = Journal(octets=0)
    tale.transaction(0, {"ann@x.test": OK})
    (messages,) = tale.unmet('subject = "hello"\nmessages = 1')
    (committed,) = tale.unmet('subject = "hello"\nrcpt = "ann@*"\ncommitted = 1')
    (count,) = tale.unmet('subject = "hello"\nat = "dot"\ncount = 1')

    assert {one.evidence[-1] for one in (messages, committed, count)} == {
        "(of 1 messages the octets were not kept: they have no subject)"
    }


def test_a_session_that_is_forgotten_has_no_client() -> None:
    """A journal that is bounded knows only the newest."""
    tale = Tale()
    tale.journal = Journal(keep=1)
    for at in (0, 10):
        tale.transaction(at, {"ann@x.test": OK})
        tale.say(at, tale.journal.sessions_opened, "quit", closed=Closed.CLIENT)

    assert tale.told('client = "192.0.2.1"\nat = "quit"\ncount = 1') == []
    assert tale.told('client = "192.0.2.1"\nrcpt = "ann@*"\ncommitted = "0-"') == []


def test_expectations_are_told_in_their_order(tale: Tale) -> None:
    """All that do not hold, and none that does."""
    script = read_script(
        "[[expect]]\nmessages = 9\n[[expect]]\nmessages = 3\n[[expect]]\nsessions = 9\nmessages = 8\nrecipients = 7",
        "s.toml",
    )
    found = unmet(script.expectations, tale.journal)

    assert [(one.expectation.name, one.what.split(" ")[2]) for one in found] == [
        ("s.toml:1", "messages"),
        ("s.toml:5", "messages"),
        ("s.toml:5", "recipients"),
        ("s.toml:5", "sessions"),
    ]


def test_an_expectation_made_in_python_is_called_by_its_name(tale: Tale) -> None:
    """It stands in no file."""
    (one,) = unmet([Expectation(name="no more", messages=Count("2"))], tale.journal)

    assert one.what == "no more: expected messages = 2, and there were 3"
