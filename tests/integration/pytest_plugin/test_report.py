"""What the report of a failed test shows: who said what, the seed, and how to run it again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


def test_a_failure_shows_the_dialogue_and_how_to_run_it_again(run: Run) -> None:
    """Nobody has to add a print."""
    result = run(
        """
@pytest.mark.smtp(seed=7)
def test_mail(smtp_server):
    send(smtp_server)
    assert not smtp_server.messages
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*SMTP transcript*",
            "*=== session 1: 127.0.0.1 connects",
            "* -> MAIL ????:<news@shop.test>*",
            "*<-  250 2.1.0 sender ok",
            "*SMTP seed*",
            "7; to run the test again with it: pytest test_shop.py::test_mail --smtp-seed=7",
        ]
    )


def test_what_a_client_said_cannot_steer_the_terminal(run: Run) -> None:
    """It is escaped in the transcript and in complaints."""
    result = run(
        r"""
def test_mail(smtp_server):
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        client.docmd("FOO \x1b[31mred")
"""
    )

    result.assert_outcomes(passed=1, errors=1)
    assert "\x1b" not in result.stdout.str()
    result.stdout.fnmatch_lines([r'undeclared: session 1 said "FOO \x1b[[]31mred", *', r"* -> FOO \x1b[[]31mred"])


def test_a_test_that_passes_shows_nothing(run: Run) -> None:
    """Not even with -rA."""
    result = run("def test_mail(smtp_server):\n    send(smtp_server)\n    assert smtp_server.messages\n", "-rA")

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*SMTP transcript*")


def test_a_set_up_that_failed_shows_the_dialogue_too(run: Run) -> None:
    """A fixture may use the server before the test does."""
    result = run(
        """
@pytest.fixture
def mailed(smtp_server):
    send(smtp_server)
    assert 0


def test_mail(mailed):
    pass
"""
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*SMTP transcript*", "* -> QUIT"])


def test_the_dialogue_is_shown_once(run: Run) -> None:
    """Where a test fails and then its server too."""
    result = run(
        """
def test_mail(smtp_server):
    @smtp_server.decide("rcpt")
    def nobody(event):
        raise ZeroDivisionError

    send(smtp_server)
"""
    )

    result.assert_outcomes(failed=1, errors=1)
    assert result.stdout.str().count("SMTP transcript") == 1


@pytest.mark.parametrize("option", ["--markers", "--fixtures", "--help"])
def test_pytest_can_tell_what_there_is(run: Run, option: str) -> None:
    """Each with a text that says how to use it."""
    words = {
        "--markers": ["@pytest.mark.smtp([*]scripts, seed=None, *"],
        "--fixtures": ["smtp_server -- *", "*A fake SMTP server on a free port *", "smtp_world -- *", "*virtual time*"],
        "--help": ["fake SMTP server:", "  --smtp-seed=N *", "  smtp_allow *"],
    }

    result = run("", option)

    result.stdout.fnmatch_lines(words[option])
