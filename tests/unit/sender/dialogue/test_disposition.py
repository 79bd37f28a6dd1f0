from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from maildrill.sender.attempt import Broken, Fault, Ruling, Scope, Transaction, Verdict
from maildrill.sender.disposition import TABLE, judge, judge_setup, learned_limit
from maildrill.sender.disposition_row import Row, rows_at
from maildrill.sender.disposition_table import ROWS, find, markdown
from maildrill.smtp import Reply, Stage

PAGE = Path(__file__).parents[4] / "docs" / "dispositions.md"
OK, GO = Reply(250), Reply(354)
FULL, MANY = Reply.of("452 4.2.2 full"), Reply.of("452 4.5.3 too many")
ENOUGH = Reply(421, ("4.5.3 too many",))
ANN, BEN, CID = "ann@x.test", "ben@x.test", "cid@x.test"


def heard(*rcpt: Reply | None, **rest: Any) -> Transaction:
    """A transaction with so many recipients whose MAIL was accepted, unless `rest` has another reply."""
    recipients = (ANN, BEN, CID)[: len(rcpt)]
    return Transaction(recipients=recipients, rcpt=rcpt, **{"mail": OK, **rest})


def unasked(broken: Broken, *, recipients: tuple[str, ...] = (ANN,)) -> Transaction:
    """A transaction in which nothing was answered."""
    return Transaction(recipients=recipients, rcpt=(None,) * len(recipients), broken=broken)


def lost(stage: Stage, fault: Fault = Fault.EOF) -> Broken:
    return Broken(stage, fault, None, "cut")


TWO = (ANN, "bén@x.test")

