"""What a run is complained about, as values: each kind, its text, and its name."""

from __future__ import annotations

from typing import Any

import pytest

from maildrill.fakeserver.engine.near_miss import NearMiss
from maildrill.fakeserver.harness.complaints import Complaint, Kind, allowed, complain
from maildrill.fakeserver.journal.record import Entry, Message
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.text.script_file import read_script
from maildrill.smtp import ConfigurationError, Reply, Stage

AT = 1_767_603_600.0
RCPT = "RCPT TO:<bob@x.test>"


def entry(command: str, reply: str = "", **more: Any) -> Entry:
    said = Reply.of(reply) if reply else None
    return Entry(began=AT, at=AT, session=1, stage=Stage.RCPT, command=command, reply=said, **more)


def message(**more: Any) -> Message:
    known: dict[str, Any] = {"reverse_path": "", "recipients": ("ann@x.test",), "content": b"", "size": 0}
    return Message(at=AT, session=1, message_id="", committed=True, **{**known, **more})


def told(*entries: Entry) -> list[str]:
    return [str(complaint) for complaint in complain(Script(), entries)]


@pytest.mark.parametrize("code", [500, 501, 502, 503, 504, 555])
def test_what_is_malformed_unknown_or_out_of_place_is_undeclared(code: int) -> None:
    """The replies that RFC 5321 has for it."""
    assert told(entry(RCPT, f"{code} no")) == [f'undeclared: session 1 said "{RCPT}", and was told {code} no']


@pytest.mark.parametrize("reply", ["250 ok", "421 bye", "450 later", "535 wrong", "550 no", "552 full", "554 no"])
def test_what_a_server_may_say_to_a_correct_client_is_not(reply: str) -> None:
    """A wrong password or a full mailbox is not a wrong command."""
    assert told(entry(RCPT, reply)) == []


def test_what_a_rule_answered_is_declared() -> None:
    """Whatever it said."""
    assert told(entry(RCPT, "500 what?", rule="mine")) == []


def test_what_a_strict_script_has_no_rule_for_is_undeclared() -> None:
    """With the rules that came near, or with the stage where there is no command."""
    near = entry(RCPT, "554 no", unmatched=True, near_misses=('only ann: rcpt = "ann@*"', "evil\x1b"))
    silent = Entry(began=AT, at=AT, session=2, stage=Stage.BANNER, unmatched=True)

    assert told(near, silent) == [
        f'undeclared: session 1 said "{RCPT}", and no rule of the script fits\n  only ann: rcpt = "ann@*"\n  evil\\x1b',
        "undeclared: session 2 came to banner, and no rule of the script fits",
    ]


def test_a_command_that_got_no_reply_is_not_undeclared() -> None:
    """The client went before; or the script cut the line."""
    assert told(entry(RCPT)) == []


def test_a_rule_that_never_fired_is_unused_and_shown() -> None:
    """On one line, however it was written; what is no rule has only its name."""
    domains = ", ".join(f'"{name}.a-long-domain.example"' for name in "abcdefgh")
    words = (f"domain = [{domains}]", "times = 2", 'reply = "450 4.2.1 busy"')
    script = read_script("[[rule]]\nname = 'many'\nat = 'rcpt'\n" + "\n".join(words), "mine.toml")

    assert [str(complaint) for complaint in complain(script, (), unfired=("many", "function"))] == [
        f'unused-rules: many never fired: at = "rcpt", {", ".join(words)}',
        "unused-rules: function never fired",
    ]


def test_why_a_rule_did_not_answer_is_told() -> None:
    """Where it was asked and nobody answered, the last time; what a client said is escaped."""
    script = read_script('[[rule]]\nname = "bob"\nat = "rcpt"\nrcpt = "bob@*"', "mine.toml")
    first, second = (
        (
            NearMiss("eve", "rcpt", 'rcpt = "eve@*"', f"rcpt is {rcpt}"),
            NearMiss("bob", "rcpt", 'rcpt = "bob@*"', f"rcpt is {rcpt}"),
        )
        for rcpt in ("ann@x.test", "a\x1b@x.test")
    )
    entries = (entry(RCPT, near_misses=first), entry(RCPT, near_misses=second), entry(RCPT, "250 ok", rule="other"))

    (complaint,) = complain(script, entries, unfired=["bob"])

    assert complaint.text.splitlines()[1] == (
        f'  asked last at "{RCPT}" in session 1: rcpt = "bob@*" but rcpt is a\\x1b@x.test'
    )


def test_what_is_not_as_expected_comes_first() -> None:
    """In the words of whoever looked."""
    complaints = complain(Script(), [entry(RCPT, "503 no")], unmet=["mine.toml:3: expected more\n  than that"])

    assert str(complaints[0]) == "unmet: mine.toml:3: expected more\n  than that"
    assert [complaint.kind for complaint in complaints] == [Kind.UNMET, Kind.UNDECLARED]


def test_a_message_that_nobody_read_is_shown_by_its_envelope() -> None:
    """Never by what is in it."""
    (complaint,) = complain(Script(), (), unread=[message()])

    assert complaint.kind is Kind.UNREAD
    assert "rcpt=<ann@x.test>" in complaint.text


def test_of_a_kind_ten_are_shown() -> None:
    """Who has more of them has made one mistake."""
    complaints = complain(Script(), [entry(RCPT, "503 no")] * 12)

    assert [str(complaint) for complaint in complaints[9:]] == [str(complaints[0]), "undeclared: and 2 more"]


def test_kinds_are_allowed_by_name() -> None:
    """As they are shown."""
    assert allowed(["unmet", "undeclared", "unused-rules", "unread"]) == frozenset(Kind)
    assert allowed(()) == frozenset()


def test_a_name_that_is_none_is_told() -> None:
    """With what there is, and what was meant."""
    with pytest.raises(ConfigurationError) as caught:
        allowed(["unused"])
    assert str(caught.value).splitlines() == [
        'nothing that can be allowed is called "unused"',
        "  expected one of: unmet undeclared unused-rules unread",
        '  did you mean "unused-rules"?',
    ]


def test_a_complaint_is_told_with_its_kind() -> None:
    """So that it can be allowed by it."""
    assert str(Complaint(Kind.UNMET, "nothing came")) == "unmet: nothing came"
