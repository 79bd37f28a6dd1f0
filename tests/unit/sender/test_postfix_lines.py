from __future__ import annotations

import pytest

from maildrill.sender.attempt import Fault, Verdict
from maildrill.sender.log_response import response
from maildrill.sender.postfix_lines import attempt_line, dsn, reason
from maildrill.smtp import Reply, Stage


def heard(reply: str) -> dict[str, object]:
    """Return the field of an event that holds this reply."""
    return {"response": response(Reply.of(reply), Stage.IDLE)}


@pytest.mark.parametrize(
    ("verdict", "stage", "reply", "fault", "status"),
    [
        (Verdict.DELIVERED, Stage.DOT, "250 2.0.0 Ok: queued as 4F2", None, "2.0.0"),
        (Verdict.DELIVERED, Stage.DOT, "250 Ok", None, "2.0.0"),
        (Verdict.DEFERRED, Stage.RCPT, "452 4.2.2 full", None, "4.2.2"),
        (Verdict.RELEASED, Stage.RCPT, "552 5.5.3 too many", None, "4.5.3"),
        (Verdict.FAILED, Stage.RCPT, "550 no such user", None, "5.0.0"),
        (Verdict.FAILED, Stage.MAIL, None, None, "5.0.0"),
        (Verdict.UNKNOWN, Stage.DOT, None, Fault.EOF, "4.4.2"),
        (Verdict.RELEASED, Stage.CONNECT, None, Fault.REFUSED, "4.4.1"),
        (Verdict.RELEASED, Stage.BANNER, None, Fault.TIMEOUT, "4.4.2"),
        (Verdict.HELD, Stage.MAIL, None, None, "4.3.5"),
        (Verdict.FAILED, Stage.MAIL, None, Fault.TOO_BIG, "5.3.4"),
        (Verdict.FAILED, Stage.MAIL, None, Fault.NO_8BITMIME, "5.6.3"),
        (Verdict.FAILED, Stage.MAIL, None, Fault.NO_SMTPUTF8, "5.6.7"),
        (Verdict.HELD, Stage.MAIL, "530 5.7.0 authenticate first", None, "4.7.0"),
    ],
)
def test_the_status_has_the_servers_detail_in_the_class_of_the_verdict(
    verdict: Verdict, stage: Stage, reply: str | None, fault: Fault | None, status: str
) -> None:
    """A report never says 5.x.x of a recipient that is tried again."""
    assert dsn(verdict, stage, Reply.of(reply) if reply else None, fault) == status


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"verdict": "delivered", "stage": "dot", **heard("250 2.0.0 Ok: queued as 4F2"), "dsn": "2.0.0"},
            "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4F2)",
        ),
        (
            {"verdict": "deferred", "stage": "dot", **heard("451 4.3.0 later"), "dsn": "4.3.0"},
            "dsn=4.3.0, status=deferred (host mx.example said: 451 4.3.0 later (in reply to end of DATA command))",
        ),
        (
            {"verdict": "failed", "stage": "rcpt", **heard("550"), "dsn": "5.0.0"},
            "dsn=5.0.0, status=bounced (host mx.example said: 550 (in reply to RCPT TO command))",
        ),
        (
            {"verdict": "unknown", "stage": "dot", "fault": "eof", "dsn": "4.4.2"},
            (
                "dsn=4.4.2, status=unknown (lost connection with mx.example while sending end of data "
                "-- message may have been delivered)"
            ),
        ),
        (
            {"verdict": "held", "stage": "mail", "detail": "the sender was refused twice", "dsn": "4.3.5"},
            "dsn=4.3.5, status=held (the sender was refused twice)",
        ),
        (
            {"verdict": "held", "stage": "auth", **heard("535 5.7.8 no"), "dsn": "4.7.8"},
            "dsn=4.7.8, status=held (host mx.example said: 535 5.7.8 no (in reply to AUTH command))",
        ),
    ],
)
def test_an_attempt_reads_as_in_postfix_log(fields: dict[str, object], words: str) -> None:
    """The tools that read Postfix's log find to=, relay=, delay=, dsn= and status= where they expect them."""
    line = attempt_line({**fields, "recipient": "ann@example.com", "relay": "mx.example:25", "delay": 0.5})

    assert line == f"to=<ann@example.com>, relay=mx.example:25, delay=0.5, {words}"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"stage": "connect", "fault": "refused"}, "connect to mx.example:25: refused"),
        ({"stage": "connect", "fault": "timeout", "detail": "30 s"}, "connect to mx.example:25: 30 s"),
        ({"stage": "banner", **heard("554 no")}, "host mx.example refused to talk to me: 554 no"),
        (
            {"stage": "banner", "fault": "timeout"},
            "conversation with mx.example timed out while receiving the initial server greeting",
        ),
        (
            {"stage": "rcpt", "fault": "garbage", "detail": "hi\r\n"},
            "malformed reply from mx.example while sending RCPT TO: hi\\r\\n",
        ),
        ({"stage": "idle", "fault": "reset"}, "connection reset by mx.example while in stage idle"),
        (
            {"stage": "mail", "fault": "too big", "detail": "message of 9 octets; the server takes 5"},
            "message size exceeds size limit of server mx.example: message of 9 octets; the server takes 5",
        ),
        ({"stage": "mail"}, "no reply"),
    ],
)
def test_a_session_that_ended_says_why_and_where(fields: dict[str, object], words: str) -> None:
    """Reply, fault or our own reason: one sentence, escaped."""
    assert reason({**fields, "relay": "mx.example:25"}) == words


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0"), (0.00001, "0"), (0.25, "0.25"), (9.5, "9.5"), (11.7, "12"), (432000.4, "432000")]
)
def test_a_delay_is_short_where_it_is_long(seconds: float, shown: str) -> None:
    """Fractions count below ten seconds only."""
    fields = {
        "verdict": "delivered",
        "stage": "dot",
        **heard("250"),
        "dsn": "2.0.0",
        "recipient": "a@b",
        "relay": "h:25",
    }

    assert f" delay={shown}, " in attempt_line({**fields, "delay": seconds})


def test_a_hostile_recipient_or_reply_cannot_forge_a_line() -> None:
    """What strangers wrote is escaped."""
    fields = {"verdict": "failed", "stage": "rcpt", **heard("550"), "dsn": "5.0.0", "delay": 0}
    line = attempt_line({**fields, "recipient": "a\n@b", "relay": "h\x1b:25", **heard("550 x\r\ny\u202e")})

    assert line.isprintable()