# For each row the transactions (and the recipients that had their free try) whose first recipient it decides.
EXAMPLES: dict[str, list[tuple[Transaction, tuple[str, ...]]]] = {
    "idle-lost": [
        (unasked(Broken(Stage.IDLE, None, Reply(421))), ()),
        (unasked(lost(Stage.IDLE)), ()),
        (unasked(Broken(Stage.IDLE, Fault.UNSOLICITED, OK)), ()),
        (unasked(Broken(Stage.IDLE, None, None)), ()),
        (Transaction(recipients=(ANN,), rcpt=(None,)), ()),
    ],
    "stopped": [
        (unasked(lost(Stage.MAIL, Fault.STOPPED)), ()),
        (heard(OK, broken=lost(Stage.DATA, Fault.STOPPED)), ()),
    ],
    "local-size": [(unasked(lost(Stage.MAIL, Fault.TOO_BIG)), ())],
    "local-8bitmime": [(unasked(lost(Stage.MAIL, Fault.NO_8BITMIME)), ())],
    "local-smtputf8": [(unasked(lost(Stage.MAIL, Fault.NO_SMTPUTF8), recipients=TWO[::-1]), ())],
    "local-smtputf8-others": [(unasked(lost(Stage.MAIL, Fault.NO_SMTPUTF8), recipients=TWO), ())],
    "local-smtputf8-sender": [(unasked(lost(Stage.MAIL, Fault.NO_SMTPUTF8), recipients=(ANN, BEN)), ())],
    "local-untold": [
        (unasked(lost(Stage.MAIL, Fault.NO_EHLO), recipients=TWO[::-1]), ()),
        (unasked(lost(Stage.MAIL, Fault.NO_EHLO), recipients=(ANN, BEN)), ()),
    ],
    "mail-421": [(heard(None, mail=Reply(421), broken=Broken(Stage.MAIL, None, Reply(421))), ())],
    "mail-530": [(heard(None, mail=Reply(530)), ())],
    "mail-too-many": [(heard(None, mail=Reply.of(f"{code} 4.5.3 enough")), ()) for code in (450, 451, 452)],
    "mail-out-of-step": [(heard(None, mail=Reply(code)), ()) for code in (500, 503, 354)],
    "mail-4yz": [(heard(None, mail=Reply(code)), ()) for code in (450, 451, 452, 499)],
    "mail-552": [(heard(None, mail=Reply(552)), ())],
    "mail-5yz": [(heard(None, mail=Reply(code)), ()) for code in (501, 550, 553, 555)],
    "mail-lost": [(unasked(lost(Stage.MAIL, fault)), ()) for fault in (Fault.EOF, Fault.TIMEOUT, Fault.GARBAGE)],
    "rcpt-too-many": [(heard(MANY, OK, data=GO, dot=OK), ()), (heard(Reply.of("550 5.5.3 no more")), (BEN,))],
    "rcpt-too-many-again": [(heard(MANY), (ANN,))],
    "rcpt-421": [
        (heard(Reply(421), None, broken=Broken(Stage.RCPT, None, Reply(421))), ()),
        (heard(ENOUGH, broken=Broken(Stage.RCPT, None, ENOUGH)), ()),
    ],
    "rcpt-530": [(heard(Reply(530)), ())],
    "rcpt-out-of-step": [
        (heard(Reply(code, text), broken=Broken(Stage.RCPT, Fault.OUT_OF_STEP)), ())
        for code in (500, 503)
        for text in ((), ("5.5.3 too many",))
    ],
    "rcpt-4yz": [(heard(reply), ()) for reply in (Reply(450), Reply(452), FULL)],
    "rcpt-5yz": [(heard(Reply(code)), ()) for code in (550, 551, 552, 556, 599)],
    "rcpt-lost": [(heard(None, broken=lost(stage)), ()) for stage in (Stage.RCPT, Stage.IDLE)],
    "rcpt-undecided": [
        (heard(OK, Reply(421), broken=Broken(Stage.RCPT, None, Reply(421))), ()),
        (heard(OK, None, broken=lost(Stage.RCPT, Fault.TIMEOUT)), ()),
        (heard(OK, Reply(503), broken=Broken(Stage.RCPT, Fault.OUT_OF_STEP, Reply(503))), ()),
        (heard(None, broken=Broken(Stage.IDLE, None, Reply(421))), ()),
    ],
    "data-too-many": [(heard(OK, MANY, data=Reply.of(reply)), (BEN,)) for reply in ("503", "554 no", "554 5.5.1 no")],
    "data-too-many-again": [(heard(OK, MANY, data=Reply(503)), (ANN,))],
    "data-out-of-step": [(heard(OK, data=Reply.of(reply)), ()) for reply in ("503", "250", "554 5.5.1 no")],
    "data-421": [
        (heard(OK, data=Reply(421), broken=Broken(Stage.DATA, None, Reply(421))), ()),
        (heard(OK, broken=Broken(Stage.IDLE, None, Reply(421))), ()),
    ],
    "data-530": [(heard(OK, data=Reply(530)), ())],
    "data-4yz": [(heard(OK, data=Reply(451)), ())],
    "data-5yz": [(heard(OK, data=Reply.of(reply)), ()) for reply in ("554", "554 5.7.1 no", "550 5.7.1 no")],
    "data-lost": [(heard(OK, broken=lost(stage)), ()) for stage in (Stage.DATA, Stage.IDLE)],
    "body-421": [(heard(OK, data=GO, early=Reply(421), broken=Broken(Stage.BODY, None, Reply(421))), ())],
    "body-4yz": [(heard(OK, data=GO, early=Reply(452)), ())],
    "body-5yz": [(heard(OK, data=GO, early=Reply(552)), ())],
    "body-out-of-step": [(heard(OK, data=GO, early=Reply(code)), ()) for code in (250, 354)],
    "body-lost": [(heard(OK, data=GO, broken=lost(Stage.BODY, fault)), ()) for fault in (Fault.RESET, Fault.TIMEOUT)],
    "dot-2yz": [(heard(OK, data=GO, dot=Reply(code), dot_sent=True), ()) for code in (250, 251, 252, 299)],
    "dot-3yz": [(heard(OK, data=GO, dot=GO, dot_sent=True, broken=Broken(Stage.DOT, Fault.OUT_OF_STEP, GO)), ())],
    "dot-4yz": [(heard(OK, data=GO, dot=Reply(code), dot_sent=True), ()) for code in (421, 450, 452)],
    "dot-5yz": [(heard(OK, data=GO, dot=Reply(code), dot_sent=True), ()) for code in (550, 552, 503)],
    "dot-lost": [
        (heard(OK, data=GO, dot_sent=True, broken=lost(Stage.DOT, fault)), ())
        for fault in (Fault.EOF, Fault.RESET, Fault.TIMEOUT, Fault.GARBAGE)
    ],
    "out-of-step": [
        (heard(OK, Reply(550), data=OK, broken=Broken(Stage.IDLE, Fault.UNSOLICITED, OK)), ()),
        (heard(Reply(550), broken=Broken(Stage.RSET, Fault.UNSOLICITED, GO)), ()),
    ],
}
LOOK_UPS: dict[str, list[Broken]] = {
    "dns-nxdomain": [Broken(Stage.DNS, Fault.NXDOMAIN)],
    "dns-null-mx": [Broken(Stage.DNS, Fault.NULL_MX)],
    "dns-no-host": [Broken(Stage.DNS, Fault.NO_HOST)],
    "dns-loop": [Broken(Stage.DNS, Fault.LOOP)],
    "dns-trouble": [Broken(Stage.DNS, Fault.SERVFAIL), Broken(Stage.DNS, Fault.TIMEOUT), Broken(Stage.DNS)],
    "dns-unusable": [Broken(Stage.DNS, Fault.UNUSABLE)],
}
SETUPS: dict[str, list[Broken]] = {
    "connect-failed": [Broken(Stage.CONNECT, Fault.REFUSED), Broken(Stage.CONNECT, Fault.TIMEOUT)],
    "banner-521": [Broken(Stage.BANNER, None, Reply(521))],
    "banner-4yz": [Broken(Stage.BANNER, None, Reply(code)) for code in (421, 450)],
    "banner-5yz": [Broken(Stage.BANNER, None, Reply(code)) for code in (554, 550)],
    "banner-lost": [
        Broken(Stage.BANNER, Fault.EOF),
        Broken(Stage.BANNER, None, GO),
        Broken(Stage.BANNER, Fault.GARBAGE, Reply(421)),
        Broken(Stage.BANNER),
    ],
    "ehlo-4yz": [Broken(Stage.EHLO, None, Reply(code)) for code in (421, 451)],
    "ehlo-lost": [Broken(Stage.EHLO, Fault.GARBAGE), Broken(Stage.EHLO, None, GO)],
    "helo-refused": [Broken(Stage.HELO, None, Reply(code)) for code in (421, 550)],
    "helo-lost": [Broken(Stage.HELO, Fault.TIMEOUT)],
    "starttls-missing": [Broken(Stage.STARTTLS, Fault.NO_TLS)],
    "starttls-policy": [Broken(Stage.STARTTLS, Fault.POLICY), Broken(Stage.STARTTLS, Fault.POLICY, Reply(502))],
    "starttls-4yz": [Broken(Stage.STARTTLS, None, Reply(code)) for code in (421, 454)],
    "starttls-5yz": [Broken(Stage.STARTTLS, None, Reply(code)) for code in (501, 502, 554)],
    "starttls-lost": [Broken(Stage.STARTTLS, Fault.EOF), Broken(Stage.STARTTLS, None, GO)],
    "tls-certificate": [Broken(Stage.TLS, Fault.CERTIFICATE)],
    "tls-policy": [Broken(Stage.TLS, Fault.POLICY)],
    "tls-failed": [Broken(Stage.TLS, Fault.HANDSHAKE)],
    "tls-lost": [Broken(Stage.TLS, Fault.TIMEOUT), Broken(Stage.TLS, Fault.RESET)],
    "auth-in-clear": [Broken(Stage.AUTH, Fault.IN_CLEAR)],
    "auth-missing": [Broken(Stage.AUTH, Fault.NO_AUTH), Broken(Stage.AUTH, Fault.NO_AUTH, Reply(501))],
    "auth-secret": [Broken(Stage.AUTH, Fault.NO_SECRET)],
    "auth-impostor": [Broken(Stage.AUTH, Fault.IMPOSTOR, Reply(235))],
    "auth-4yz": [Broken(Stage.AUTH, None, Reply(code)) for code in (421, 432, 454)],
    "auth-5yz": [Broken(Stage.AUTH, None, Reply(code)) for code in (530, 534, 535, 538, 504)],
    "auth-lost": [Broken(Stage.AUTH, Fault.EOF), Broken(Stage.AUTH, Fault.OUT_OF_STEP, GO)],
    "idle-lost": [Broken(Stage.IDLE, None, Reply(421)), Broken(Stage.IDLE, Fault.UNSOLICITED, OK)],
    "stopped": [Broken(Stage.CONNECT, Fault.STOPPED)],
}


