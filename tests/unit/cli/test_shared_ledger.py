"""A ledger's URL: what of it is shown. And what is said where a ledger in a database cannot be had."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from maildrill.cli.main import main
from maildrill.sender.ledger import read_book
from maildrill.sender.ledger.postgres_url import check_url, redacted, without_secrets
from maildrill.sender.log_files import log_files
from maildrill.smtp import ConfigurationError

SECRET = "s3cr"  # noqa: S105 - of nothing
COMMANDS = [
    ["status"],
    ["explain", "ann@x.example"],
    ["report"],
    ["status", "--json"],
]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:s3cr@h:5/d", "postgresql://ann:***@h:5/d"),
        ("postgres://ann:s3c:s3cr@h/d?x=1", "postgres://ann:***@h/d?x=1"),
        ("postgresql://h/d?user=a&password=s3cr%40t&x=1", "postgresql://h/d?user=a&password=***&x=1"),
        ("postgresql://h/d?pass%77ord=s3cr&sslpassword=s3cr", "postgresql://h/d?password=***&sslpassword=***"),
        ("postgresql://ann@/d?host=/run/pg", "postgresql://ann@/d?host=/run/pg"),
        ("postgresql://h1:1,h2:2/d", "postgresql://h1:1,h2:2/d"),
        ("postgresql://", "postgresql://"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    """Wherever in it they stand, and however they are spelled."""
    check_url(url)

    assert redacted(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:s3cr/et@h/d",
        "postgresql://ann:s3cr@t@h/d",
        "postgresql://ann:a?s3cr@h/d",
        "postgresql://ann:a#s3cr@h/d",
        "postgresql://h/d?password=a?s3cr",
    ],
)
def test_a_url_that_nobody_can_take_apart_is_not_shown(url: str) -> None:
    """Nor tried: libpq would quote the parts that it takes for host, port or option."""
    with pytest.raises(ConfigurationError, match="cannot be told apart") as caught:
        read_book(url, None)

    assert SECRET not in str(caught.value)
    assert SECRET not in without_secrets(f"invalid port {url}", url)


def test_what_others_say_is_shown_without_secrets() -> None:
    """As they are written in the URL, and as they are meant."""
    url = "postgresql://ann:s3cr%40t@h/d?sslpassword=s3cr%40t%21&x"

    assert without_secrets("no s3cr%40t, no s3cr@t!, no s3cr@t", url) == "no ***, no ***, no ***"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "url", ["postgresql://ann:s3cr@127.0.0.1:1/d", "postgresql://ann:s3cr/t@h/d", "mysql://ann:s3cr@h/d"]
)
def test_no_command_shows_a_password(command: list[str], url: str) -> None:
    """Whatever is wrong with the URL; given as the ledger, or alone."""
    name, *rest = command
    for words in ([name, *rest, "--ledger", url], [name, url, *rest]):
        result = CliRunner().invoke(main, words)

        assert result.exit_code in (2, 78), result.output
        assert SECRET not in result.output


@pytest.mark.parametrize(
    "words",
    [["send"], ["explain"], ["settle", "--failed"], ["bounces", "-", "--campaign"], ["status", "--ledger", "x", "--"]],
    ids=" ".join,
)
def test_a_url_where_none_belongs_is_not_shown(words: list[str]) -> None:
    """2: in the place of a campaign or an address."""
    result = CliRunner().invoke(main, [*words, "postgresql://ann:s3cr@h/d"])

    assert (result.exit_code, SECRET in result.output) == (2, False), result.output


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """78, and what to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    result = CliRunner().invoke(main, ["status", "--ledger", "postgresql://ann:s3cr@h/d"])

    assert (result.exit_code, "pip install 'maildrill[postgres]'" in result.stderr) == (78, True), result.output
    assert SECRET not in result.output


@pytest.mark.parametrize(
    "command", [["log"], ["retry"], ["requeue", "--state", "failed"], ["settle", "a@x.example", "--failed"]]
)
def test_logs_of_a_database_need_a_campaign(command: list[str]) -> None:
    """2: they are beside its file, and a change is written there, too."""
    result = CliRunner().invoke(main, [*command, "--ledger", "postgresql://h/d"])

    assert (result.exit_code, "beside its file: name that" in result.stderr) == (2, True), result.output


def test_a_log_has_one_writer_at_a_time(tmp_path: Path) -> None:
    """The other is told what to do; when the first is done, its turn comes."""
    names = tmp_path / "logs" / "a.events.jsonl", tmp_path / "logs" / "a.connection.log"
    with (
        log_files(*names, shared=True),
        pytest.raises(ConfigurationError, match="another maildrill is writing this log") as caught,
        log_files(*names, shared=True),
    ):
        pass
    assert "--log-dir" in str(caught.value)
    with log_files(*names, shared=True), log_files(*names, shared=False):
        pass
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigurationError, match="cannot write log"),
        log_files(tmp_path / "file" / "a", names[1], shared=True),
    ):
        pass
