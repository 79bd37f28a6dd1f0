"""Read a page of Markdown and run its code blocks, in order, in one folder: a page tells one story.

sh: run by a shell; `&` at the end leaves it running until the page ends. console: `$ command` and what it prints.
python: executed. toml: read as a script or a campaign. A second word behind the language is a file to save as; one that
is called test_… is not executed but for pytest, and several blocks make one such file.
Any other block (text, csv, json …) is for reading; a block without a language is an error.
"""

from __future__ import annotations

import doctest
import os
import re
import signal
import socket
import subprocess
import sysconfig
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from maildrill.fakeserver.script_loader import load_text
from maildrill.scenarios.fake_dns import read_zone
from maildrill.sender.campaign_file import read_campaign

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_LIMIT = 120  # seconds; a drill takes a few
_CAMPAIGN = {
    "campaign": '[campaign]\nname = "page"\nfrom = "news@example.com"\nsubject = "Hello"\nmode = "merge"\n',
    "account": '[account]\nhost = "127.0.0.1"\nport = 2525\n',
    "list": '[list]\nfile = "page.csv"\nemail = "Email"\n',
    "message": '[message]\ntext = """\nHello\n"""\n',
}
#: What a page may have instead of a table.
_INSTEAD = {"account": "route"}


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where it begins (`page:line`), its language, the file to save it as (or ""), its code."""

    where: str
    language: str
    file: str
    code: str


def blocks_of(page: Path) -> list[Block]:
    """Return the fenced blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        language, _, file = match["info"].strip().partition(" ")
        found.append(Block(f"{page.name}:{text.count(chr(10), 0, match.start()) + 1}", language, file, match["code"]))
    return found


class Story:
    """Runs the blocks of one page in `folder`; what it leaves running ends with it."""

    def __init__(self, folder: Path, ends: ExitStack) -> None:
        self._folder = folder
        self._ends = ends
        self._environ = _environment(folder)
        self._ports = {port: _free_port() for port in ("2525", "8025")}
        self._runners: dict[str, Callable[[Block], None]] = {
            "sh": self._sh,
            "console": self._console,
            "python": self._python,
            "toml": self._toml,
        }

    def run(self, block: Block) -> None:
        """Run one block; an AssertionError or the code's own error says what is wrong with it."""
        assert block.language, f"{block.where}: a block without a language"

        for port, free in self._ports.items():
            block = replace(block, code=block.code.replace(port, free))
        if block.file.startswith("test_"):
            self._add(block)
            return
        if block.file:
            (self._folder / block.file).write_text(block.code, encoding="utf-8")
        runner = self._runners.get(block.language)
        if runner:
            runner(block)

    def _add(self, block: Block) -> None:
        """Save a part of a test file."""
        path = self._folder / block.file
        before = path.read_text(encoding="utf-8") + "\n\n" if path.exists() else ""
        path.write_text(before + block.code, encoding="utf-8")

    def _sh(self, block: Block) -> None:
        if block.code.rstrip().endswith("&"):
            self._ends.enter_context(_running(block.code.rstrip().removesuffix("&"), self._folder, self._environ))
        else:
            code, output = self._shell(block.code)
            assert code == 0, f"{block.where}: exit {code}\n{output}"

    def _console(self, block: Block) -> None:
        for turn in re.split(r"^\$ ", block.code, flags=re.MULTILINE)[1:]:
            command, _, wanted = turn.partition("\n")
            _, output = self._shell(command)
            same = doctest.OutputChecker().check_output(wanted, output, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
            assert same, f"{block.where}: {command}\nwanted:\n{wanted}\ngot:\n{output}"

    def _shell(self, code: str) -> tuple[int, str]:
        done = subprocess.run(
            ["/bin/sh", "-ec", code],
            cwd=self._folder,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
        return done.returncode, done.stdout

    def _python(self, block: Block) -> None:
        here = Path.cwd()
        os.chdir(self._folder)
        try:
            exec(compile(block.code, block.where, "exec"), {"__name__": "__main__"})  # noqa: S102 - our own pages
        finally:
            os.chdir(here)

    def _toml(self, block: Block) -> None:
        tables = tomllib.loads(block.code).keys()
        if tables & {"version", "use", "clock", "server", "rule", "profile", "expect", "inject", "scenario"}:
            load_text(block.code, block.where, folder=self._folder)
            return
        if tables & {"dns", "hosts"}:
            path = self._folder / (block.file or "dns.toml")
            path.write_text(block.code, encoding="utf-8")
            read_zone(path)
            return
        # a campaign, or a part of one: what the page leaves out is put behind it
        whole = block.code + "".join(
            text for table, text in _CAMPAIGN.items() if not {table, _INSTEAD.get(table)} & tables
        )
        path = self._folder / (block.file or "page.toml")
        path.write_text(whole, encoding="utf-8")
        for name in _files_of(tomllib.loads(whole)):
            (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self._folder / name).touch()
        read_campaign(path)


def _files_of(campaign: dict[str, Any]) -> list[str]:
    """Return the files that a campaign names: the page need not show them all."""
    message = campaign["message"]
    texts = [message[key] for key in ("text", "html") if "\n" not in message.get(key, "\n")]
    return [campaign["list"]["file"], *texts, *message.get("attachments", [])]


def _free_port() -> str:
    """Return a port for this page's server: 2525 and 8025, which all pages say, may be taken."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def _environment(folder: Path) -> dict[str, str]:
    """Put this installation's programs first; `pip` and `tox` do nothing, they have done it already."""
    stubs = folder.parent / "stubs"
    stubs.mkdir()
    for name in ("pip", "tox"):
        (stubs / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (stubs / name).chmod(0o755)
    path = os.pathsep.join([str(stubs), sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "NO_COLOR": "1"}


@contextmanager
def _running(command: str, folder: Path, environ: dict[str, str]) -> Iterator[None]:
    """Start a command, wait for its first line, end it with SIGTERM; it must end well."""
    process = subprocess.Popen(
        ["/bin/sh", "-ec", f"exec {command}"], cwd=folder, env=environ, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, f"{command} ended at once"
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=_LIMIT)
    assert process.returncode == 0, f"{command}: exit {process.returncode}"


@pytest.fixture
def tell(tmp_path: Path) -> Callable[[Path], int]:
    """Return a function that runs all blocks of a page and says how many there were."""

    def told(page: Path) -> int:
        folder = tmp_path / "page"
        folder.mkdir()
        with ExitStack() as ends:
            story = Story(folder, ends)
            blocks = blocks_of(page)
            for block in blocks:
                story.run(block)
        return len(blocks)

    return told