def test_every_row_of_the_table_has_an_example() -> None:
    """A row that nothing reaches is not a rule."""
    by_configuration = {"dns-unusable-final", "banner-521-mx"}  # each has a test of its own

    assert EXAMPLES.keys() | SETUPS.keys() | LOOK_UPS.keys() | by_configuration == ROWS.keys()


@pytest.mark.parametrize(("row", "tx", "free"), [(row, tx, free) for row in EXAMPLES for tx, free in EXAMPLES[row]])
def test_the_row_decides(row: str, tx: Transaction, free: tuple[str, ...]) -> None:
    """Reply, fault and what else was heard lead to one row, and the ruling is that row's."""
    ruling = judge(tx, free=free)[0]
    found = ROWS[row]

    assert (ruling.row, ruling.verdict, ruling.scope, ruling.again) == (row, found.verdict, found.scope, found.again)


def said_at(tx: Transaction) -> dict[Stage, Reply | None]:
    """What the first recipient was told, by stage; what ended the session has the last word."""
    said = {
        Stage.MAIL: tx.mail,
        Stage.RCPT: tx.rcpt[0],
        Stage.DATA: tx.data,
        Stage.BODY: tx.early,
        Stage.DOT: tx.dot,
        Stage.BDAT: tx.bdat or tx.dot,
    }
    return {**said, tx.broken.stage: tx.broken.reply} if tx.broken and tx.broken.reply else said


