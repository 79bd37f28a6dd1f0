"""What was heard so far, as a value."""

from __future__ import annotations

from maildrill.sender.attempt import Broken, Fault, Transaction
from maildrill.sender.hearing import Hearing
from maildrill.smtp import Reply, Stage

ALL = ("ann@x.test", "ben@x.test", "cid@x.test")
OK, NO, GO = Reply(250, ("ok",)), Reply(550, ("no",)), Reply(354, ("go",))


def test_who_was_not_answered_yet_has_no_reply() -> None:
    """One reply or None for each recipient, in order; before anything was heard as after it."""
    hearing = Hearing(ALL)
    nothing = hearing.transaction(None)
    hearing.mail, hearing.rcpt = OK, [OK, NO]

    assert nothing == Transaction(recipients=ALL, rcpt=(None, None, None))
    assert hearing.transaction(None) == Transaction(recipients=ALL, mail=OK, rcpt=(OK, NO, None))


def test_everything_that_was_heard_is_told() -> None:
    """With what broke the session."""
    broken = Broken(Stage.DOT, Fault.OUT_OF_STEP, GO)
    hearing = Hearing(ALL[:1], OK, [OK], GO, NO, chunked=True, bdat=NO, dot=GO, dot_sent=True)

    assert hearing.transaction(broken) == Transaction(
        recipients=ALL[:1],
        mail=OK,
        rcpt=(OK,),
        data=GO,
        early=NO,
        chunked=True,
        bdat=NO,
        dot=GO,
        dot_sent=True,
        broken=broken,
    )


def test_nobody_is_accepted_where_mail_was_refused() -> None:
    """Though RCPT got 2yz: there is no transaction to be a recipient of (RFC 5321 section 3.3)."""
    unasked, refused = Hearing(ALL, None, [OK, NO, OK]), Hearing(ALL, NO, [OK, NO, OK])
    good, none = Hearing(ALL, OK, [OK, NO, OK]), Hearing(ALL, OK, [NO, NO])

    assert [one.accepted for one in (unasked, refused, good, none)] == [(), (), (ALL[0], ALL[2]), ()]
    assert [one.any_accepted for one in (unasked, refused, good, none)] == [True, True, True, False]
