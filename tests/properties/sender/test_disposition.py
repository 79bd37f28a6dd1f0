from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.attempt import Broken, Fault, Scope, Transaction, Verdict
from maildrill.sender.disposition import judge, learned_limit
from maildrill.sender.disposition_table import LOST
from maildrill.smtp import Reply, Stage

ADDRESSES = ("ann@x.test", "ben@x.test", "cid@x.test", "dan@x.test")
#: Codes that mean something of their own at some stage; all others mean what their first digit means.
SPECIAL = frozenset({421, 452, 500, 503, 530, 552, 554})
TEXTS = st.sampled_from(["", "no", "2.0.0 yes", "4.2.2 full", "5.1.1 unknown", "4.5.3 too many", "5.5.1 no valid"])


def replies(*classes: int) -> st.SearchStrategy[Reply]:
    codes = st.one_of([st.integers(klass * 100, klass * 100 + 99) for klass in classes])
    return st.builds(lambda code, text: Reply(code, (text,) if text else ()), codes, TEXTS)


FAULTS = st.sampled_from([Fault.EOF, Fault.RESET, Fault.TIMEOUT, Fault.GARBAGE, Fault.UNSOLICITED, Fault.OUT_OF_STEP])


@st.composite
def transactions(draw: st.DrawFn) -> Transaction:
    """Any transaction that the wire can report: it ends somewhere, and nothing is heard behind the end."""
    recipients = ADDRESSES[: draw(st.integers(1, 4))]
    end = draw(st.sampled_from([Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT, None]))
    broken = Broken(end or Stage.IDLE, draw(FAULTS)) if end or draw(st.booleans()) else None
    silent = (None,) * len(recipients)
    if end is Stage.MAIL:
        return Transaction(recipients=recipients, rcpt=silent, broken=broken)
    mail = draw(replies(2, 2, 2, 4, 5))
    told = tuple(draw(replies(2, 2, 4, 5)) for _ in recipients)
    if end is Stage.RCPT:
        answered = draw(st.integers(0, len(recipients) - 1))
        rcpt = (*told[:answered], *silent[answered:])
        return Transaction(recipients=recipients, mail=mail, rcpt=rcpt, broken=broken)
    accepted = mail.positive and any(reply.positive for reply in told)
    whole = Transaction(recipients=recipients, mail=mail, rcpt=told, broken=broken)
    return whole if end is Stage.DATA or not accepted else draw(messages(whole, end))


@st.composite
def messages(draw: st.DrawFn, whole: Transaction, end: Stage | None) -> Transaction:
    """What follows when somebody was accepted."""
    data = draw(replies(2, 3, 3, 3, 4, 5))
    if data.klass != 3:
        return replace(whole, data=data)
    if end is Stage.BODY:
        return replace(whole, data=data, early=draw(st.none() | replies(2, 3, 4, 5)))
    if end is Stage.DOT:
        return replace(whole, data=data, dot_sent=True)
    return replace(whole, data=data, dot_sent=True, dot=draw(replies(2, 3, 4, 5)), broken=None)


FREE = st.sets(st.sampled_from(ADDRESSES))


def trusted(tx: Transaction) -> bool:
    """Whether the pairing of replies is not in doubt."""
    return tx.broken is None or tx.broken.fault is not Fault.UNSOLICITED


@given(tx=transactions(), free=FREE)
def test_there_is_one_ruling_for_each_recipient_in_order(tx: Transaction, free: set[str]) -> None:
    """Whatever is heard, and whatever is not."""
    assert tuple(ruling.recipient for ruling in judge(tx, free=free)) == tx.recipients


def said_at(tx: Transaction, n: int) -> dict[Stage, Reply | None]:
    """Return what the n-th recipient may have been told, by stage; BDAT has one reply, of the last chunk or before."""
    return {
        Stage.MAIL: tx.mail,
        Stage.RCPT: tx.rcpt[n],
        Stage.DATA: tx.data,
        Stage.BODY: tx.early,
        Stage.DOT: tx.dot,
        Stage.BDAT: tx.bdat or tx.dot,
    }


def chunked(tx: Transaction) -> Transaction:
    """Return the same by BDAT: what DATA was refused with a chunk before the last is, and a dot is the last chunk."""
    refused = tx.data if tx.data is not None and tx.data.klass != 3 else None
    return replace(tx, data=None, early=None, bdat=refused, chunked=True)


@given(tx=transactions() | transactions().map(chunked), free=FREE)
def test_a_ruling_rests_on_what_was_said_where_it_says_so(tx: Transaction, free: set[str]) -> None:
    """Its reply is the one that came at its stage; where no reply decided, its fault is the one that ended it."""
    for n, ruling in enumerate(judge(tx, free=free)):
        if ruling.fault is None:
            assert ruling.reply is not None
            assert ruling.reply == said_at(tx, n)[ruling.stage]
        else:
            assert (ruling.fault, ruling.reply) == (tx.broken.fault if tx.broken else Fault.EOF, None)
            assert ruling.fault in LOST or (tx.broken and ruling.stage is tx.broken.stage)