def rests_on_what_was_heard(tx: Transaction, first: Ruling) -> bool:
    """Whether the first ruling has for its evidence the reply of its stage, or the fault that ended the session."""
    if first.fault is not None:
        return first.fault == (tx.broken.fault if tx.broken else Fault.EOF)
    return first.reply == said_at(tx).get(first.stage)


@pytest.mark.parametrize(("tx", "free"), [one for row in EXAMPLES for one in EXAMPLES[row]])
def test_the_reply_that_decided_is_the_evidence(tx: Transaction, free: tuple[str, ...]) -> None:
    """At the stage where it was said; a fault stands for itself."""
    assert rests_on_what_was_heard(tx, judge(tx, free=free)[0])


@pytest.mark.parametrize(("row", "broken"), [(row, broken) for row in SETUPS for broken in SETUPS[row]])
def test_a_session_that_did_not_come_about_is_about_the_host(row: str, broken: Broken) -> None:
    """Nobody is failed, and nobody's attempt is counted, for what the host did."""
    rulings = judge_setup(broken, (ANN, BEN))

    assert [ruling.recipient for ruling in rulings] == [ANN, BEN]
    assert {ruling.row for ruling in rulings} == {row}
    assert {ruling.scope for ruling in rulings} == {Scope.HOST}
    assert not any(ruling.counted for ruling in rulings)


@pytest.mark.parametrize(("row", "broken"), [(row, broken) for row in LOOK_UPS for broken in LOOK_UPS[row]])
def test_what_the_dns_says_is_about_the_recipients(row: str, broken: Broken) -> None:
    """What it says for good fails them, what it could not say now defers them; each try is counted."""
    rulings = judge_setup(broken, (ANN, BEN), direct=True)

    assert {(ruling.row, ruling.stage, ruling.counted) for ruling in rulings} == {(row, Stage.DNS, True)}
    assert {ruling.verdict for ruling in rulings} == {ROWS[row].verdict}


