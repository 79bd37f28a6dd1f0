"""Transcripts as rules: what each line comes to, and what no rule can do."""

from __future__ import annotations

import pytest

from maildrill.fakeserver.text.transcript.load import read_transcript_script
from maildrill.fakeserver.text.transcript.reader import read_transcript
from maildrill.fakeserver.text.transcript.rules import rules_of
from maildrill.smtp import ConfigurationError

UP_TO_DATA = "S: 220 hi\nC: MAIL FROM:<*>\nS: 250 ok\nC: RCPT TO:<*>\nS: 250 ok\nC: DATA\nS: 354 go\n"


def rules(text: str) -> list[str]:
    """Return each rule in one line, without its name."""
    tables = rules_of(read_transcript(text, "dir/t.txt")).text.split("[[rule]]\n")[1:]
    return ["; ".join(line for line in table.strip().splitlines() if not line.startswith("name")) for table in tables]


def test_a_command_and_its_reply_are_a_rule() -> None:
    """With the address where it says one; a brace in a reply is a brace."""
    assert rules(
        UP_TO_DATA.replace("TO:<*>\nS: 250 ok", "TO:<bob@x.test>\nS: 450-4.2.1 {busy}\nS: 450 4.2.1 later")
    ) == [
        'at = "banner"; reply = "220 hi"',
        'at = "mail"; reply = "250 ok"',
        'at = "rcpt"; rcpt = "bob@x.test"; reply = "450 4.2.1 {{busy}}\\n4.2.1 later"',
        'at = "data"; reply = "354 go"',
    ]


def test_a_rule_is_called_by_its_line() -> None:
    """The file without its folder, as with rules that are written by hand."""
    book = rules_of(read_transcript("hostname = 'mx.x'\nS: 220 hi\nC: QUIT  \nS: 221 1\n", "dir/t.txt"), "a remark")

    assert book.text.startswith("# a remark\n")
    assert [rule.name for rule in book.script("t.txt").rules] == ["t.txt:2", "t.txt:3"]
    assert book.script("t.txt").server.hostname == "mx.x"


def test_a_command_that_comes_again_gets_one_reply_after_the_other() -> None:
    """The last stays; the same again and again is one reply."""
    assert rules(
        "S: 220 hi\nC: NOOP\nS: 450 1\nC: NOOP\nS: 250 2\nC: NOOP\nS: 250 2\nC: RSET\nS: 250 3\nC: RSET\nS: 250 3"
    ) == [
        'at = "banner"; reply = "220 hi"',
        'at = "noop"; replies = ["450 1", "250 2"]',
        'at = "rset"; reply = "250 3"',
    ]


def test_acts_that_differ_are_rules_one_after_the_other() -> None:
    """Each as often as it comes in a row, and the last for ever."""
    slow = "C: NOOP\nS: 250 1  # +2s\n"
    text = f"S: 220 hi\n{slow}{slow}C: NOOP\n!cut rst\n(new connection)\nC: NOOP\nS: 250 2"

    assert rules(text)[1:] == [
        'at = "noop"; reply = "250 1"; wait = "2s"; times = 2',
        'at = "noop"; cut = "rst"; times = 1',
        'at = "noop"; reply = "250 2"',
    ]


def test_what_is_about_somebody_comes_before_what_is_about_anybody() -> None:
    """Else it would never be asked."""
    said = (("RCPT TO:<*>", "1"), ("RCPT TO:<*@x>", "2"), ("RCPT TO:<a@x>", "3"), ("MAIL FROM:<>", "4"))
    text = "S: 220 hi\n" + "".join(f"C: {command}\nS: 250 {reply}\n" for command, reply in said)

    assert rules(text)[1:] == [
        'at = "rcpt"; rcpt = "a@x"; reply = "250 3"',
        'at = "rcpt"; rcpt = "*@x"; reply = "250 2"',
        'at = "rcpt"; reply = "250 1"',
        'at = "mail"; from = ""; reply = "250 4"',
    ]


