from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version

import click
import pytest
from click.testing import CliRunner

from maildrill.cli.exits import Exit, error_exits, tell
from maildrill.cli.main import COMMANDS, main
from maildrill.smtp import ConfigurationError, MaildrillError


@click.command()
@click.argument("how")
def stumble(how: str) -> int:
    """End in the way that is asked for."""
    endings: dict[str, BaseException] = {
        "configuration": ConfigurationError(
            "unknown key", where="c.toml:3", expected="one of: a b", hint='did you mean "a"?'
        ),
        "bug": TypeError("no \x1b[2J"),
        "interrupt": KeyboardInterrupt(),
        "pipe": BrokenPipeError(),
        "file": FileNotFoundError(2, "No such file or directory", "/nowhere"),
    }
    if how in endings:
        raise endings[how]
    return int(how)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Return a runner; `stumble` is one more subcommand."""
    monkeypatch.setitem(COMMANDS, "stumble", (__name__, "stumble", "Stumble."))
    return CliRunner()


def test_version_is_the_installed_one(run: CliRunner) -> None:
    """--version says what is installed."""
    result = run.invoke(main, ["--version"])

    assert (result.exit_code, result.stdout) == (0, f"maildrill {version('maildrill')}\n")


#: What only subcommands need, and takes time to load.
HEAVY = {
    *("aiosmtpd", "aiosmtplib", "asyncio", "cryptography", "httpx", "hypothesis", "jinja2", "msgspec", "rich"),
    *("sqlite3", "ssl", "starlette", "uvicorn", "uvloop"),
}


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_the_program_says_of_itself_imports_nothing_heavy(option: str) -> None:
    """--version and --help answer without loading what only subcommands need."""
    code = (
        "import sys; from maildrill.cli.main import main\n"
        f"try: main(['{option}'])\n"
        "except SystemExit: pass\n"
        f"print(sorted(set({sorted(HEAVY)}) & set(sys.modules)))"
    )
    bare = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}  # it loads sqlite3
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, env=bare, capture_output=True, text=True, check=True)  # noqa: S603 - our own interpreter

    assert result.stdout.splitlines()[-1] == "[]"


def test_help_names_every_subcommand(run: CliRunner) -> None:
    """--help has a line for each."""
    result = run.invoke(main, ["--help"])

    assert (result.exit_code, [name for name in COMMANDS if f"  {name} " not in result.stdout]) == (0, [])


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_subcommand_has_help(name: str) -> None:
    """A command without help is no command."""
    result = CliRunner().invoke(main, [name, "--help"])

    assert (result.exit_code, "Usage: maildrill" in result.stdout) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["snd"], 'no command "snd"; did you mean "send"?'),
        (["qqq"], f'no command "qqq"; there are: {" ".join(COMMANDS)}'),
        (["--nope"], "--nope"),
        (["stumble"], "Missing argument"),
    ],
)
def test_bad_usage_says_what_is_there(arguments: list[str], words: str, run: CliRunner) -> None:
    """Usage errors go to stderr and end with 2."""
    result = run.invoke(main, arguments)

    assert (result.exit_code, result.stdout, words in result.stderr) == (2, "", True)


def test_a_configuration_error_shows_place_expectation_and_hint(run: CliRunner) -> None:
    """All that the error knows is shown, and no traceback."""
    result = run.invoke(main, ["stumble", "configuration"])

    assert (result.exit_code, result.stdout, result.stderr) == (
        2,
        "",
        'error: c.toml:3: unknown key\n  expected one of: a b\n  did you mean "a"?\n',
    )


@pytest.mark.parametrize(
    ("how", "code", "words"),
    [
        ("0", 0, ""),
        ("75", 75, ""),
        ("interrupt", 130, "interrupted"),
        ("pipe", 1, ""),
        ("file", 2, "error: /nowhere: No such file or directory"),
    ],
)
def test_each_ending_has_its_exit_code(how: str, code: int, words: str, run: CliRunner) -> None:
    """A command's own code is passed on; an error has one."""
    result = run.invoke(main, ["stumble", how])

    assert (result.exit_code, result.stderr.strip()) == (code, words)


def test_a_bug_is_told_without_a_traceback(run: CliRunner) -> None:
    """The last resort names error and place, escapes its text, and says how to see more."""
    result = run.invoke(main, ["stumble", "bug"])

    assert (result.exit_code, "Traceback" in result.stderr, "\x1b" in result.stderr) == (3, False, False)
    assert "internal error: TypeError" in result.stderr


def test_a_bug_shows_its_traceback_to_those_who_ask(run: CliRunner) -> None:
    """MAILDRILL_DEBUG is for whoever mends it."""
    result = run.invoke(main, ["stumble", "bug"], env={"MAILDRILL_DEBUG": "1"})

    assert "Traceback" in result.stderr


def test_a_closed_pipe_ends_quietly() -> None:
    """`maildrill --help | true` leaves no complaint behind."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", "from maildrill.cli.main import main; main(['--help'])"]
    result = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own interpreter
    os.close(write)

    assert (result.returncode, result.stderr) == (1, "")


def test_embedding_gets_exceptions_not_exits(run: CliRunner) -> None:
    """With standalone_mode=False click's own contract holds."""
    with pytest.raises(ConfigurationError):
        main.main(["stumble", "configuration"], standalone_mode=False)


@pytest.mark.parametrize(("kind", "code"), [(ConfigurationError, 78), (MaildrillError, 75)])
def test_a_command_may_give_its_errors_codes_of_its_own(
    kind: type[MaildrillError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """`send` ends with 78 where others end with 2; the words stay the same."""
    with (
        pytest.raises(MaildrillError) as caught,
        error_exits(configuration=Exit.CONFIGURATION, others=Exit.LEFTOVERS),
    ):
        raise kind("no such column", where="c.toml:9", expected="one of: a b", hint="look")

    assert tell(caught.value) == code
    assert capsys.readouterr().err == "error: c.toml:9: no such column\n  expected one of: a b\n  look\n"
