"""Who waits for which reply: commands and replies, however they come."""

from __future__ import annotations

import pytest

from maildrill.fakeserver.journal.record import Message
from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.steps import (
    ClientLeaves,
    ClientSays,
    Leaving,
    ServerLeaves,
    ServerSays,
    ServerTakes,
    Step,
)
from maildrill.fakeserver.transcript.exchange import Exchange
from maildrill.smtp.transcript import REDACTED

MESSAGE = Message(at=1.0, session=1, reverse_path="", recipients=(), content=b"", size=0, message_id="", committed=True)


def held(*lines: str) -> tuple[Exchange, list[str]]:
    """Hold a session of `C: ` and `S: ` lines; returns it, and what was answered: `rcpt 250 ok`."""
    exchange = Exchange()
    answered = []
    for line in lines:
        mark, text = line[:3], line[3:]
        if mark == "C: ":
            exchange.ask(text, 0.0)
        else:
            for asked, reply in exchange.answer(text.encode() + b"\r\n", 0.0):
                answered.append(f"{asked.stage} {asked.command} = {reply}")
    return exchange, answered


def test_a_reply_answers_the_command_before_it() -> None:
    """The first of all is the greeting, one that nobody asked for is unasked."""
    _, answered = held("S: 220 hi", "C: EHLO x", "S: 250-mx", "S: 250 SIZE", "S: 421 bye")

    assert answered == ["banner  = 220 hi", "ehlo EHLO x = 250 mx SIZE", "idle  = 421 bye"]


def test_replies_answer_pipelined_commands_in_order() -> None:
    """RFC 2920: the first that waits comes first."""
    exchange, answered = held(
        "C: MAIL FROM:<n@x.test>",
        "C: RCPT TO:<a@x.test>",
        "C: RCPT TO:<b@x.test>",
        "S: 250 1",
        "S: 550 2",
        "S: 250 3",
    )

    assert [line[-1] for line in answered] == ["1", "2", "3"]
    assert (exchange.reverse_path, exchange.recipients) == ("n@x.test", ("b@x.test",))


@pytest.mark.parametrize("line", ["RSET", "EHLO x", "HELO x"])
def test_a_transaction_ends_with_a_reset(line: str) -> None:
    """RFC 5321 section 4.1.4."""
    exchange, _ = held("C: MAIL FROM:<n@x.test>", "S: 250 ok", f"C: {line}", "S: 250 ok")

    assert exchange.reverse_path is None


def test_a_malformed_address_is_no_recipient() -> None:
    """A transcript may accept it all the same."""
    exchange, _ = held("C: MAIL FROM:<n@x.test>", "S: 250 ok", "C: RCPT TO:a", "S: 250 ok")

    assert exchange.recipients == ()


def test_octets_that_are_no_reply_answer_nothing() -> None:
    """The command is done with them; what comes behind is read again."""
    _, answered = held("C: NOOP", "S: hello", "C: RSET", "S: 250 ok")

    assert answered == ["noop NOOP = None", "rset RSET = 250 ok"]


def test_what_an_auth_exchange_says_is_not_kept() -> None:
    """RFC 4954 section 4: not the initial response, not what answers a challenge."""
    exchange, answered = held(
        "C: AUTH PLAIN secret",
        "S: 334 x",
        "C: secret",
        "S: 334 y",
        "C: secret",
        "S: 235 ok",
        "C: AUTH LOGIN",
        "C: AUTH",
    )

    assert answered == [
        f"auth AUTH PLAIN {REDACTED} = 334 x",
        f"auth-step {REDACTED} = 334 y",
        f"auth-step {REDACTED} = 235 ok",
    ]
    assert not exchange.secret


def test_a_reply_says_what_the_client_does_next() -> None:
    """A message after 354, a handshake after 220, a chunk after BDAT."""
    assert held("C: DATA", "S: 354 go")[0].awaits_message
    assert not held("C: DATA", "S: 550 no")[0].awaits_message
    assert held("C: STARTTLS", "S: 220 go")[0].awaits_handshake
    assert not held("C: STARTTLS", "S: 454 no")[0].awaits_handshake
    assert held("C: BDAT 12")[0].chunk == 12
    assert held("C: BDAT x")[0].chunk == 0
    assert held("C: NOOP")[0].chunk is None


