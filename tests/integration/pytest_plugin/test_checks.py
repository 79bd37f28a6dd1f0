"""What fails a test that went well: each kind of complaint is seen to fail, and can be allowed by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


def test_a_test_that_reads_what_it_sent_passes(run: Run) -> None:
    """The simple case is one line."""
    result = run(
        """
def test_mail(smtp_server):
    assert send(smtp_server, "ann@x.test", "bob@x.test") == {}
    (message,) = smtp_server.messages
    assert message.subject == "hello"
    assert message.recipients == ("ann@x.test", "bob@x.test")
    assert message.content.endswith(b"Hello.\\r\\n")
    assert message.text == "Hello.\\n"
"""
    )

    result.assert_outcomes(passed=1)


def test_a_rule_that_never_fired_is_named(run: Run) -> None:
    """By file and line, and by what it says."""
    result = run(
        """
def test_mail(smtp_server):
    smtp_server.rcpt("bob@*").replies("450 4.2.1 busy", times=3)
"""
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_mail*",
            'unused-rules: test_shop.py:13 never fired: at = "rcpt", rcpt = "bob@[*]", times = 3, reply = *',
            '  found by the fake SMTP server; * allowed by name: allow=[[]"unused-rules"]',
            "*SMTP transcript*",
            "(no client connected)",
        ]
    )


def test_what_a_script_borrows_need_not_be_of_use(run: Run, pytester: pytest.Pytester) -> None:
    """Nor what a profile may draw; the script's own rules must."""
    pytester.makefile(
        ".toml",
        more='[[rule]]\nname = "borrowed"\nat = "rcpt"\nrcpt = "bob@*"\nreply = "450 4.2.1 busy"',
        own='use = ["more.toml", "profiles/gmail"]\n[[rule]]\nname = "own"\nat = "noop"',
    )
    result = run(
        """
@pytest.mark.smtp("own.toml")
def test_mail(smtp_server):
    smtp_server.use("profiles/gmx")
    assert {rule.name for rule in smtp_server.script.rules} >= {"own", "borrowed"}
"""
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["unused-rules: own never fired*"])
    result.stdout.no_fnmatch_line("*borrowed never fired*")
    result.stdout.no_fnmatch_line("*gm*never fired*")


def test_a_function_that_never_answered_is_named(run: Run) -> None:
    """A function is as good as a rule."""
    result = run(
        """
def test_mail(smtp_server):
    @smtp_server.decide("rcpt")
    def nobody(event):
        return None
    send(smtp_server)
    assert smtp_server.messages
"""
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["unused-rules: test_shop.py:13 nobody never fired"])


def test_why_a_rule_did_not_answer_is_said(run: Run) -> None:
    """The word that did not hold when it was last asked."""
    result = run(
        """
def test_mail(smtp_server):
    smtp_server.rcpt("bob@*").refuse()
    send(smtp_server, "ann@x.test")
    assert smtp_server.messages
"""
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "unused-rules: test_shop.py:13 never fired*",
            '  asked last at "RCPT ??:<ann@x.test>" in session 1: rcpt = "bob@[*]" but rcpt is ann@x.test',
        ]
    )


def test_an_expectation_that_does_not_hold_is_named(run: Run) -> None:
    """By the line of the call, or of the script; with what there was instead."""
    result = run(
        """
@pytest.mark.smtp("[[expect]]\\nname = 'twice'\\nrcpt = 'ann@x.test'\\nattempts = 2")
def test_mail(smtp_server):
    smtp_server.expect("bob@x.test", committed=1)
    send(smtp_server, "ann@x.test")
"""
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["unmet: test_shop.py:14*bob@x.test*", "unmet: *twice*ann@x.test*"])
    result.stdout.no_fnmatch_line("unread: *")


def test_expectations_that_hold_are_silent(run: Run) -> None:
    """Who expects has looked: nothing else need be asserted."""
    result = run(
        """
def test_mail(smtp_server):
    smtp_server.expect("ann@x.test", committed=1, acknowledged=1)
    send(smtp_server, "ann@x.test")
"""
    )

    result.assert_outcomes(passed=1)


