"""People who never send mail have the plugin too: it must cost them nothing and get in nobody's way."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


def test_loading_the_plugin_imports_nothing_of_ours_and_nothing_heavy() -> None:
    """Only itself, and what pytest has imported anyway."""
    code = (
        "import sys, pytest\n"
        "before = set(sys.modules)\n"
        "import maildrill.pytest_plugin\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - ours

    assert done.stdout.split() == ["maildrill", "maildrill.pytest_plugin"]


def test_a_run_without_our_fixtures_imports_nothing_of_ours(pytester: pytest.Pytester, arguments: list[str]) -> None:
    """And no thread is started."""
    pytester.makepyfile(
        """
        import sys
        import threading

        def test_anything():
            assert [name for name in sys.modules if name.startswith("maildrill.")] == ["maildrill.pytest_plugin"]
            assert not [thread for thread in threading.enumerate() if "maildrill" in thread.name]
        """
    )

    result = pytester.runpytest_subprocess(*arguments, "-p", "no:hypothesispytest")

    result.assert_outcomes(passed=1)


def test_using_a_server_imports_nothing_that_it_does_not_need(pytester: pytest.Pytester, arguments: list[str]) -> None:
    """Neither the sender, nor the command line, nor what others need of the fake server."""
    pytester.makepyfile(
        """
        import sys

        HEAVY = {"hypothesis", "rich", "click", "aiosmtplib", "starlette", "uvicorn", "cryptography", "jinja2"}

        def test_anything(smtp_server):
            assert HEAVY & set(sys.modules) == set()
            assert not [name for name in sys.modules if name.startswith(("maildrill.sender", "maildrill.cli"))]
        """
    )

    result = pytester.runpytest_subprocess(*arguments, "-p", "no:hypothesispytest")

    result.assert_outcomes(passed=1)


def test_the_marker_is_known_to_pytest(run: Run) -> None:
    """Also where unknown markers are errors."""
    result = run("@pytest.mark.smtp\ndef test_mail(smtp_server):\n    pass\n", "--strict-markers")

    result.assert_outcomes(passed=1)


def test_a_unittest_test_case_can_have_the_server(run: Run) -> None:
    """By a fixture of its own that asks for ours."""
    result = run(
        """
import unittest


class MailTest(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _server(self, smtp_server):
        self.server = smtp_server

    def test_mail(self):
        send(self.server)
        self.assertEqual(len(self.server.messages), 1)

    def test_failure(self):
        send(self.server)
        self.fail("on purpose")

    def test_unread(self):
        send(self.server)
"""
    )

    result.assert_outcomes(passed=2, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of MailTest.test_unread*", "unread: *"])


def test_an_async_test_can_have_the_server(run: Run) -> None:
    """It runs in its own thread: the test's loop is the test's."""
    result = run(
        """
import asyncio

import aiosmtplib


def test_mail(smtp_server):
    async def main():
        return await aiosmtplib.send(
            "Subject: hello\\n\\nHello.\\n", sender="news@shop.test", recipients=["ann@x.test"],
            hostname=smtp_server.host, port=smtp_server.port, local_hostname="client.test",
        )

    assert asyncio.run(main()) == ({}, "2.0.0 message taken")
    assert smtp_server.messages
"""
    )

    result.assert_outcomes(passed=1)


def test_an_async_plugin_is_in_nobodys_way(run: Run) -> None:
    """Async tests, run by whatever plugin, have the server; the world says that it has a loop of its own."""
    result = run(
        """
import aiosmtplib


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.mark.anyio
async def test_mail(smtp_server):
    await aiosmtplib.send(
        "Subject: hello\\n\\nHello.\\n", sender="news@shop.test", recipients=["ann@x.test"],
        hostname=smtp_server.host, port=smtp_server.port, local_hostname="client.test",
    )
    assert smtp_server.wait_for(rcpt="ann@*").subject == "hello"


@pytest.mark.anyio
async def test_world(smtp_world):
    async def client():
        pass

    with pytest.raises(Exception, match="cannot be called while an event loop runs"):
        smtp_world.run(client)
"""
    )

    result.assert_outcomes(passed=2)