@given(tx=transactions(), free=FREE)
def test_delivered_means_2yz_to_the_dot_and_to_the_own_rcpt(tx: Transaction, free: set[str]) -> None:
    """Neither more (invariants I2, I8) nor less (I6)."""
    for ruling, reply in zip(judge(tx, free=free), tx.rcpt, strict=True):
        accepted = reply is not None and reply.positive and tx.mail is not None and tx.mail.positive
        taken = tx.dot is not None and tx.dot.positive

        assert (ruling.verdict is Verdict.DELIVERED) == (accepted and taken)


@given(tx=transactions(), free=FREE)
def test_unknown_means_that_the_dot_had_left_and_no_answer_came(tx: Transaction, free: set[str]) -> None:
    """Before the dot nothing is doubtful (RFC 1047)."""
    for ruling, reply in zip(judge(tx, free=free), tx.rcpt, strict=True):
        silent = tx.dot is None or tx.dot.klass == 3

        assert (ruling.verdict is Verdict.UNKNOWN) == (tx.dot_sent and silent and reply is not None and reply.positive)


@given(tx=transactions(), free=FREE)
def test_failed_rests_on_a_5yz_that_was_heard(tx: Transaction, free: set[str]) -> None:
    """Never on a fault, never on what was said of the host (invariant I5)."""
    for ruling in judge(tx, free=free):
        if ruling.verdict is Verdict.FAILED:
            assert ruling.reply is not None
            assert ruling.reply.klass == 5
            assert ruling.scope is not Scope.HOST


@given(tx=transactions(), free=FREE)
def test_a_final_refusal_at_rcpt_stays_whatever_comes_after_it(tx: Transaction, free: set[str]) -> None:
    """Partial results survive (invariant I7)."""
    if tx.mail is None or not tx.mail.positive or not trusted(tx):
        return
    for ruling, reply in zip(judge(tx, free=free), tx.rcpt, strict=True):
        if reply is not None and reply.code in (550, 551, 553, 556) and "5.3" not in reply.text:
            assert ruling.verdict is Verdict.FAILED


@given(tx=transactions(), free=FREE, other=st.integers(0, 99))
def test_the_first_digit_decides_where_no_code_is_special(tx: Transaction, free: set[str], other: int) -> None:
    """One code for another of its class gives the same verdicts (invariant I28)."""

    def same(reply: Reply | None) -> Reply | None:
        if reply is None or reply.code in SPECIAL or reply.klass * 100 + other in SPECIAL:
            return reply
        return Reply(reply.klass * 100 + other, reply.lines)

    changed = replace(
        tx,
        mail=same(tx.mail),
        rcpt=tuple(map(same, tx.rcpt)),
        data=same(tx.data),
        early=same(tx.early),
        dot=same(tx.dot),
    )

    assert [ruling.row for ruling in judge(tx, free=free)] == [ruling.row for ruling in judge(changed, free=free)]


@given(tx=transactions(), free=FREE, words=st.text(alphabet=st.characters(categories=["L", "Zs"])))
def test_words_decide_nothing(tx: Transaction, free: set[str], words: str) -> None:
    """Neither does their absence; enhanced codes are not words (invariant I29)."""

    def same(reply: Reply | None) -> Reply | None:
        if reply is None:
            return reply
        return Reply(reply.code, (f"{reply.enhanced or ''} {words}".lstrip(),))

    changed = replace(
        tx,
        mail=same(tx.mail),
        rcpt=tuple(map(same, tx.rcpt)),
        data=same(tx.data),
        early=same(tx.early),
        dot=same(tx.dot),
    )

    assert [ruling.row for ruling in judge(tx, free=free)] == [ruling.row for ruling in judge(changed, free=free)]


@given(tx=transactions())
def test_a_free_try_is_given_once(tx: Transaction) -> None:
    """Too many recipients is answered by another transaction at once, and not for ever (delivery is not refused)."""
    first = judge(tx)
    second = judge(tx, free={ruling.recipient for ruling in first if ruling.again})

    assert not any(ruling.again for ruling in second)
    assert not any(ruling.counted for ruling in first if ruling.again)


@given(tx=transactions())
def test_a_learned_limit_is_less_than_what_was_asked(tx: Transaction) -> None:
    """So that the next batch is smaller, and there is one."""
    limit = learned_limit(tx)

    assert limit is None or 1 <= limit < len(tx.recipients)
