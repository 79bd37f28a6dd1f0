"""The parts of `maildrill serve` that need no server."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from maildrill.cli.main import main
from maildrill.cli.parameters import CLOCK, ENOUGH, SIZE, Enough
from maildrill.cli.ready_file import announced
from maildrill.cli.reloading import Reloading, ScriptFiles
from maildrill.cli.serve import serve
from maildrill.cli.serve_options import Options, journal_of, new_loop, token_of
from maildrill.cli.users_file import read_users
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.language.script_clock import ScriptClock
from maildrill.fakeserver.scaled_clock import ScaledLoop, as_for_everybody
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.world import run_world
from maildrill.smtp import ConfigurationError

TREE = Path(__file__).parents[3]
EXPECTING = read_script('[[expect]]\nrcpt = "ann@x.test"\ncommitted = 1\n', "some.toml")


def options(*arguments: str) -> Options:
    """Return what a command line says."""
    context = serve.make_context("serve", list(arguments))
    return Options(**context.params)


def test_the_command_line_is_read_whole() -> None:
    """Each option of the command is a field of the same name."""
    assert options("x.toml", "--port", "0").script == "x.toml"
    assert {parameter.name for parameter in serve.params} == set(Options.__dataclass_fields__)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("ann:secret\n\n# bob\nbob:a:b\n", {"ann": "secret", "bob": "a:b"}),
        ("ann: secret \n", {"ann": " secret "}),
    ],
)
def test_users_are_read_from_lines(tmp_path: Path, text: str, lines: dict[str, str]) -> None:
    """A colon may be in a password, and blanks may."""
    path = tmp_path / "users"
    path.write_text(text)

    assert read_users(path) == lines


def test_users_are_read_from_toml(tmp_path: Path) -> None:
    """A table of names and passwords."""
    path = tmp_path / "users.toml"
    path.write_text('ann = "secret"\n"bob@x.test" = "a:b"\n')

    assert read_users(path) == {"ann": "secret", "bob@x.test": "a:b"}


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("users", "ann:one\nhunter2\n", ":2: this line has no name and password"),
        ("users", "ann:\n", ":1: this line has no name and password"),
        ("users", ":hunter2\n", ":1: this line has no name and password"),
        ("users", "ann:one\nann:hunter2\n", ':2: a second user is called "ann"'),
        ("users", "# nobody\n", ": there is no user in it"),
        ("users.toml", "ann = hunter2\n", ":1: not TOML"),
        ("users.toml", "ann = ['hunter2']\n", ': the password of "ann" is no text'),
        ("users.toml", 'ann = ""\n', ': the password of "ann" is no text'),
        ("users.toml", "", ": there is no user in it"),
    ],
)
def test_what_is_no_user_is_told_without_a_password(tmp_path: Path, name: str, text: str, error: str) -> None:
    """Whatever stands in the file may be one."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_users(path)

    assert f"{path}{error}" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (ENOUGH, "10", Enough(messages=10)),
        (ENOUGH, "1 message", Enough(messages=1)),
        (ENOUGH, "10 messages", Enough(messages=10)),
        (ENOUGH, "1m30s", Enough(seconds=90.0)),
        (SIZE, "64MB", 64_000_000),
        (SIZE, "0", 0),
        (CLOCK, "real", ScriptClock("real")),
        (CLOCK, "scaled:60", ScriptClock("scaled:60")),
    ],
)
def test_options_are_read_as_people_write_them(kind: Any, text: str, value: object) -> None:
    """And a value that is one already stays as it is."""
    assert kind.convert(text, None, None) == value
    assert kind.convert(value, None, None) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [(ENOUGH, "0"), (ENOUGH, "-1"), (ENOUGH, "ten"), (SIZE, "x"), (CLOCK, "virtual"), (CLOCK, "scaled:x")],
)
def test_what_an_option_cannot_be_is_refused(kind: Any, text: str) -> None:
    """With what it can be."""
    with pytest.raises(click.BadParameter):
        kind.convert(text, None, None)


@pytest.mark.parametrize(
    ("arguments", "script", "kind"),
    [
        (["--loop", "asyncio"], Script(), "SelectorEventLoop"),
        (["--clock", "scaled:60"], Script(), "ScaledLoop"),
        (["--clock", "scaled:1"], Script(), "ScaledLoop"),
        ([], Script(clock=ScriptClock("scaled:60")), "ScaledLoop"),
        (["--clock", "real", "--loop", "asyncio"], Script(clock=ScriptClock("virtual")), "SelectorEventLoop"),
    ],
)
def test_the_clock_chooses_the_loop(arguments: list[str], script: Script, kind: str) -> None:
    """That of the command line before that of the script."""
    loop = new_loop(options(*arguments), script)
    loop.close()

    assert kind in type(loop).__name__.replace("_Unix", "")