def test_a_domain_without_a_usable_mx_fails_where_the_campaign_says_so() -> None:
    """Deferred by default; nothing else that the DNS says is changed by it."""
    unusable, trouble = (
        judge_setup(Broken(Stage.DNS, fault), (ANN,), direct=True, unusable_fails=True)[0].row
        for fault in (Fault.UNUSABLE, Fault.SERVFAIL)
    )

    assert (unusable, trouble) == ("dns-unusable-final", "dns-trouble")


def test_521_from_the_domains_own_host_is_final() -> None:
    """The domain's host takes no mail at all (RFC 7504); another refusal of it is the host's trouble of the day."""
    never, not_now = (
        judge_setup(Broken(Stage.BANNER, None, Reply(code)), (ANN,), direct=True)[0] for code in (521, 554)
    )

    assert (never.row, never.verdict, not_now.row) == ("banner-521-mx", Verdict.FAILED, "banner-5yz")


def test_what_is_not_even_tried_is_ruled_for_each_by_name() -> None:
    """From the server's own offers, before anything is said."""
    for fault in (Fault.TOO_BIG, Fault.NO_8BITMIME, Fault.NO_SMTPUTF8, Fault.NO_EHLO):
        rulings = judge(unasked(lost(Stage.MAIL, fault), recipients=TWO))

        assert [(ruling.recipient, ruling.fault) for ruling in rulings] == [(TWO[0], fault), (TWO[1], fault)]


def test_who_was_accepted_before_the_line_dropped_is_undecided_where_it_dropped() -> None:
    """Not at RCPT, which was answered: the session ended while nothing was asked."""
    accepted, asked = judge(heard(OK, None, broken=lost(Stage.IDLE)))

    assert (accepted.row, accepted.stage) == ("rcpt-undecided", Stage.IDLE)
    assert (asked.row, asked.stage) == ("rcpt-lost", Stage.RCPT)


def test_what_rcpt_was_told_survives_what_data_and_the_dot_say() -> None:
    """A 550 stays final and a 450 stays a deferral when the message fails for the others (invariant I7)."""
    for rest in (
        {"data": Reply(451)},
        {"data": GO, "dot": Reply(554), "dot_sent": True},
        {"data": GO, "dot_sent": True},
    ):
        _, ben, cid = judge(heard(OK, Reply(550), Reply(450), **rest))

        assert (ben.row, cid.row) == ("rcpt-5yz", "rcpt-4yz")


CHUNK = {"chunked": True}
LAST = {"chunked": True, "dot_sent": True}


@pytest.mark.parametrize(
    ("row", "tx"),
    [
        ("dot-2yz", heard(OK, dot=OK, **LAST)),
        ("dot-3yz", heard(OK, dot=GO, **LAST)),
        ("dot-4yz", heard(OK, dot=Reply(421), **LAST)),
        ("dot-5yz", heard(OK, dot=Reply(554), **LAST)),
        ("dot-5yz", heard(OK, dot=Reply(552), **LAST)),
        ("dot-lost", heard(OK, broken=lost(Stage.BDAT), **LAST)),
        ("data-out-of-step", heard(OK, dot=Reply(503), **LAST)),
        ("data-out-of-step", heard(OK, dot=Reply.of("554 5.5.1 no valid recipients"), **LAST)),
        ("data-530", heard(OK, dot=Reply(530), **LAST)),
        ("data-too-many", heard(OK, MANY, dot=Reply(554), **LAST)),
        ("data-too-many", heard(OK, MANY, bdat=Reply(503), **CHUNK)),
        ("data-out-of-step", heard(OK, bdat=Reply(503), **CHUNK)),
        ("data-out-of-step", heard(OK, bdat=GO, broken=lost(Stage.BDAT, Fault.OUT_OF_STEP), **CHUNK)),
        ("data-530", heard(OK, bdat=Reply(530), **CHUNK)),
        ("data-421", heard(OK, bdat=Reply(421), broken=Broken(Stage.BDAT, None, Reply(421)), **CHUNK)),
        ("data-4yz", heard(OK, bdat=Reply(452), **CHUNK)),
        ("data-5yz", heard(OK, bdat=Reply(552), **CHUNK)),
        ("body-lost", heard(OK, broken=lost(Stage.BDAT), **CHUNK)),
    ],
)
def test_a_message_by_bdat_has_the_rows_of_data_and_the_dot(row: str, tx: Transaction) -> None:
    """A chunk before the last is DATA, the last one the dot (RFC 3030 section 2); the stage says that it was BDAT."""
    first = judge(tx)[0]

    assert (first.row, first.stage) == (row, Stage.BDAT)
    assert rests_on_what_was_heard(tx, first)


