"""The servers of many tests: each has its own, and none hears of another's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


def test_a_connection_that_an_earlier_test_left_open_is_ended(run: Run) -> None:
    """And what it says later nobody hears."""
    result = run(
        """
left = []


def test_first(smtp_server):
    client = smtplib.SMTP(smtp_server.host, smtp_server.port)
    left.append((client, smtp_server.port))


def test_second(smtp_server):
    client, port = left[0]
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()
    client.close()
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP("127.0.0.1", port)
    assert smtp_server.port != port
    assert smtp_server.transcript() == ""
"""
    )

    result.assert_outcomes(passed=2)


def test_a_connection_that_waits_does_not_hold_up_the_next_test(run: Run) -> None:
    """A server that would say something in an hour is stopped all the same."""
    result = run(
        """
def test_first(smtp_server):
    smtp_server.mail().wait("1h")
    client = smtplib.SMTP(smtp_server.host, smtp_server.port)
    client.ehlo()
    client.putcmd("mail", "FROM:<>")
    client.close()


def test_second(smtp_server):
    assert smtp_server.script.rules == ()
"""
    )

    result.assert_outcomes(passed=2)


def test_many_processes_at_once_are_in_nobodys_way(run: Run) -> None:
    """pytest-xdist: each worker has its own thread, ports are free ones, no file is shared."""
    result = run(
        """
@pytest.mark.parametrize("n", range(20))
def test_mail(smtp_server, n):
    send(smtp_server, f"ann{n}@x.test")
    assert smtp_server.recipients == (f"ann{n}@x.test",)


def test_failure(smtp_server):
    send(smtp_server)
    assert 0
""",
        "-n2",
    )

    result.assert_outcomes(passed=20, failed=1)
    result.stdout.fnmatch_lines(["*SMTP transcript*", "* -> DATA", "*SMTP seed*"])


def test_a_test_can_begin_anew(run: Run) -> None:
    """Rules, functions and journal are as at the start; connections are ended, the port stays."""
    result = run(
        """
def test_mail(smtp_server):
    smtp_server.rcpt("bob@*").refuse()
    smtp_server.decide("rcpt")(lambda event: None)
    send(smtp_server)
    client, port = smtplib.SMTP(smtp_server.host, smtp_server.port), smtp_server.port

    smtp_server.reset()

    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()
    assert (smtp_server.messages, smtp_server.script.rules, smtp_server.port) == ((), (), port)
    assert send(smtp_server, "bob@x.test") == {}
    assert smtp_server.recipients == ("bob@x.test",)
"""
    )

    result.assert_outcomes(passed=1)


def test_a_server_that_is_gone_refuses_and_one_that_is_back_does_not(run: Run) -> None:
    """A test can take the server away; what was said and seen stays."""
    result = run(
        """
def test_mail(smtp_server):
    send(smtp_server)
    smtp_server.stop_serving()
    with pytest.raises(ConnectionRefusedError):
        send(smtp_server)
    smtp_server.resume_serving()
    send(smtp_server)
    assert len(smtp_server.messages) == 2
"""
    )

    result.assert_outcomes(passed=1)


def test_a_program_can_be_told_where_mail_goes(run: Run) -> None:
    """By address, by URL, by environment variables, by Django's settings."""
    result = run(
        """
def test_mail(smtp_server):
    host, port = smtp_server.host, smtp_server.port
    assert smtp_server.address == f"{host}:{port}"
    assert smtp_server.url == f"smtp://{host}:{port}"
    assert smtp_server.env["SMTP_URL"] == smtp_server.url
    assert (smtp_server.env["EMAIL_HOST"], smtp_server.env["EMAIL_PORT"]) == (host, str(port))
    assert smtp_server.django_settings["EMAIL_PORT"] == port
"""
    )

    result.assert_outcomes(passed=1)


def test_a_message_can_be_waited_for(run: Run) -> None:
    """By who it is for and what it is about; where it does not come the error says what came."""
    result = run(
        """
import threading

from maildrill.fakeserver.testing import NotSeenError


def test_mail(smtp_server):
    sender = threading.Thread(target=send, args=[smtp_server, "ann@x.test"])
    sender.start()
    message = smtp_server.wait_for(rcpt="ann@*", subject="hel*", timeout=20)
    sender.join()
    assert message.recipients == ("ann@x.test",)
    with pytest.raises(NotSeenError, match="ann@x.test"):
        smtp_server.wait_for(rcpt="bob@*", timeout=0.01)
"""
    )

    result.assert_outcomes(passed=1)


def test_what_became_of_each_address_can_be_asked(run: Run) -> None:
    """Committed and not acknowledged: the lost 250."""
    result = run(
        """
def test_mail(smtp_server):
    smtp_server.dot("ann@*").commit().cut("before")
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(smtp_server)
    record = smtp_server.ledger["ann@x.test"]
    assert (len(record.asked), record.committed, record.acknowledged) == (1, 1, 0)
    assert (smtp_server.committed("ann@X.test"), smtp_server.acknowledged("ann@x.test")) == (1, 0)
    assert "taken, and the client was not told" in smtp_server.transcript(1)
"""
    )

    result.assert_outcomes(passed=1)


def test_time_can_be_set_on_for_a_client_that_knows_nothing_of_it(run: Run) -> None:
    """Greylisting, and a pooled connection that the server has closed for silence: no test waits."""
    result = run(
        """
def test_greylisting(smtp_server):
    smtp_server.rcpt(key="rcpt", age="<5m").replies("450 4.7.1 come back in five minutes")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(smtp_server, "ann@x.test")
    smtp_server.advance("5m")
    assert send(smtp_server, "ann@x.test") == {}
    assert smtp_server.messages


def test_an_idle_connection(smtp_server):
    smtp_server.idle(">=60s").replies("421 4.4.2 idle for too long")
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        client.ehlo()
        smtp_server.advance(61)
        assert client.noop()[0] == 421


def test_a_wait(smtp_server):
    smtp_server.banner().wait("1h")
    client = smtplib.SMTP()
    import threading
    thread = threading.Thread(target=client.connect, args=(smtp_server.host, smtp_server.port))
    thread.start()
    while not smtp_server.journal.sessions:
        pass
    smtp_server.advance("1h")
    thread.join()
    client.quit()
"""
    )

    result.assert_outcomes(passed=3)


def test_a_script_may_have_a_faster_clock(run: Run) -> None:
    """Its time passes a thousand times as fast; the next test has everybody's again."""
    result = run(
        """
import time

from maildrill.fakeserver.testing import NotSeenError


@pytest.mark.smtp("clock = 'scaled:100'\\n[[rule]]\\nat = 'dot'\\nwait = '60s'")
def test_mail(smtp_server):
    before = time.monotonic()
    send(smtp_server)
    assert time.monotonic() - before < 20
    (message,) = smtp_server.messages
    entry = smtp_server.journal.find(stage="dot")[0]
    assert entry.at - entry.began >= 60


def test_next(smtp_server):
    before = time.monotonic()
    with pytest.raises(NotSeenError):
        smtp_server.wait_for(rcpt="ann@*", timeout=0.05)
    assert time.monotonic() - before >= 0.04


@pytest.mark.smtp("clock = 'virtual'")
def test_virtual(smtp_server):
    pass
"""
    )

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(['*the script says clock = "virtual"', "*smtp_world*"])
