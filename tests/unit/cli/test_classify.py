"""`maildrill classify`."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from maildrill.cli.main import main


def told(*arguments: str, said: str = "") -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["classify", *arguments], input=said)
    return result.exit_code, result.stdout, result.stderr


def test_a_reply_gets_its_word_what_it_means_and_what_to_do() -> None:
    """What was said is escaped; the rule and its source say why."""
    code, out, _ = told("552 5.2.2 \x1b[31mOver quota")

    assert code == 0
    assert out.splitlines()[0] == "mailbox-full: 552 5.2.2 \\x1b[31mOver quota"
    assert "RFC 3463 section 3.3" in out.splitlines()[1]
    assert "retried" in out.splitlines()[2]


def test_replies_come_from_standard_input_and_go_to_programs() -> None:
    """One JSON object a line; the stage helps where the text does not."""
    code, out, _ = told("-", "--json", "--at", "rcpt", said="550 no\n\n452 4.5.3 too many\n")

    assert (code, [json.loads(line)["category"] for line in out.splitlines()]) == (
        0,
        ["unknown-user", "too-many-recipients"],
    )


def test_what_no_rule_knows_is_said_to_be_other() -> None:
    """No rule is named."""
    assert "(no rule)" in told("550 your message reads well, and still")[1]


def test_own_rules_are_asked_first(tmp_path: Path) -> None:
    """A file that cannot be read is an error."""
    rules = tmp_path / "own.toml"
    rules.write_text('version = 1\n[[rule]]\ncategory = "policy"\ncode = "552"\n', encoding="utf-8")

    assert told("552 5.2.2 full", "--rules", str(rules))[1].startswith("policy: ")
    assert told("552 5.2.2 full", "--rules", str(tmp_path / "none.toml"))[0] == 2


def test_what_is_no_reply_is_an_error() -> None:
    """Exit 2, with the line where it came from one."""
    assert told("user unknown")[0] == 2
    code, _, err = told("-", said="550 no\nuser unknown\n")

    assert code == 2
    assert 'standard input:2: no reply: "user unknown"' in err