def test_the_fast_loop_is_taken_where_it_is_installed() -> None:
    """And asked for where it is not."""
    loop = new_loop(options("--loop", "auto"), Script())
    loop.close()
    hidden = "import sys; sys.modules['uvloop'] = None; from maildrill.cli.main import main; main(sys.argv[1:])"
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", hidden, "serve", "--port", "0", "--loop", "uvloop"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert type(loop).__module__.partition(".")[0] in ("uvloop", "asyncio")
    assert (done.returncode, done.stderr) == (2, "error: uvloop is not installed\n  pip install uvloop\n")


def test_a_script_for_virtual_time_is_not_served_unasked() -> None:
    """It would mean something else."""
    with pytest.raises(ConfigurationError, match='clock = "virtual"'):
        new_loop(options(), Script(name="drill.toml", clock=ScriptClock("virtual")))


def test_a_token_is_new_each_time_and_long() -> None:
    """Nobody guesses it."""
    first, second = token_of(options()), token_of(options())

    assert first is not None
    assert (first != second, len(first) >= 32) == (True, True)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_no_token_is_asked_for_on_loopback_only(host: str) -> None:
    """Where that was told."""
    assert token_of(options("--http-no-token", "--http-host", host)) is None


@pytest.mark.parametrize("host", ["192.0.2.1", "::", "mail.test"])
def test_without_a_token_no_other_address_is_opened(host: str) -> None:
    """Else everybody could steer the server."""
    with pytest.raises(ConfigurationError, match="everybody could steer this server"):
        token_of(options("--http-no-token", "--http-host", host))


@pytest.mark.parametrize(
    ("arguments", "script", "bounds"),
    [
        ([], Script(), (10_000, 0)),
        (["--http-port", "0"], Script(), (10_000, 64_000_000)),
        (["--keep", "5", "--keep-octets", "1KB"], Script(), (5, 1000)),
        ([], EXPECTING, (None, 0)),
        (["--keep", "5"], EXPECTING, (5, 0)),
    ],
)
def test_a_server_remembers_so_much(arguments: list[str], script: Script, bounds: tuple[int | None, int]) -> None:
    """All, where the script expects something: it could not tell otherwise."""
    journal = journal_of(options(*arguments), script)

    assert (journal.keep, journal.octets) == bounds


def test_a_ready_file_replaces_what_was_left_behind(tmp_path: Path) -> None:
    """By a server that was killed, be it half written."""
    path = tmp_path / "ready"
    path.write_text("old")
    (tmp_path / "ready.new").write_text("old")
    with announced(path, {"smtp": "127.0.0.1:1", "token": "secret"}):
        said, mode = path.read_text(), path.stat().st_mode & 0o777

    assert (said, mode, list(tmp_path.iterdir())) == ("smtp=127.0.0.1:1\ntoken=secret\n", 0o600, [])


