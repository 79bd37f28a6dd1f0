"""The transcript of a session."""

from __future__ import annotations

import pytest

from maildrill.smtp import Line, Mark, Reply, Scribe, Transcript

NINE = 1767603600.0  # 2026-01-05T09:00:00Z


def test_a_dialogue_is_shown_with_time_stamps_and_swaks_marks() -> None:
    """The margin says who spoke, and whether the server said no."""
    transcript = Transcript()
    transcript.noted(NINE, "connected to 127.0.0.1:2525")
    transcript.answered(NINE + 0.01, Reply(220, ("mx.example.com",)))
    transcript.sent(NINE + 0.02, "EHLO there")
    transcript.answered(NINE + 0.03, Reply(250, ("mx.example.com", "SIZE 1000")))
    transcript.sent(NINE + 0.04, "RCPT TO:<a@example.com>")
    transcript.answered(NINE + 0.05, Reply(450))

    assert str(transcript).splitlines() == [
        "2026-01-05T09:00:00.000Z === connected to 127.0.0.1:2525",
        "2026-01-05T09:00:00.010Z <-  220 mx.example.com",
        "2026-01-05T09:00:00.020Z  -> EHLO there",
        "2026-01-05T09:00:00.030Z <-  250-mx.example.com",
        "2026-01-05T09:00:00.030Z <-  250 SIZE 1000",
        "2026-01-05T09:00:00.040Z  -> RCPT TO:<a@example.com>",
        "2026-01-05T09:00:00.050Z <** 450",
    ]


@pytest.mark.parametrize("command", ["AUTH PLAIN AGFubgBzZXNhbWU=", "auth\tplain\tAGFubgBzZXNhbWU=", "AUTH PLAIN a b"])
def test_an_initial_response_is_redacted(command: str) -> None:
    """The mechanism is kept, the secret behind it never."""
    assert Scribe().sent(command) == [(Mark.SENT, command[:10] + " <redacted>")]


@pytest.mark.parametrize("response", ["", "MAIL ", "RCPT TO:<a@example.com>", "DATA", ".", "*", "c2VzYW1l"])
def test_a_response_that_looks_like_a_command_is_redacted_too(response: str) -> None:
    """During an exchange everything is the secret, however it begins."""
    scribe = Scribe()
    scribe.sent("AUTH LOGIN")

    assert scribe.sent(response) == [(Mark.SENT, "<redacted>")]


@pytest.mark.parametrize("command", ["AUTH LOGIN", "AUTH LOGIN ", "AUTH", " auth login"])
def test_what_is_said_during_an_exchange_is_redacted_until_it_ends(command: str) -> None:
    """334 keeps the exchange open; any other reply ends it."""
    transcript = Transcript()
    transcript.sent(NINE, command)
    transcript.answered(NINE, Reply(334, ("VXNlcm5hbWU6",)))
    transcript.sent(NINE, "YW5u")
    transcript.answered(NINE, Reply(334, ("UGFzc3dvcmQ6",)))
    transcript.sent(NINE, "c2VzYW1l")
    transcript.answered(NINE, Reply(235))
    transcript.sent(NINE, "MAIL FROM:<>")

    assert [line.text for line in transcript if line.mark is Mark.SENT] == [
        command.strip(),
        "<redacted>",
        "<redacted>",
        "MAIL FROM:<>",
    ]


def test_a_group_of_replies_ends_an_exchange_unless_each_keeps_it_open() -> None:
    """A reply without its command is one of them, too."""
    scribe = Scribe()
    scribe.sent("AUTH LOGIN")
    scribe.answered(Reply(334), Reply(334))
    during = scribe.sent("YW5u")
    said = scribe.answered(Reply(334), Reply(535))

    assert [during, scribe.sent("QUIT")] == [[(Mark.SENT, "<redacted>")], [(Mark.SENT, "QUIT")]]
    assert said == [(Mark.ANSWERED, "334"), (Mark.REFUSED, "535")]


def test_what_was_odd_about_a_reply_is_no_part_of_what_was_said() -> None:
    """Whoever heard it is told; in the dialogue stands the reply."""
    transcript, odd = Transcript(), Reply(250, ("ok",), "mixed codes")
    transcript.answered(NINE, odd)

    assert [line.text for line in transcript] == ["250 ok"]
    assert Scribe().answered(odd) == [(Mark.ANSWERED, "250 ok"), (Mark.NOTE, "mixed codes")]


def test_a_verb_that_only_begins_like_auth_is_no_secret() -> None:
    """An unknown verb is shown as it was said."""
    assert Scribe().sent("AUTHOR me") == [(Mark.SENT, "AUTHOR me")]


def test_control_characters_are_escaped_when_shown_and_kept_in_the_value() -> None:
    """A stranger's text cannot forge a line of the log."""
    line = Line(NINE, Mark.ANSWERED, "250 ok\n=== forged\x1b[2J")

    assert str(line) == r"2026-01-05T09:00:00.000Z <-  250 ok\n=== forged\x1b[2J"
