"""The pytest plugin: fixtures `smtp_server` (TCP) and `smtp_world` (virtual time), and the marker `smtp`.

Rule 1: this module is loaded in each run of pytest, of people who never send mail too: nothing of ours is imported at
load, and no hook does anything for a test without one of our fixtures.
Rule 2: a test that went well fails at its end if a rule was not used, a command not expected, a message not looked at.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from maildrill.fakeserver.testing import ScriptedServer, ServerThread
    from maildrill.pytest_plugin.virtual import ScriptedWorld
    from maildrill.pytest_plugin.watched import Watched

_MARKER = """\
smtp(*scripts, seed=None, allow=(), **server): what the fake SMTP server of this test (fixtures smtp_server and \
smtp_world) plays. Each script is a file (relative to the test's), the name of a bundled script, or TOML text. \
seed chooses the draws. allow names what may be wrong at the end: "unmet", "undeclared", "unused-rules", "unread". \
All else are words of [server]: hostname, unmatched="fail", tls=True, users={"ann": "secret"}, strict=True, caps, \
limits."""


class UnusualScript(pytest.PytestWarning):
    """A script of a marker says what no real server would, or has what can never happen; see `maildrill lint`."""


_watched: pytest.StashKey[Watched] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the ini keys."""
    group = parser.getgroup("maildrill", "fake SMTP server")
    group.addoption(
        "--smtp-seed",
        type=int,
        metavar="N",
        help="seed of every draw of the fake SMTP servers, whatever scripts and markers say",
    )
    parser.addini("smtp_allow", "what the fake SMTP server lets pass in each test, as the marker's allow", type="args")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", _MARKER)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the servers of a failed test saw."""
    report = yield
    watched = item.stash.get(_watched, None)
    if watched is not None:
        watched.note(report)
    return report


@pytest.fixture(scope="session")
def _smtp_thread() -> Iterator[ServerThread]:
    """One thread for all the servers of this process."""
    from maildrill.fakeserver.testing import ServerThread  # noqa: PLC0415 - not at load

    with ServerThread() as thread:
        yield thread


@pytest.fixture
def smtp_server(request: pytest.FixtureRequest, _smtp_thread: ServerThread) -> Iterator[ScriptedServer]:
    """A fake SMTP server on a free port of 127.0.0.1, for any client: smtplib, Django, a subprocess.

    Say what it does: `smtp_server.rcpt("ann@*").replies("450 4.2.1 busy", times=2)`, or load a script with
    `@pytest.mark.smtp("script.toml")`. Connect to `smtp_server.host` and `.port`. Ask what it saw:
    `smtp_server.messages`, `.wait_for(rcpt="ann@*")`, `.ledger`, `.transcript()`.
    """
    from maildrill.fakeserver.testing import ScriptedServer  # noqa: PLC0415 - not at load

    watched = _watch(request)
    server = ScriptedServer(watched.script, borrowed=watched.borrowed, seed=watched.seed, thread=_smtp_thread)
    watched.start(server)
    try:
        with watched.watching(server):
            yield server
    finally:
        server.stop()
    server.check_health()  # else what fails while it stops would be the next test's


@pytest.fixture
def smtp_world(request: pytest.FixtureRequest) -> Iterator[ScriptedWorld]:
    """A fake SMTP server in virtual time, for asyncio clients: five days of retries take milliseconds.

    `smtp_world.run(client)` runs an async function in a world of its own, with an in-memory network: there connect to
    `smtp_world.host` and `.port`, and wait with `await smtp_world.sleep("5d")`. All else is as with `smtp_server`.
    """
    from maildrill.pytest_plugin.virtual import ScriptedWorld  # noqa: PLC0415 - not at load

    watched = _watch(request)
    world = ScriptedWorld(watched.script, borrowed=watched.borrowed, seed=watched.seed)
    with watched.watching(world):
        yield world


def _watch(request: pytest.FixtureRequest) -> Watched:
    """Return what watches the servers of this test, both of them if it has both."""
    from maildrill.pytest_plugin.watched import Watched  # noqa: PLC0415 - not at load

    item: pytest.Item = request.node
    if _watched not in item.stash:
        item.stash[_watched] = Watched(item)
    return item.stash[_watched]