def test_a_batch_refused_by_bdat_teaches_a_limit() -> None:
    """Half of it next time, as when DATA refuses it."""
    assert learned_limit(heard(OK, OK, MANY, bdat=Reply(503), **CHUNK)) == 1
    assert learned_limit(heard(OK, OK, MANY, dot=Reply(503), **LAST)) == 1
    assert learned_limit(heard(OK, OK, MANY, dot=OK, **LAST)) == 2


def test_a_refused_batch_is_halved() -> None:
    """Half of what was asked, where more had been accepted."""
    recipients = tuple(f"r{n}@x.test" for n in range(9))
    refused = Transaction(recipients=recipients, mail=OK, rcpt=(*(OK,) * 8, MANY), data=Reply(503))

    assert learned_limit(refused) == 4


def test_nobody_is_delivered_whose_rcpt_was_refused() -> None:
    """A 250 to the dot is not about recipients that were refused (invariant I8)."""
    (ruling,) = judge(heard(Reply(450), data=GO, dot=OK, dot_sent=True))

    assert ruling.verdict is Verdict.DEFERRED


def test_a_ruling_carries_its_evidence() -> None:
    """The stage, the reply that decided, or the fault in its place."""
    said, torn = judge(heard(Reply(550), None, broken=lost(Stage.IDLE, Fault.RESET)))
    refused = Ruling(
        recipient=ANN, verdict=Verdict.FAILED, scope=Scope.RECIPIENT, stage=Stage.RCPT, row="rcpt-5yz", reply=Reply(550)
    )

    assert said == refused
    assert (torn.stage, torn.fault, torn.reply, torn.detail) == (Stage.RCPT, Fault.RESET, None, "cut")


@pytest.mark.parametrize(
    ("replies", "told"),
    [
        (["250", "452"], ["dot-2yz", "rcpt-too-many"]),
        (["250", "552"], ["dot-2yz", "rcpt-too-many"]),
        (["452", "250"], ["rcpt-4yz", "dot-2yz"]),
        (["552", "250"], ["rcpt-5yz", "dot-2yz"]),
        (["250", "452 4.2.2 full"], ["dot-2yz", "rcpt-4yz"]),
        (["250", "552 5.2.2 full"], ["dot-2yz", "rcpt-5yz"]),
        (["250", "452 4.3.1 no space"], ["dot-2yz", "rcpt-4yz"]),
        (["250", "552 5.3.4 too big"], ["dot-2yz", "rcpt-5yz"]),
        (["250", "452 5.5.3 no more"], ["dot-2yz", "rcpt-too-many"]),
        (["450 4.5.3 no more", "250"], ["rcpt-too-many", "dot-2yz"]),
        (["250", "252"], ["dot-2yz", "dot-2yz"]),
    ],
)
def test_452_and_552_mean_too_many_or_a_full_mailbox(replies: list[str], told: list[str]) -> None:
    """The enhanced code tells, or without one whether somebody had been accepted before."""
    rulings = judge(heard(*map(Reply.of, replies), data=GO, dot=OK, dot_sent=True))

    assert [ruling.row for ruling in rulings] == told