class Reloaded:
    """Files of a script, and what becomes of them when they are loaded again."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "some.toml"
        self.file.write_text("")
        self.files = ScriptFiles(str(self.file))
        self.files.load()
        self.played: list[Script] = []
        self.told: list[str] = []

    async def looks(self, change: Any, count: int) -> None:
        """Change something before the first of so many looks."""
        reloading = Reloading(self.files, self.played.append, tell=self.told.append, pace=lambda: 1.0)
        change(reloading)
        reloading.start()
        for _ in range(count):
            await asyncio.sleep(0.5)
        reloading.stop()


@pytest.mark.parametrize(("looks", "played"), [(1, 0), (3, 1), (9, 1)])
def test_a_file_is_looked_at_twice_before_it_is_loaded(tmp_path: Path, looks: int, played: int) -> None:
    """It may still be being written; and it is loaded once."""
    reloaded = Reloaded(tmp_path)
    run_world(lambda _world: reloaded.looks(lambda _: reloaded.file.write_text("# more\n"), looks))

    assert len(reloaded.played) == played


def test_a_file_that_did_not_change_is_left_alone(tmp_path: Path) -> None:
    """However often it is looked at."""
    reloaded = Reloaded(tmp_path)
    run_world(lambda _world: reloaded.looks(lambda _: None, 9))

    assert (reloaded.played, reloaded.told) == ([], [])


def test_a_broken_file_is_told_of_once(tmp_path: Path) -> None:
    """Not at each look."""
    reloaded = Reloaded(tmp_path)
    run_world(lambda _world: reloaded.looks(lambda _: reloaded.file.write_text("[[rule"), 9))

    assert (reloaded.played, len(reloaded.told)) == ([], 1)
    assert reloaded.told[0].startswith("the script was not loaded again, the old one stays in force\n")


def test_what_cannot_be_played_changes_nothing(tmp_path: Path) -> None:
    """It was read, and is refused by the server."""
    reloaded = Reloaded(tmp_path)

    def refuse(script: Script) -> None:
        raise ConfigurationError("not this one")

    Reloading(reloaded.files, refuse, tell=reloaded.told.append, pace=lambda: 1.0).load()

    assert reloaded.told == ["the script was not loaded again, the old one stays in force\nnot this one"]


def test_scaled_time_keeps_what_has_passed() -> None:
    """When its pace changes, and when it is set on."""
    loop = ScaledLoop(1000)
    loop.factor = 0.001
    before = loop.time()
    loop.advance(3600)
    loop.advance(-5)
    passed = loop.time() - before
    loop.close()

    assert 3600 <= passed < 3601


def test_what_is_due_within_the_time_that_is_set_on_is_due_in_order() -> None:
    """As if it had passed."""
    due: list[str] = []

    async def story() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ScaledLoop)
        for name, when in (("late", 7200), ("second", 1800), ("first", 60)):
            loop.call_later(when, due.append, name)
        loop.advance(3600)
        await asyncio.sleep(0.01)

    with asyncio.Runner(loop_factory=ScaledLoop) as runner:
        runner.run(story())

    assert due == ["first", "second"]


@pytest.mark.parametrize(("loop", "seconds"), [(lambda: ScaledLoop(60), 120.0), (asyncio.new_event_loop, 2.0)])
def test_other_programs_are_waited_for_by_their_time(
    loop: Callable[[], asyncio.AbstractEventLoop], seconds: float
) -> None:
    """Two seconds of everybody's are two minutes where time passes sixty times as fast."""

    async def story() -> float:
        return as_for_everybody(2.0)

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(story()) == seconds


CONTAINER = (TREE / "Containerfile").read_text(encoding="utf-8")


def instructions(word: str) -> list[str]:
    """Return what stands behind an instruction of the container file, each time."""
    return [line.partition(" ")[2] for line in CONTAINER.splitlines() if line.startswith(f"{word} ")]


def test_the_container_file_copies_what_is_there() -> None:
    """And what the wheel is built from."""
    sources = [name for line in instructions("COPY") for name in line.split()[:-1] if not line.startswith("--from")]

    assert [name for name in sources if not (TREE / name).exists()] == []
    assert {"smtp", "fakeserver", "sender", "scenarios", "pyproject.toml", "README.md", "LICENSE"} <= set(sources)


def test_the_container_ignores_nothing_that_it_copies() -> None:
    """The list of what goes to the builder is the same."""
    kept = {line[1:] for line in (TREE / ".containerignore").read_text().splitlines() if line.startswith("!")}
    sources = {name for line in instructions("COPY") for name in line.split()[:-1] if not line.startswith("--from")}

    assert kept == sources


def test_the_container_starts_a_command_that_there_is() -> None:
    """With options that it takes: SMTP and HTTP on the ports that are exposed."""
    (entry,), (command,), (ports,) = instructions("ENTRYPOINT"), instructions("CMD"), instructions("EXPOSE")
    words = [*eval(entry), *eval(command)]  # noqa: S307 - lists of strings in our own file
    told = options(*words[2:])

    assert words[:2] == ["maildrill", "serve"]
    assert main.get_command(click.Context(main), "serve") is serve
    assert [str(told.port), str(told.http_port)] == ports.split()
    assert token_of(replace(told, http_token="secret")) == "secret"  # noqa: S106 - it opens nothing


def test_the_container_asks_itself_what_there_is_to_be_asked() -> None:
    """The health check is a program of its own: it fails where nobody is there."""
    (check,) = instructions("HEALTHCHECK")
    program = eval(check.partition("CMD ")[2])  # noqa: S307 - a list of strings in our own file
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *shlex.split(shlex.join(program[1:]).replace("8025", "1"))], capture_output=True, check=False
    )

    assert (program[:2], "/healthz" in program[2]) == (["python", "-c"], True)
    assert done.returncode == 1


def test_what_is_unusual_is_told_when_it_is_loaded_again(tmp_path: Path) -> None:
    """As it is at the start."""
    reloaded = Reloaded(tmp_path)
    reloaded.file.write_text('[[rule]]\nat = "rcpt"\nreply = "221 2.0.0 bye"\n')
    Reloading(reloaded.files, reloaded.played.append, tell=reloaded.told.append, pace=lambda: 1.0).load()

    assert [line.split(" (")[0] for line in reloaded.told] == [
        f"loaded again: {reloaded.file}",
        f"unusual: {reloaded.file}:3: 221",
    ]