def test_a_strict_transcript_that_was_not_followed_is_named(run: Run, pytester: pytest.Pytester) -> None:
    """Line by line; what the client said instead is undeclared by nobody's rule, but unmet."""
    pytester.makefile(".txt", talk="strict = true\nS: 220 mx ESMTP\nC: EHLO *\nS: 250 mx\nC: NOOP\nS: 250 ok\n")
    result = run(
        """
@pytest.mark.smtp("talk.txt", allow="undeclared")
def test_mail(smtp_server):
    client = smtplib.SMTP(smtp_server.host, smtp_server.port)
    client.ehlo()
    client.rset()
    client.close()
"""
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["unmet: *NOOP*"])


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("FOO bar", "500 5.5.1 command not recognised"),
        ("RCPT TO:<ann@x.test>", "503 5.5.1 send MAIL first"),
        ("MAIL FROM:ann", "501 *"),
        ("MAIL FROM:<ann@x.test> X=Y", "555 *"),
    ],
)
def test_a_command_that_is_malformed_or_out_of_place_is_named(run: Run, command: str, reply: str) -> None:
    """With what was said to it."""
    result = run(
        f"""
def test_mail(smtp_server):
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        client.ehlo()
        client.docmd("{command}")
"""
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f'undeclared: session 1 said "{command}", and was told {reply}'])


def test_a_command_that_is_sent_last_is_named_too(run: Run) -> None:
    """Though the client did not wait for what is said to it."""
    result = run(
        """
def test_mail(smtp_server):
    client = smtplib.SMTP(smtp_server.host, smtp_server.port)
    client.send(b"FOO\\r\\n")
    client.close()
"""
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(['undeclared: session 1 said "FOO", and was told 500 *'])


def test_a_command_that_a_rule_answered_is_declared(run: Run) -> None:
    """The script says so itself."""
    result = run(
        """
def test_mail(smtp_server):
    smtp_server.on("unknown").replies("500 5.5.2 what?")
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        assert client.docmd("FOO") == (500, b"5.5.2 what?")
"""
    )

    result.assert_outcomes(passed=1)


def test_a_command_that_a_strict_script_has_no_rule_for_is_named(run: Run) -> None:
    """And why each rule did not fit, in the error and in the report."""
    result = run(
        """
@pytest.mark.smtp(unmatched="fail")
def test_mail(smtp_server):
    smtp_server.rcpt("ann@*", name="only ann")
    send(smtp_server, "ann@x.test", "bob@x.test")
    assert smtp_server.messages
"""
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            'undeclared: session 1 said "RCPT ??:<bob@x.test>", and no rule of the script fits',
            "  *only ann*ann@[*]*",
            "*SMTP near misses*",
            "session 1: RCPT ??:<bob@x.test>",
            "  *only ann*ann@[*]*",
        ]
    )


def test_a_message_that_nobody_looked_at_is_named(run: Run) -> None:
    """Silence is a bug."""
    result = run(
        """
def test_mail(smtp_server):
    send(smtp_server)
"""
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(['unread: nobody looked at *rcpt=<ann@x.test> subject="hello"*'])


@pytest.mark.parametrize(
    "look",
    [
        "messages",
        "recipients",
        "ledger",
        "journal.messages",
        "transcript()",
        'committed("ann@x.test")',
        'acknowledged("ann@x.test")',
        'wait_for(rcpt="ann@x.test")',
    ],
)
def test_looking_in_any_way_is_looking(run: Run, look: str) -> None:
    """A test may ask as it likes."""
    result = run(
        f"""
def test_mail(smtp_server):
    send(smtp_server)
    assert smtp_server.{look}
"""
    )

    result.assert_outcomes(passed=1)


EVERYTHING_WRONG = """
def test_mail(smtp_server):
    smtp_server.rcpt("bob@*").refuse()
    send(smtp_server)
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        client.docmd("FOO")
"""


def test_everything_that_is_wrong_is_said(run: Run) -> None:
    """One run shows all there is to put right."""
    result = run(EVERYTHING_WRONG)

    result.stdout.fnmatch_lines(["undeclared: *", "unused-rules: *", "unread: *", "  found by *"])


def test_what_is_allowed_by_the_marker_is_not_said(run: Run) -> None:
    """By name, for one test."""
    result = run('@pytest.mark.smtp(allow=("undeclared", "unread"))' + EVERYTHING_WRONG)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.no_fnmatch_line("undeclared: *")
    result.stdout.no_fnmatch_line("unread: *")
    result.stdout.fnmatch_lines(["unused-rules: *"])


def test_what_is_allowed_in_the_ini_file_is_not_said(run: Run, pytester: pytest.Pytester) -> None:
    """By name, for all tests; what the marker allows is allowed too."""
    pytester.makeini("[pytest]\nsmtp_allow = undeclared unread\n")

    result = run('@pytest.mark.smtp(allow="unused-rules")' + EVERYTHING_WRONG)

    result.assert_outcomes(passed=1)


def test_a_test_that_failed_is_not_complained_about(run: Run) -> None:
    """It has one failure, not two."""
    result = run(EVERYTHING_WRONG + "    assert 0\n")

    result.assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("end", "outcome"), [('pytest.skip("enough")', "skipped"), ('pytest.xfail("known")', "xfailed")]
)
def test_a_test_that_ended_early_is_not_complained_about(run: Run, end: str, outcome: str) -> None:
    """It did not come to use its rules."""
    result = run(EVERYTHING_WRONG + f"    {end}\n")

    result.assert_outcomes(**{outcome: 1})


