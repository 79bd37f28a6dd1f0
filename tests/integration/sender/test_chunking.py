"""Messages that go by BDAT: whole, chunk by chunk, only where that is offered; and what each refusal comes to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from maildrill.sender.attempt import State
from maildrill.sender.campaign import Mode

Send = Callable[..., Any]

TEXT = "Hello\n.hidden\n..twice\n" * 150  # three chunks, most of them torn in the middle of a line
WITHOUT = '[server]\ncaps = "-CHUNKING"\n'
LOCK_STEP = '[server]\ncaps = "-PIPELINING"\n'
ANN, BOB, JOERG = PEOPLE = ("ann+list@x.example", "bob@x.example", "jörg@x.example")


@pytest.fixture
def chunks(send: Send) -> Send:
    """Send one message of three chunks and a few octets to all of PEOPLE."""
    return lambda script="", **given: send(script, **{"mode": Mode.BATCH, "text": TEXT, "chunk": 1024, **given})


def said(sent: Any, *verbs: str) -> list[str]:
    """The commands with these verbs that the server read, in order."""
    return [entry.command for entry in sent.journal.entries if entry.command.partition(" ")[0] in verbs]


def rows(sent: Any) -> list[tuple[str, str]]:
    """Row and stage of each try, in the order in which they were written down."""
    return [(one.row, one.stage.value) for one in sent.attempts]


@pytest.mark.parametrize("script", ["", LOCK_STEP], ids=["pipelined", "lock-step"])
def test_a_message_goes_chunk_by_chunk(chunks: Send, script: str) -> None:
    """No dot is doubled and DATA is not said; the octets are those that go by DATA elsewhere."""
    sent = chunks(script)
    (message,) = sent.messages
    commands = said(sent, "BDAT")

    assert [one.rpartition(" ")[0] for one in commands[:-1]] == ["BDAT"] * (len(commands) - 1)
    assert commands[:2] == ["BDAT 1024", "BDAT 1024"]
    assert commands[-1] == f"BDAT {message.size % 1024} LAST"
    assert said(sent, "DATA", "RSET") == []
    assert message.content.endswith(b".hidden\r\n..twice\r\n")
    assert rows(sent) == [("dot-2yz", "bdat")] * 3


def test_where_chunking_is_not_offered_a_message_goes_by_data(chunks: Send) -> None:
    """The same octets, as far as anybody can tell."""
    sent = chunks(WITHOUT)

    assert (said(sent, "BDAT"), said(sent, "DATA")) == ([], ["DATA"])
    assert sent.messages[0].content.endswith(b".hidden\r\n..twice\r\n")
    assert rows(sent) == [("dot-2yz", "dot")] * 3


def test_a_campaign_that_does_not_ask_for_it_never_uses_it(chunks: Send) -> None:
    """Off is the default."""
    assert said(chunks(chunk=0), "BDAT") == []


@pytest.mark.parametrize(
    ("rule", "first", "state"),
    [
        ('at = "bdat"\ntimes = 1\nreply = "451 4.3.0 later"', ("data-4yz", "bdat"), State.DELIVERED),
        ('at = "bdat"\ntimes = 1\nreply = "554 5.7.1 no"', ("data-5yz", "bdat"), State.FAILED),
        ('at = "bdat"\ntimes = 1\nreply = "421 4.3.2 bye"', ("data-421", "bdat"), State.DELIVERED),
        ('at = "bdat"\ntimes = 1\nreply = "354 go on"\nlint = false', ("data-out-of-step", "bdat"), State.DELIVERED),
        ('at = "bdat"\ntimes = 1\nreply = "503 5.5.1 what?"', ("data-out-of-step", "bdat"), State.DELIVERED),
        ('at = "bdat"\ntimes = 1\ncut = "before"', ("body-lost", "bdat"), State.DELIVERED),
        ('at = "body"\nafter = "1500B"\ntimes = 1\ncut = "before"', ("body-lost", "bdat"), State.DELIVERED),
        ('at = "dot"\ntimes = 1\nreply = "451 4.3.0 later"', ("dot-4yz", "bdat"), State.DELIVERED),
        ('at = "dot"\ntimes = 1\nreply = "421 4.3.2 bye"', ("dot-4yz", "bdat"), State.DELIVERED),
        ('at = "dot"\ntimes = 1\nreply = "554 5.6.0 no"', ("dot-5yz", "bdat"), State.FAILED),
        ('at = "dot"\ntimes = 1\nreply = "354 go on"\nlint = false', ("dot-3yz", "bdat"), State.UNKNOWN),
        ('at = "dot"\ntimes = 1\ncommit = true\ncut = "before"', ("dot-lost", "bdat"), State.UNKNOWN),
        ('at = "dot"\ntimes = 1\ncommit = false\ncut = "before"', ("dot-lost", "bdat"), State.UNKNOWN),
    ],
)
def test_each_end_has_its_row(chunks: Send, rule: str, first: tuple[str, str], state: State) -> None:
    """A chunk before the last is refused as DATA is, the last one as a dot; after its last octet nobody can know."""
    sent = chunks(f"[[rule]]\n{rule}\n")

    assert rows(sent)[:3] == [first] * 3
    assert set(sent.states.values()) == {state}


@pytest.mark.parametrize("chunk", [2 * 10**6, 10**7], ids=["not the last", "the last"])
def test_a_reply_in_the_middle_of_a_chunk_ends_the_session(chunks: Send, chunk: int) -> None:
    """The rest of the chunk would pass for commands if it were not sent: nothing more can be said there."""
    early = '[[rule]]\nat = "body"\nafter = "1000B"\ntimes = 1\nreply = "451 4.3.0 later"\ncut = "after"\n'
    sent = chunks(early, chunk=chunk, text="x" * 70 + "\n" + (("y" * 70) + "\n") * 60_000)

    assert [row for row, _ in rows(sent)[:3]] == ["body-4yz"] * 3
    assert set(sent.states.values()) == {State.DELIVERED}


def test_a_refused_chunk_is_left_by_rset(chunks: Send) -> None:
    """The state after a failure is indeterminate (RFC 3030 section 2); the session serves the next message."""
    sent = chunks('[[rule]]\nat = "bdat"\ntimes = 1\nreply = "451 4.3.0 later"\n')

    assert said(sent, "RSET") == ["RSET"]
    assert said(sent, "BDAT")[0] == "BDAT 1024"
    assert said(sent, "BDAT")[1:] == said(chunks(), "BDAT")


def test_nobody_accepted_no_chunk(chunks: Send) -> None:
    """No octet of the message goes to a server that refused everybody, though commands are pipelined."""
    sent = chunks('[[rule]]\nat = "rcpt"\nreply = "550 5.1.1 no"\n')

    assert (said(sent, "BDAT"), said(sent, "RSET")) == ([], ["RSET"])
    assert rows(sent) == [("rcpt-5yz", "rcpt")] * 3


@pytest.mark.parametrize("chunk", [1024, 10**6], ids=["first of many", "the only one"])
def test_a_batch_may_be_refused_at_its_first_chunk(chunks: Send, chunk: int) -> None:
    """After a recipient too many 503 is about the batch: halves go at once, uncounted, whatever chunk it is said to."""
    crowded = f'[[rule]]\nat = "rcpt"\nrcpt = "{JOERG}"\ntimes = 1\nreply = "452 4.5.3 too many recipients"\n'
    sent = chunks(f'{crowded}[[rule]]\nat = "bdat"\ntimes = 1\nreply = "503 5.5.1 no such batch"\n', chunk=chunk)

    assert rows(sent)[:2] == [("data-too-many", "bdat")] * 2
    assert set(sent.states.values()) == {State.DELIVERED}
    assert {one.number for one in sent.attempts if one.verdict.value == "delivered"} == {1}