@pytest.mark.parametrize(
    ("tx", "limit"),
    [
        (heard(OK, OK, OK), None),
        (heard(OK, OK, MANY), 2),
        (heard(OK, OK, FULL), None),
        (heard(MANY, MANY), None),
        (heard(OK, OK, MANY, data=Reply(503)), 1),
        (heard(OK, MANY, data=Reply(503)), 1),
        (heard(OK, OK, MANY, data=Reply(451)), 2),
        (heard(OK, OK, None, broken=lost(Stage.RCPT)), None),
    ],
)
def test_a_limit_is_learned_from_too_many_alone(tx: Transaction, limit: int | None) -> None:
    """As many as were accepted; half of them where DATA was then refused for them."""
    assert learned_limit(tx) == limit


def test_a_reply_that_no_row_is_for_is_an_error() -> None:
    """The table says where it ends."""
    with pytest.raises(LookupError, match="no row for 250 at rset"):
        find(Stage.RSET, 250)
    with pytest.raises(LookupError, match="no row for a lost session at rset"):
        find(Stage.RSET, None)


def test_rows_say_what_their_cells_say() -> None:
    """In this order; the few that are to be tried again at once are known by name."""
    cells = ("rcpt-4yz", "421, 4yz, lost", Scope.RECIPIENT, Verdict.DEFERRED, "RFC 5321", "later")
    row, again = rows_at(Stage.RCPT, cells, ("rcpt-too-many", "(too many)", *cells[2:]))

    assert row == Row(
        id="rcpt-4yz",
        stage=Stage.RCPT,
        event="421, 4yz, lost",
        scope=Scope.RECIPIENT,
        verdict=Verdict.DEFERRED,
        source="RFC 5321",
        why="later",
        again=False,
    )
    assert (row.codes, row.lost, again.codes, again.lost, again.again) == (("421", "4"), True, (), False, True)


def test_words_in_brackets_are_no_event() -> None:
    """Whoever rules finds such a row by its id, whatever the words are."""
    (row,) = rows_at(Stage.IDLE, ("idle-lost", "(421, lost)", Scope.HOST, Verdict.RELEASED, "", ""))

    assert (row.codes, row.lost) == ((), False)


def test_what_is_about_the_host_counts_for_nobody() -> None:
    """Host scope and a counted verdict exclude each other (invariants I5, I15)."""
    assert [
        row.id for row in TABLE if row.scope is Scope.HOST and row.verdict not in (Verdict.RELEASED, Verdict.HELD)
    ] == []


def test_the_docs_have_the_table_as_the_code_has_it() -> None:
    """docs/dispositions.md ends with what markdown() writes."""
    assert PAGE.read_text("utf-8").endswith("## The table\n\n" + markdown())


def test_who_was_refused_before_we_left_stays_refused() -> None:
    """We end a transaction ourselves: nothing that a server said is forgotten (invariant I7)."""
    left = lost(Stage.RCPT, Fault.STOPPED)
    tx = Transaction(
        recipients=(ANN, "bob@x.example", "cyd@x.example"), mail=OK, rcpt=(Reply(550), OK, None), broken=left
    )

    assert [(one.row, one.counted) for one in judge(tx)] == [
        ("rcpt-5yz", True),
        ("stopped", False),
        ("rcpt-undecided", False),
    ]


@pytest.mark.parametrize(
    ("replies", "rows"),
    [
        ((Reply(550), None), ["rcpt-5yz", "rcpt-undecided"]),
        ((Reply(550), OK), ["rcpt-5yz", "stopped"]),
        ((OK, None), ["stopped", "stopped"]),
    ],
)
def test_leaving_forgets_no_refusal_and_makes_none(replies: tuple[Reply | None, ...], rows: list[str]) -> None:
    """Where nobody was refused, all are let go for the one reason: we were asked to stop."""
    tx = heard(*replies, broken=lost(Stage.RCPT, Fault.STOPPED))

    assert [one.row for one in judge(tx)] == rows
    assert {one.fault for one in judge(tx) if one.reply is None} == {Fault.STOPPED}


def test_who_is_alone_teaches_no_limit() -> None:
    """A lone recipient that is told of too many has nobody beside it: nothing is learnt of the server's limit."""
    assert learned_limit(heard(MANY)) is None
    assert learned_limit(heard(OK)) is None
