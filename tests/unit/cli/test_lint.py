"""`maildrill lint`."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from maildrill.cli.main import main
from maildrill.scenarios import catalogue


def told(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["lint", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_what_comes_with_maildrill_has_no_findings() -> None:
    """Nothing is printed, and the exit status is 0."""
    assert told(*catalogue.shelf()) == (0, "", "")


def test_findings_are_printed_for_people_and_for_programs(tmp_path: Path) -> None:
    """A line with place, kind and source, a line with what to write; or as JSON. The exit status is 1."""
    script = tmp_path / "s.toml"
    script.write_text('[[rule]]\nat = "rcpt"\nreply = "450 5.2.1 busy"\n', encoding="utf-8")
    code, out, err = told(str(script))

    assert (code, err) == (1, "")
    assert out == (
        f"{script}:3: 450 and 5.2.1 contradict each other (contradicting-status, RFC 2034 section 4 and RFC 3463"
        " section 2)\n  say 4.2.1, or a code that begins with 5\n"
    )
    code, out, _ = told(str(script), "all-good", "--json")
    assert (code, [one["lint"] for one in json.loads(out)]) == (1, ["contradicting-status"])


def test_a_script_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """Exit 2, as everywhere; nothing to say is an empty list."""
    assert told("no-such-script")[0] == 2
    assert told("all-good", "--json") == (0, "[]\n", "")