@pytest.mark.parametrize(
    ("end", "rule"),
    [
        ("C: QUIT\nS: 221 bye\n!cut fin", 'at = "quit"; reply = "221 bye"'),
        ("C: NOOP\nS: 421 bye\n!cut fin", 'at = "noop"; reply = "421 bye"'),
        ("C: NOOP\nS: 421 bye", 'at = "noop"; reply = "421 bye"'),
        ("C: NOOP\nS: 250 ok\n!cut fin", 'at = "noop"; reply = "250 ok"; cut = "after"'),
        ("C: NOOP\n!cut fin", 'at = "noop"; cut = "before"'),
        ("C: NOOP\n!cut fin  # +2s", 'at = "noop"; cut = "before"; wait = "2s"'),
        ("C: NOOP\n!cut rst", 'at = "noop"; cut = "rst"'),
        ("C: NOOP\nS: 250 ok\n!cut fin  # +60s", 'at = "idle"; age = ">=60s"; cut = "before"; times = 1'),
        ("C: NOOP\nS: 250 ok\nS: 421 bye  # +60s", 'at = "idle"; age = ">=1m"; reply = "421 bye"; times = 1'),
        ("C: NOOP\nS: 250 ok\n(client closes)", 'at = "noop"; reply = "250 ok"'),
        ('C>: "NOOP\\r\\n"\nS: 250 ok', 'at = "noop"; reply = "250 ok"'),
        ("C: XYZZY\nS: 500 what", 'at = "unknown"; reply = "500 what"'),
        ("C: EHLO spring.*\nS: 250 mx", 'at = "ehlo"; ehlo = "spring.*"; reply = "250 mx"'),
        ("C: AUTH *\nS: 334 x\nC: *\nS: 535 no", 'at = "auth-step"; reply = "535 no"'),
        ("C: NOOP\nS: what", r'at = "noop"; raw = "what\\r\\n"'),
        ('C: NOOP\nS>: "250 \\"a\\"\\r\\n250 b\\r\\n"', r'at = "noop"; raw = "250 \"a\"\\r\\n250 b\\r\\n"'),
        ('C: NOOP\nS>: "250 a\\n"', r'at = "noop"; raw = "250 a\\n"'),
        ('C: NOOP\nS>: "25"\n!cut fin', r'at = "noop"; cut = "after"; raw = "25"'),
        ("C: NOOP\nS: 250 a\x85b" + "c" * 600, 'at = "noop"; raw = "250 a\\\\xc2\\\\x85b' + "c" * 600 + '\\\\r\\\\n"'),
        ("C: NOOP\nS: 250-4.0.0 a\nS: 250 b", r'at = "noop"; raw = "250-4.0.0 a\\r\\n250 b\\r\\n"'),
        ("C: NOOP\nS: 354 go", 'at = "noop"; reply = "354 go"; lint = false'),
        (r"C: ~^\.\.\.$" + "\nS: 500 what", 'at = "unknown"; reply = "500 what"'),
        ("C: STARTTLS\nS: 220 go\n!tls expired", 'at = "tls"; handshake = "expired"'),
        ("C: STARTTLS\nS: 220 go\n!tls", 'at = "starttls"; reply = "220 go"'),
    ],
)
def test_an_end_is_a_cut(end: str, rule: str) -> None:
    """In place of a reply, behind it, or after a silence; QUIT and 421 end the session anyway."""
    assert rules(f"S: 220 hi\n{end}")[-1] == rule


def test_a_server_that_shakes_hands_has_tls() -> None:
    """Else STARTTLS would not be offered."""
    assert "[server]\ntls = true" in rules_of(read_transcript("S: 220 hi\nC: STARTTLS\nS: 220 go", "t.txt")).text


def test_a_session_that_goes_on_after_421_is_not_cut() -> None:
    """What no server does a rule must say."""
    assert (
        rules("S: 220 hi\nC: NOOP\nS: 421 bye\nC: QUIT\nS: 221 bye")[1]
        == 'at = "noop"; reply = "421 bye"; cut = "never"'
    )


def test_a_refused_connection_is_counted_by_connections() -> None:
    """The nth of all that come."""
    assert rules("S: 220 hi\n(new connection)\n!cut refuse\n(new connection)\n!cut refuse")[1:] == [
        'at = "connect"; cut = "refuse"; attempt = "2"',
        'at = "connect"; cut = "refuse"; attempt = "3"',
    ]


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ("C: .\nS: 250 ok", ['at = "dot"; reply = "250 ok"']),
        ("C: Subject: *\nC: …\nC: .\n!commit true\n!cut fin", ['at = "dot"; cut = "before"; commit = true']),
        ('C>: "a\\r\\n.\\r\\n"\nS: 250 ok', ['at = "dot"; reply = "250 ok"']),
        ("!read 4KiB\n!cut rst", ['at = "body"; after = "4096B"; cut = "rst"; times = 1']),
        ('C>: "a\\r\\n"\n!cut rst', ['at = "body"; cut = "rst"; times = 1']),
        (
            "S: 552 big\nC: .\nC: NOOP\nS: 250 ok",
            ['at = "body"; reply = "552 big"; times = 1', 'at = "dot"; reply = "250 ok"'],
        ),
    ],
)
def test_a_message_is_answered_at_its_dot_or_before(steps: str, found: list[str]) -> None:
    """Its lines are not looked at."""
    assert rules(UP_TO_DATA + steps)[4:] == found


def test_a_transcript_that_is_not_strict_is_a_script_of_rules() -> None:
    """One that is strict is played."""
    assert len(read_transcript_script(UP_TO_DATA, "t.txt").rules) == 4
    assert read_transcript_script("strict = true\n" + UP_TO_DATA, "t.txt").transcript is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("S: 220 hi\nC: ~^NOOP\nS: 250 ok", "dir/t.txt:2: a rule needs to know which command this is"),
        ("S: 220 hi\nS: 421 bye", "dir/t.txt:2: nobody has asked, and the server does not wait"),
        ("S: 220 hi\nC: NOOP\nS: 250 ok\n!cut rst", "dir/t.txt:4: a rule resets a connection in place of a reply"),
        ("S: 220 hi\n!read 4B", "dir/t.txt:2: a rule counts the octets of a message only"),
    ],
)
def test_what_no_rule_can_do_is_told_with_its_line(text: str, message: str) -> None:
    """Mostly it can be played strictly."""
    with pytest.raises(ConfigurationError) as caught:
        rules(text)
    assert str(caught.value).startswith(message)
    assert caught.value.hint