def test_a_handshake_makes_everything_new() -> None:
    """RFC 3207 section 4.2: also what was said behind STARTTLS in the same piece."""
    exchange, _ = held("C: MAIL FROM:<n@x.test>", "S: 250 ok", "C: STARTTLS", "C: NOOP", "S: 220 go")
    exchange.shake()

    assert (exchange.awaits_handshake, exchange.waits, exchange.reverse_path) == (False, False, None)


def test_a_message_is_answered_by_the_next_reply() -> None:
    """It comes with it; the transaction is over."""
    exchange, _ = held("C: MAIL FROM:<n@x.test>", "S: 250 ok", "C: DATA", "S: 354 go")
    exchange.end_message(1.0, MESSAGE)
    ((asked, reply),) = exchange.answer(b"250 ok\r\n", 2.0)

    assert (asked.stage, asked.message, asked.began, str(reply)) == ("dot", MESSAGE, 1.0, "250 ok")
    assert exchange.reverse_path is None


def test_an_early_reply_is_the_only_one_of_its_message() -> None:
    """What is said before the end is not said again behind it."""
    exchange, _ = held("C: DATA", "S: 354 go")
    ((early, _),) = exchange.answer(b"552 too big\r\n", 0.0)
    taken = exchange.takes([ServerSays(b"250 ok\r\n")])
    exchange.end_message(1.0, MESSAGE)
    exchange.ask("NOOP", 2.0)
    ((asked, _),) = exchange.answer(b"250 ok\r\n", 2.0)

    assert (early.stage, taken, asked.stage) == ("body", False, "noop")


def test_the_last_chunk_ends_a_message() -> None:
    """Its command has been waiting for the reply."""
    exchange, _ = held("C: BDAT 5", "S: 250 ok", "C: BDAT 3 LAST")
    ends = exchange.take_chunk(1), exchange.take_chunk(2)
    exchange.end_message(1.0, MESSAGE)
    ((asked, _),) = exchange.answer(b"250 ok\r\n", 0.0)

    assert ends == (False, True)
    assert (asked.stage, asked.message) == ("bdat", MESSAGE)


def test_a_chunk_that_is_not_the_last_ends_nothing() -> None:
    """More will come."""
    exchange, _ = held("C: BDAT 5")

    assert not exchange.take_chunk(5)
    assert exchange.chunk is None


OK, NO = ServerSays(b"250 ok\r\n"), ServerSays(b"550 no\r\n")


@pytest.mark.parametrize(
    ("coming", "before", "taken"),
    [
        ((OK,), 0, True),
        ((NO, OK), 0, False),
        ((NO, OK), 1, True),
        ((ServerTakes(taken=True), ServerLeaves(Leaving.FIN)), 0, True),
        ((ServerTakes(taken=False), OK), 0, False),
        ((ServerLeaves(Leaving.FIN), OK), 0, False),
        ((ClientLeaves(), OK), 0, False),
        ((ClientSays(Pattern("QUIT")), OK), 0, True),
        ((ServerSays(b"250-a\r\n"), ServerSays(b"250 b\r\n")), 0, True),
        ((), 0, False),
    ],
)
def test_a_message_is_taken_as_the_transcript_goes_on(coming: tuple[Step, ...], before: int, taken: bool) -> None:
    """By `!commit`, else by the reply to it, which comes behind those to the commands before."""
    exchange, _ = held("C: DATA", "S: 354 go", *["C: NOOP"] * before)

    assert exchange.takes(coming) is taken


def test_a_message_in_chunks_is_taken_by_the_reply_to_the_last() -> None:
    """Which waits already when the chunk has come."""
    exchange, _ = held("C: BDAT 3 LAST")

    assert exchange.takes([OK])
