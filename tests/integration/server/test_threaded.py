"""A server in a thread of its own, as programs that wait see it."""

from __future__ import annotations

import asyncio
import smtplib
import threading

import pytest

from maildrill.fakeserver.harness.threaded import ServerThread, Stuck, ThreadedServer
from maildrill.fakeserver.journal.journal import Closed
from maildrill.fakeserver.text.script_file import read_script
from maildrill.smtp import ConfigurationError

BUSY = read_script('[[rule]]\nat = "rcpt"\nrcpt = "bob@*"\nreply = "450 4.2.1 busy"', "busy.toml")


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if "maildrill" in thread.name}


def test_a_program_that_waits_can_talk_to_it() -> None:
    """No loop, no await: start, send, look, stop."""
    with ThreadedServer(BUSY) as server:
        with smtplib.SMTP(server.host, server.port) as client:
            refused = client.sendmail("news@shop.test", ["ann@x.test", "bob@x.test"], "Subject: x\n\nHello.\n")
        taken = server.call(lambda fake: [message.recipients for message in fake.journal.messages])

    assert refused == {"bob@x.test": (450, b"4.2.1 busy")}
    assert taken == [("ann@x.test",)]


def test_stopping_ends_thread_and_connections() -> None:
    """Nothing is left behind, and the client is told."""
    before = threads()
    server = ThreadedServer()
    server.start()
    client = smtplib.SMTP(server.host, server.port)

    server.stop()

    assert threads() == before
    assert [session.closed for session in server.journal.sessions] == [Closed.STOPPED]
    with client, pytest.raises(smtplib.SMTPServerDisconnected):
        client.ehlo()


def test_one_thread_serves_many_servers() -> None:
    """Each has a port and a journal of its own, and what is said to one the other never hears."""
    with ServerThread() as thread, ThreadedServer(thread=thread) as one, ThreadedServer(thread=thread) as other:
        with smtplib.SMTP(one.host, one.port) as client:
            client.ehlo()
        ports = {one.port, other.port}
        sessions = [server.call(lambda fake: len(fake.journal.sessions)) for server in (one, other)]

    assert len(ports) == 2
    assert sessions == [1, 0]


def test_a_port_that_is_taken_is_told() -> None:
    """What goes wrong in the thread is raised where the server was started."""
    with ThreadedServer() as first:
        second = ThreadedServer(port=first.port, thread=first.thread)

        with pytest.raises(ConfigurationError, match="cannot listen"):
            second.start()


def test_what_a_call_raises_is_raised_to_the_caller() -> None:
    """And the thread lives on."""

    def fail() -> None:
        raise ZeroDivisionError

    with ServerThread() as thread:
        with pytest.raises(ZeroDivisionError):
            thread.call(fail)
        assert thread.call(lambda: 1) == 1


def test_a_thread_that_does_not_answer_is_told() -> None:
    """A test must end, even if the server does not."""
    held = threading.Event()

    with ServerThread() as thread:
        thread.loop.call_soon_threadsafe(held.wait)
        with pytest.raises(Stuck, match="has not answered for"):
            thread.call(lambda: 1, timeout=0.001)
        held.set()


def test_a_time_out_of_the_call_itself_is_its_own() -> None:
    """It does not mean that the thread is stuck."""

    async def late() -> None:
        raise TimeoutError("mine")

    with ServerThread() as thread, pytest.raises(TimeoutError, match="mine"):
        thread.run(late())


def test_what_nobody_caught_is_kept() -> None:
    """Whoever owns the thread can raise it."""

    def fail() -> None:
        raise ZeroDivisionError

    with ServerThread() as thread:
        thread.loop.call_soon_threadsafe(fail)
        thread.call(lambda: None)
        thread.loop.call_soon_threadsafe(thread.loop.call_exception_handler, {"message": "no more"})
        thread.call(lambda: None)

    assert [str(failure) or type(failure) for failure in thread.failures] == [ZeroDivisionError, "no more"]


def test_closing_a_thread_ends_what_runs_in_it() -> None:
    """Tasks are cancelled; closing twice does no harm."""
    tasks: list[asyncio.Task[None]] = []

    async def forever() -> None:
        await asyncio.get_running_loop().create_future()

    thread = ServerThread()
    thread.call(lambda: tasks.append(thread.loop.create_task(forever())))
    thread.close()
    thread.close()

    assert [task.cancelled() for task in tasks] == [True]
