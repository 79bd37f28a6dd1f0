"""The virtual world as a fixture: an asyncio client meets the server, and days of waiting take milliseconds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]

CLIENT = """
import aiosmtplib


async def mail(world, *rcpts):
    return await aiosmtplib.send(
        "Subject: hello\\n\\nHello.\\n", sender="news@shop.test", recipients=rcpts or ["ann@x.test"],
        hostname=world.host, port=world.port, local_hostname="client.test",
    )


"""


def test_five_days_pass_in_virtual_time(run: Run) -> None:
    """A client that tries again every four hours gets through on the fifth day."""
    result = run(
        CLIENT
        + """
def test_mail(smtp_world):
    smtp_world.rcpt(key="rcpt", age="<5d").replies("450 4.2.0 come back on {domain} in five days")

    async def until_it_goes():
        tries = 1
        while True:
            try:
                await mail(smtp_world)
                return tries
            except aiosmtplib.SMTPRecipientsRefused:
                await smtp_world.sleep("4h")
                tries += 1

    assert smtp_world.run(until_it_goes) == 31
    assert 5 * 86400 <= smtp_world.elapsed < 5 * 86400 + 60
    assert smtp_world.recipients == ("ann@x.test",)
"""
    )

    result.assert_outcomes(passed=1)


def test_the_checks_are_those_of_the_server_on_tcp(run: Run) -> None:
    """Rules that were not used, commands that were not expected, messages that nobody looked at."""
    result = run(
        CLIENT
        + """
@pytest.mark.smtp("[[rule]]\\nat = 'rcpt'\\nrcpt = 'ann@*'\\nname = 'ann'", unmatched="fail")
def test_mail(smtp_world):
    smtp_world.rcpt("eve@*").refuse()

    async def client():
        await mail(smtp_world, "ann@x.test", "bob@x.test")

    smtp_world.run(client)
"""
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ['undeclared: session 1 said "RCPT ??:<bob@x.test>"*', "unused-rules: *eve@*", "unread: *", "*SMTP transcript*"]
    )


def test_a_second_run_goes_on_where_the_first_ended(run: Run) -> None:
    """Same journal, same counters, later time."""
    result = run(
        CLIENT
        + """
def test_mail(smtp_world):
    smtp_world.rcpt().replies("450 4.2.1 busy", times=1)
    before = smtp_world.now

    async def client():
        await smtp_world.sleep(60)
        await mail(smtp_world)

    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        smtp_world.run(client)
    assert 60 <= smtp_world.now - before < 61
    smtp_world.run(client)
    assert 120 <= smtp_world.elapsed < 122
    assert [session.number for session in smtp_world.journal.sessions] == [1, 2]
    assert len(smtp_world.messages) == 1
"""
    )

    result.assert_outcomes(passed=1)


def test_a_world_can_begin_anew(run: Run) -> None:
    """Nothing seen, nothing counted, no rules; only the clock goes on."""
    result = run(
        CLIENT
        + """
def test_mail(smtp_world):
    smtp_world.rcpt().replies("450 4.2.1 busy", times=1)

    async def client():
        await mail(smtp_world)

    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        smtp_world.run(client)
    before = smtp_world.now
    smtp_world.reset()
    assert (smtp_world.script.rules, smtp_world.transcript()) == ((), "")
    smtp_world.run(client)
    assert len(smtp_world.messages) == len(smtp_world.journal.sessions) == 1
    assert smtp_world.now > before
"""
    )

    result.assert_outcomes(passed=1)


def test_a_test_can_wait_for_a_message_and_change_the_rules_meanwhile(run: Run) -> None:
    """In virtual time; what a function is given is passed on."""
    result = run(
        CLIENT
        + """
import asyncio

from maildrill.fakeserver.testing import NotSeenError
from maildrill.scenarios.world import Network


def test_mail(smtp_world):
    smtp_world.network = Network(latency=2.0, jitter=0.0)
    busy = smtp_world.rcpt().replies("450 4.2.1 busy")

    async def client(rcpt):
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
            await mail(smtp_world, rcpt)
        busy.replies("250 2.1.5 no longer")
        sending = asyncio.ensure_future(mail(smtp_world, rcpt))
        message = await smtp_world.wait_for(rcpt=rcpt, timeout=60)
        await sending
        with pytest.raises(NotSeenError):
            await smtp_world.wait_for(rcpt="bob@*", timeout=3600)
        return message

    began = smtp_world.now
    assert smtp_world.run(client, "ann@x.test").recipients == ("ann@x.test",)
    assert smtp_world.now - began > 3600
"""
    )

    result.assert_outcomes(passed=1)


def test_what_fails_in_the_server_fails_the_run(run: Run) -> None:
    """A function that raises is not a reply."""
    result = run(
        CLIENT
        + """
def test_mail(smtp_world):
    @smtp_world.decide("rcpt")
    def nobody(event):
        raise ZeroDivisionError("in the function")

    async def client():
        with pytest.raises(aiosmtplib.SMTPException):
            await mail(smtp_world)

    smtp_world.run(client)
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ZeroDivisionError: in the function*"])


def test_waiting_outside_of_the_world_is_told(run: Run) -> None:
    """There is no time outside."""
    result = run(
        """
import asyncio


def test_mail(smtp_world):
    asyncio.run(smtp_world.sleep("5d"))
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the virtual world does not run*", "*smtp_world.run()*"])


def test_the_world_can_be_run_from_an_async_test_not_at_all(run: Run) -> None:
    """A loop cannot run within a loop: the error says what to do."""
    result = run(
        """
import asyncio


def test_mail(smtp_world):
    async def test():
        smtp_world.run(test)

    asyncio.run(test())
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*smtp_world.run() cannot be called while an event loop runs*", "*plain function*"])


def test_a_program_has_both(run: Run) -> None:
    """The world and the server on TCP do not share anything but the marker."""
    result = run(
        CLIENT
        + """
def test_mail(smtp_world, smtp_server):
    async def client():
        await mail(smtp_world, "ann@x.test")

    smtp_world.run(client)
    send(smtp_server, "bob@x.test")
    assert smtp_world.recipients == ("ann@x.test",)
    assert smtp_server.recipients == ("bob@x.test",)
"""
    )

    result.assert_outcomes(passed=1)


def test_what_is_sent_later_goes_on_with_the_next_run(run: Run) -> None:
    """What an injection has counted counts, and it has been of use."""
    result = run(
        CLIENT
        + """
def test_mail(smtp_world):
    smtp_world.inject("dsn", {"rcpt": "ann@*"}, times=1, name="once")
    smtp_world.inject("ooto", {"rcpt": "ann@*"}, name="each time")

    async def client():
        await mail(smtp_world)
        await smtp_world.sleep(60)

    smtp_world.run(client)
    smtp_world.run(client)
    assert [one.rule for one in smtp_world.journal.injected] == ["once", "each time", "each time"]
    smtp_world.run(smtp_world.sleep, 1)
"""
    )

    result.assert_outcomes(passed=1)
