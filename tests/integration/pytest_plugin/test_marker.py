"""The marker: where its script comes from, whose word counts, and what a mistake in it is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]

BUSY = '[[rule]]\nat = "rcpt"\nrcpt = "bob@*"\nreply = "450 4.2.1 busy"\n'
REFUSED = """
def test_mail(smtp_server):
    assert send(smtp_server, "ann@x.test", "bob@x.test") == {"bob@x.test": (450, b"4.2.1 busy")}
    assert smtp_server.messages
"""


def test_a_script_lies_beside_the_test(run: Run, pytester: pytest.Pytester) -> None:
    """Wherever pytest was started."""
    pytester.makefile(".toml", busy=BUSY)
    pytester.makeini("[pytest]\n")
    pytester.mkdir("elsewhere")

    result = run('@pytest.mark.smtp("busy.toml")' + REFUSED)

    result.assert_outcomes(passed=1)


def test_a_script_stands_in_the_marker(run: Run) -> None:
    """As TOML text; rules without a name are called after the test."""
    result = run(
        f"@pytest.mark.smtp('''{BUSY}''')"
        """
def test_mail(smtp_server):
    assert [rule.name for rule in smtp_server.script.rules] == ["test_mail.toml:1"]
    assert send(smtp_server, "ann@x.test", "bob@x.test")
    assert smtp_server.messages
"""
    )

    result.assert_outcomes(passed=1)


def test_a_script_comes_from_the_catalogue(run: Run) -> None:
    """By the name that `maildrill scripts` lists."""
    result = run(
        """
@pytest.mark.smtp("greylist", allow="unused-rules")
def test_mail(smtp_server):
    assert smtp_server.script.name == "greylist.toml"
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(smtp_server)
"""
    )

    result.assert_outcomes(passed=1)


def test_a_script_may_be_a_value(run: Run) -> None:
    """Whoever has built one can play it."""
    result = run(
        f"""
from maildrill.fakeserver.text.script_file import read_script

SCRIPT = read_script({BUSY!r}, "busy.toml")

@pytest.mark.smtp(SCRIPT)
"""
        + REFUSED.lstrip()
    )

    result.assert_outcomes(passed=1)


def test_the_nearest_marker_counts_first(run: Run) -> None:
    """Its rules are asked first, its settings win; what any of them allows is allowed."""
    result = run(
        """
@pytest.mark.smtp('[[rule]]\\nat = "rcpt"\\nreply = "550 5.1.1 class"', hostname="class.test", allow="unused-rules")
class TestMail:
    @pytest.mark.smtp('[[rule]]\\nat="rcpt"\\nrcpt="ann@*"\\nreply="450 4.2.1 test"', hostname="test.test", seed=3)
    def test_mail(self, smtp_server):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            send(smtp_server, "ann@x.test", "bob@x.test")
        assert [reply[1] for reply in caught.value.recipients.values()] == [b"4.2.1 test", b"5.1.1 class"]
        assert smtp_server.script.hostname == "test.test"
        assert smtp_server.seed == 3
"""
    )

    result.assert_outcomes(passed=1)


def test_what_is_built_in_the_test_is_asked_before_the_marker(run: Run) -> None:
    """A test makes an exception to its script."""
    result = run(
        f"@pytest.mark.smtp('''{BUSY}''', allow='unused-rules')"
        """
def test_mail(smtp_server):
    smtp_server.rcpt("bob@*")
    assert send(smtp_server, "bob@x.test") == {}
    assert smtp_server.messages
"""
    )

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(("option", "seed"), [((), 3), (("--smtp-seed=9",), 9)])
def test_the_seed_of_the_command_line_wins(run: Run, option: tuple[str, ...], seed: int) -> None:
    """So that a failure can be run again."""
    result = run(
        f"""
@pytest.mark.smtp("[server]\\nseed = 2", seed=3)
def test_mail(smtp_server, smtp_world):
    assert smtp_server.seed == {seed}
    assert smtp_world.seed == {seed}
""",
        *option,
    )

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        ("alow='unread'", ['test_shop.py:11: unknown key "alow"*', '*did you mean "allow"*']),
        ("allow='unmatched'", ['*nothing that can be allowed is called "unmatched"', "*unmet undeclared*"]),
        ("'missing.toml'", ["*missing.toml: script not found"]),
        ("'graylist'", ['no script is called "graylist"', "*expected one of:*", '*did you mean "greylist"?']),
        ("'[[rule]]\\nat = \"rctp\"'", ['test_mail.toml:2: unknown stage "rctp"', '*did you mean "rcpt"?']),
        ("7", ["test_shop.py:11: a script is 7", "*expected a file*"]),
        ("seed='x'", ['test_shop.py:11: server.seed is "x"', "*expected a whole number"]),
        ("unmatched='maybe'", ['test_shop.py:11: server.unmatched is "maybe"', "*expected one of: accept fail"]),
    ],
)
def test_a_mistake_in_a_marker_is_told(run: Run, marker: str, told: list[str]) -> None:
    """With what was expected, and without a traceback through our code."""
    result = run(f"@pytest.mark.smtp({marker})\ndef test_mail(smtp_server):\n    pass\n")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(told)
    result.stdout.no_fnmatch_line("*maildrill*py:*")


def test_what_is_unusual_in_a_script_is_a_warning(run: Run, pytester: pytest.Pytester) -> None:
    """With the place; a test that must have no warnings fails for it, and a rule may want it to stand."""
    pytester.makefile(
        ".toml",
        odd='[[rule]]\nat = "noop"\nreply = "221 2.0.0 bye"',
        meant='[[rule]]\nat = "noop"\nreply = "221 2.0.0 bye"\nlint = false',
    )
    text = """
@pytest.mark.smtp("odd.toml", allow="unused-rules")
def test_mail(smtp_server):
    pass
"""
    told, strict = run(text, "-W", "default"), run(text, "-W", "error")
    meant = run(text.replace("odd", "meant"), "-W", "error")

    told.assert_outcomes(passed=1, warnings=1)
    told.stdout.fnmatch_lines(['*test_shop.py:12: UnusualScript: *odd.toml:3: 221 (*) is no reply to "noop" (*'])
    strict.assert_outcomes(errors=1)
    strict.stdout.no_fnmatch_line("*Traceback*")
    strict.stdout.fnmatch_lines(["*odd.toml:3: 221 *"])
    meant.assert_outcomes(passed=1)
