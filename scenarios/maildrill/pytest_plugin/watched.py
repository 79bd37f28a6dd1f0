"""One test and its fake servers: what was asked for, what came of it, and what the report of a failure shows."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from maildrill.fakeserver.authoring.lint import lint
from maildrill.fakeserver.harness.scripted import Complained, Scripted
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.testing import ScriptedServer
from maildrill.pytest_plugin import UnusualScript
from maildrill.pytest_plugin.marker import Mark, Wanted, wanted
from maildrill.smtp import ConfigurationError


class Watched:
    """A test that has servers. script, borrowed, seed: what they play."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item
        self._servers: list[Scripted] = []
        self._passed = False
        self._shown = False
        self._wanted = _wanted(item)
        self.script: Script = self._wanted.script
        self.borrowed = self._wanted.borrowed
        with _told():
            for finding in lint(self.script):
                item.warn(UnusualScript(str(finding)))
        option = item.config.getoption("--smtp-seed")
        self.seed: int = self.script.seed if option is None else option

    def start(self, server: ScriptedServer) -> None:
        """Have a server listen."""
        with _told():
            server.start()

    @contextmanager
    def watching(self, server: Scripted) -> Iterator[None]:
        """Look at a server when the test is over, and fail a test that went well if something is wrong."""
        self._servers.append(server)
        yield
        server.check_health()
        if self._passed:
            try:
                server.check(self._wanted.allow)
            except Complained as error:
                raise pytest.fail.Exception(str(error), pytrace=False) from None

    def note(self, report: pytest.TestReport) -> None:
        """Note how a part of the test went; the first that failed shows what the servers saw."""
        if report.when == "call":
            self._passed = report.passed
        if not report.failed or self._shown:
            return
        self._shown = True
        for server in self._servers:
            report.sections += server.evidence().items()
        again = f"pytest {shlex.quote(self._item.nodeid)} --smtp-seed={self.seed}"
        report.sections.append(("SMTP seed", f"{self.seed}; to run the test again with it: {again}"))


def _wanted(item: pytest.Item) -> Wanted:
    file, line, _ = item.location
    name = getattr(item, "originalname", None) or item.name
    marks = [
        Mark(mark.args, mark.kwargs, item.path.parent, (file, (line or 0) + 1), f"{name}.toml")
        for mark in item.iter_markers("smtp")
    ]
    everywhere = Mark((), {"allow": item.config.getini("smtp_allow")}, item.path.parent, ("smtp_allow", 1), "")
    with _told():
        return wanted([*marks, everywhere])


@contextmanager
def _told() -> Iterator[None]:
    """Tell a mistake in a marker or a script as such, without the way that it took through us."""
    try:
        yield
    except (ConfigurationError, UnusualScript) as error:  # a warning that is an error in this run
        raise pytest.fail.Exception(str(error), pytrace=False) from None
