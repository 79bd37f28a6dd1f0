"""`maildrill drill` and `maildrill scripts`: what is wrong is said, with the place and the next step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from maildrill.cli.main import main
from maildrill.scenarios import catalogue, pages


def told(*arguments: str) -> tuple[int, str, str]:
    """Return exit status, stdout and stderr of a command line."""
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["nowhere.toml"], ["error: nowhere.toml: campaign not found", "check the path"]),
        (["festivl"], ['no bundled campaign is called "festivl"', 'did you mean "festival"?']),
        (["--script", "rough-weak"], ['no script is called "rough-weak"', 'did you mean "rough-week"?']),
        (["--script", "nowhere.toml"], ["error: nowhere.toml: script not found", "check the path"]),
    ],
)
def test_what_is_not_there_is_named(arguments: list[str], parts: list[str]) -> None:
    """A campaign or script that is not there: exit 2, what was looked for, what was probably meant."""
    code, out, err = told("drill", *arguments)

    assert (code, out) == (2, "")
    assert [part for part in parts if part not in err] == []


@pytest.mark.parametrize(
    ("option", "value", "part"),
    [
        ("--latency", "soon", '"soon" is not a duration such as "30s"'),
        ("--segment", "-1", "-1 is not in the range x>=0"),
        ("--seed", "x", "'x' is not a valid integer"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(option: str, value: str, part: str) -> None:
    """Exit 2, the option, and what was expected."""
    code, _, err = told("drill", option, value)

    assert code == 2
    assert option in err
    assert part in err


def test_a_mistake_in_a_script_is_located(tmp_path: Path) -> None:
    """A script with a mistake: file, line, what was expected, what was probably meant."""
    script = tmp_path / "mx.toml"
    script.write_text('version = 1\n\n[[rule]]\nat = "rctp"\nreply = "450 later"\n', encoding="utf-8")
    code, _, err = told("drill", "--script", str(script))

    assert code == 2
    assert f"{script}:4:" in err
    assert 'did you mean "rcpt"?' in err


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """--out where a file stands: exit 2, the file's name, and what to do."""
    file = tmp_path / "taken" / "file"
    file.parent.mkdir()
    file.touch()
    code, _, err = told("drill", "notice", "--script", "all-good", "--out", str(file / "out"))

    assert code == 2
    assert str(file) in err
    assert "name another folder with --out" in err


def test_scripts_lists_each_with_its_purpose() -> None:
    """One line for each bundled script: its name and what it is for."""
    code, out, _ = told("scripts")

    assert code == 0
    lines = [line for line in out.splitlines() if not line.startswith("[")]
    assert [line.split("  ")[0] for line in lines] == list(catalogue.shelf())
    assert [line for line in out.splitlines() if line.startswith("[")] == [
        f"[{group}]" for group in (*catalogue.GROUPS, "compat", "profiles")
    ]
    assert all(len(line.split("  ", 1)[1].strip()) > 20 for line in lines)


def test_scripts_are_found_by_a_word() -> None:
    """In name, purpose or source, in any case."""
    _, out, _ = told("scripts", "--find", "rfc 1047")
    names = [line.split("  ")[0] for line in out.splitlines() if not line.startswith("[")]

    assert {"dot-lost", "lost-reply-after-dot"} <= set(names)
    assert "rcpt-4yz" not in names
    assert told("scripts", "--find", "no such word")[:2] == (0, "")


def test_the_page_is_printed() -> None:
    """`--markdown` is docs/catalogue.md."""
    assert told("scripts", "--markdown") == (0, pages.catalogue_page(), "")


def test_a_script_is_played_with_its_own_scenario() -> None:
    """Without a campaign; the report is about its recipients."""
    code, out, _ = told("drill", "--script", "rcpt-4yz")

    assert code == 0
    assert "3 recipients" in out


def test_all_does_not_go_with_a_script() -> None:
    """Exit 2, and what goes with it."""
    code, _, err = told("drill", "--all", "--script", "rcpt-4yz")

    assert code == 2
    assert "--all plays all bundled scripts" in err


@pytest.mark.parametrize("name", catalogue.shelf())
def test_scripts_show_prints_a_script_that_can_be_used(name: str, tmp_path: Path) -> None:
    """What `show` prints is the script: saved, it is the same one."""
    code, out, _ = told("scripts", "show", name)
    copy = tmp_path / f"{name.rpartition('/')[2]}.toml"
    copy.write_text(out, encoding="utf-8")

    assert code == 0
    assert catalogue.load_script(str(copy)).rules == catalogue.load_script(name).rules


def test_an_unknown_script_cannot_be_shown() -> None:
    """`show` of a name that is not there: exit 2 and the nearest one."""
    code, out, err = told("scripts", "show", "greylst")

    assert (code, out) == (2, "")
    assert 'did you mean "greylist"?' in err


DIRECT = """
[campaign]
name = "direct"
from = "office@club.example"
subject = "Hello"
[route]
kind = "direct"
[list]
file = "list.csv"
email = "email"
[message]
text = "letter.txt"
"""


def test_a_direct_campaign_is_rehearsed_with_hosts_and_a_dns(tmp_path: Path) -> None:
    """--dns says what leads where and what plays there, --host says it of one host."""
    (tmp_path / "campaign.toml").write_text(DIRECT, encoding="utf-8")
    (tmp_path / "letter.txt").write_text("Hello!\n", encoding="utf-8")
    (tmp_path / "list.csv").write_text("email\na@good.test\nb@bad.test\nc@null.test\n", encoding="utf-8")
    zone = (
        '[dns."good.test"]\nmx = "mx.good.test"\n[dns."bad.test"]\nmx = "mx.bad.test"\n[dns."null.test"]\nmx = "0 ."\n'
    )
    (tmp_path / "dns.toml").write_text(f'{zone}[hosts]\n"mx.good.test" = "good.toml"\n', encoding="utf-8")
    (tmp_path / "good.toml").write_text("version = 1\n", encoding="utf-8")
    no = 'version = 1\n[[rule]]\nat = "rcpt"\nreply = "550 5.1.1 no"\n'
    (tmp_path / "no.toml").write_text(no, encoding="utf-8")
    files = [str(tmp_path / name) for name in ("campaign.toml", "dns.toml", "no.toml", "good.toml")]
    with_hosts = ["--dns", files[1], "--host", f"mx.bad.test={files[2]}", "--script", files[3], "--json"]
    code, out, _ = told("drill", files[0], *with_hosts)
    report = json.loads(out)

    assert (code, report["violations"]) == (0, [])
    assert (report["delivered"], report["failed"], report["relay"]) == (1, 2, "direct")


def test_a_host_without_a_script_is_no_host() -> None:
    """What was said, and what it should have been."""
    code, _, err = told("drill", "festival", "--host", "mx.test")

    assert code == 2
    assert '"mx.test" is no HOST=FILE|NAME' in err
