"""Runs of pytest within pytest: what the plugin makes of a test file."""

from __future__ import annotations

from collections.abc import Callable

import pytest

# Imported out here, so that the runs, which forget what they have imported, need not do it again.
import maildrill.fakeserver.session.certificates
import maildrill.fakeserver.testing
import maildrill.pytest_plugin.virtual
import maildrill.pytest_plugin.watched  # noqa: F401 - see above

#: What each test file begins with; its first own line is line 11.
PREAMBLE = """\
import smtplib

import pytest


def send(server, *rcpts):
    with smtplib.SMTP(server.host, server.port, local_hostname="client.test") as client:
        return client.sendmail("news@shop.test", rcpts or ["ann@x.test"], "Subject: hello\\n\\nHello.\\n")


"""
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def arguments(pytestconfig: pytest.Config) -> tuple[str, ...]:
    """What a run needs to have the plugin: nothing where it is installed as users install it."""
    installed = pytestconfig.pluginmanager.has_plugin("maildrill")
    return ("-p", "no:cacheprovider", *(() if installed else ("-p", "maildrill.pytest_plugin")))


@pytest.fixture
def run(pytester: pytest.Pytester, arguments: tuple[str, ...]) -> Run:
    """Run a test file, in this process."""

    def ran(text: str, *more: str) -> pytest.RunResult:
        pytester.makepyfile(test_shop=PREAMBLE + text)
        return pytester.runpytest_inprocess(*arguments, *more)

    return ran