def test_what_fails_in_the_server_fails_the_test(run: Run) -> None:
    """Be it in a function of the test's own: the exception itself is raised."""
    result = run(
        """
def test_mail(smtp_server):
    @smtp_server.decide("rcpt")
    def nobody(event):
        raise ZeroDivisionError("in the function")

    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(smtp_server)


def test_next(smtp_server):
    pass
"""
    )

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_mail*", "E *ZeroDivisionError: in the function"])


def test_several_failures_in_the_server_are_all_raised(run: Run) -> None:
    """As a group; also where the test itself failed."""
    result = run(
        """
def test_mail(smtp_server):
    @smtp_server.decide("rcpt")
    def nobody(event):
        return f"not a reply to {event.rcpt}"

    for rcpt in ("ann@x.test", "bob@x.test"):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(smtp_server, rcpt)
    assert 0
"""
    )

    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(["*the fake SMTP server failed (2 sub-exceptions)*"])


def test_what_fails_while_the_server_stops_is_not_the_next_tests(run: Run) -> None:
    """It is raised where it belongs."""
    result = run(
        """
def test_mail(smtp_server):
    thread = smtp_server._served.thread
    stop = smtp_server._served.server.stop

    async def fail():
        await stop()
        thread.loop.call_exception_handler({"message": "on purpose"})

    smtp_server._served.server.stop = fail


def test_next(smtp_server):
    pass
"""
    )

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_mail*", "E *RuntimeError: on purpose"])


def test_what_is_borrowed_is_so_by_another_name_too(run: Run, pytester: pytest.Pytester) -> None:
    """Where two have the same name, the one behind is called otherwise."""
    pytester.makefile(".toml", more='[[rule]]\nname = "full"\nat = "rcpt"\nrcpt = "bob@*"\nreply = "452 4.2.2 full"')
    result = run(
        """
def test_mail(smtp_server):
    smtp_server.on("noop", name="full")
    smtp_server.use("more.toml")
    smtp_server.use("more.toml")
"""
    )

    result.stdout.fnmatch_lines(["unused-rules: full never fired: at = *noop*"])
    result.stdout.no_fnmatch_line("*full#2*")
    result.stdout.no_fnmatch_line("*full#3*")


def test_an_injection_that_nothing_led_to_is_named(run: Run, pytester: pytest.Pytester) -> None:
    """As a rule that never fired; not what a script borrows, nor one that is still to be sent."""
    pytester.makefile(
        ".toml",
        more='[[inject]]\nname = "borrowed"\non_commit = { rcpt = "eve@*" }\nkind = "dsn"',
        own='use = "more.toml"\n[[inject]]\nname = "own"\non_commit = { rcpt = "bob@*" }\nkind = "dsn"',
    )
    result = run(
        """
@pytest.mark.smtp("own.toml", allow="unread")
def test_mail(smtp_server):
    smtp_server.inject("ooto", {"rcpt": "ann@*"}, wait="2h")
    send(smtp_server, "ann@x.test")
"""
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(['unused-rules: own never fired: on_commit = {"rcpt": "bob@[*]"}, kind = "dsn"'])
    result.stdout.no_fnmatch_line("*borrowed*")
    result.stdout.no_fnmatch_line("*ooto*")
