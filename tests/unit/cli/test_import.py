"""`maildrill import`: what is printed where, and what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from maildrill.cli.main import main
from maildrill.fakeserver.importers.formats import FORMATS
from maildrill.fakeserver.text.script_file import read_script

CHAOS = '{"Recipient": {"ErrorCode": 450, "Probability": 5}}'
LOG = "=== Trying 192.0.2.1:25...\n<-  220 hi\n -> QUIT\n<-  221 bye\n"


def told(*arguments: str, stdin: str | bytes = "") -> tuple[int, str, str]:
    """Return exit status, stdout and stderr of a command line."""
    result = CliRunner().invoke(main, ["import", *arguments], input=stdin)
    return result.exit_code, result.stdout, result.stderr


def test_a_file_is_printed_as_a_script(tmp_path: Path) -> None:
    """The format is found out, and said on stderr."""
    file = tmp_path / "chaos.json"
    file.write_text(CHAOS, encoding="utf-8")
    code, out, err = told(str(file))

    assert (code, err) == (0, "read as mailpit\n")
    assert [rule.chance for rule in read_script(out, "x").rules] == [0.05]


def test_stdin_is_a_file_too() -> None:
    """A format that is said is taken; octets that are not UTF-8 are read as Latin-1."""
    code, out, err = told("swaks", "-", stdin=LOG.encode() + b"=== \xff\n")

    assert (code, err) == (0, "")
    assert out == "S: 220 hi\nC: QUIT\nS: 221 bye\n"


def test_rules_are_made_of_a_log_where_they_are_wanted() -> None:
    """TOML in place of a transcript."""
    code, out, _ = told("--rules", "-", stdin=LOG)

    assert code == 0
    assert len(read_script(out, "x").rules) == 2


def test_a_script_can_be_written_to_a_file(tmp_path: Path) -> None:
    """Then stdout is empty."""
    code, out, _ = told("-", "--out", str(tmp_path / "t.txt"), stdin=LOG)

    assert (code, out) == (0, "")
    assert (tmp_path / "t.txt").read_text(encoding="utf-8").startswith("S: 220 hi\n")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ["say which file"]),
        (["a", "b", "c"], ["say which file"]),
        (["nowhere.txt"], ["error: nowhere.txt: file not found"]),
        (["swacks", "-"], ['unknown format "swacks"', 'did you mean "swaks"?']),
        (["-"], ["error: stdin: cannot tell what this is", "expected one of: transcript mailpit"]),
        (["swaks", "-"], ["stdin:1: nobody says anything in this log"]),
        (["-", "--out", "/nowhere/x.txt"], ["stdin: cannot tell"]),
        (["mailpit", "-", "--out", "/nowhere/x.txt"], ["stdin:1: not JSON"]),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], parts: list[str]) -> None:
    """Exit 2, where, and what to try."""
    code, out, err = told(*arguments, stdin="hello\n")

    assert (code, out) == (2, "")
    assert [part for part in parts if part not in err] == []


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """With the next step."""
    code, _, err = told("-", "--out", str(tmp_path / "nowhere" / "x.txt"), stdin=LOG)

    assert code == 2
    assert "name another file with --out" in err


def test_help_lists_all_formats() -> None:
    """And what each is."""
    _, out, _ = told("--help")

    assert [name for name, one in FORMATS.items() if name not in out or one.what not in out] == []
