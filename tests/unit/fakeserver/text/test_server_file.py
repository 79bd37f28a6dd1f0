"""The `[server]` table: what is read, written and joined."""

from __future__ import annotations

from dataclasses import fields

from maildrill.fakeserver.language.script import Script, Unmatched, merge_scripts
from maildrill.fakeserver.language.settings import Limits, Settings
from maildrill.fakeserver.text.script_file import read_script, script_to_toml
from maildrill.fakeserver.text.server_file import BOUNDS

WRITTEN = """\
version = 1

[server]
hostname = "mx.busy.test"
seed = 42
unmatched = "fail"
lint = false
strict = true
tls = true
users = { ann = "se\\"cret", "bob@x.test" = "ümläut" }
auth = ["PLAIN", "SCRAM-SHA-256"]
caps = ["-8BITMIME", "X-OWN 1"]
limits = { message = 10000000, line = 1024, recipients = 5, silence = "5m", command = "1.5s" }
"""


def test_every_setting_is_read() -> None:
    """Each key becomes the field of its name; sizes are octets, durations seconds."""
    assert read_script(WRITTEN, "s.toml").server == Settings(
        hostname="mx.busy.test",
        seed=42,
        unmatched=Unmatched.FAIL,
        lint=False,
        strict=True,
        tls=True,
        users={"ann": 'se"cret', "bob@x.test": "ümläut"},
        auth=("PLAIN", "SCRAM-SHA-256"),
        caps=("-8BITMIME", "X-OWN 1"),
        limits={"message": 10_000_000, "line": 1024, "recipients": 5, "silence": 300.0, "command": 1.5},
    )


def test_every_setting_is_written() -> None:
    """In the order of the language, and only what was said."""
    assert script_to_toml(read_script(WRITTEN, "s.toml")) == WRITTEN


def test_limits_are_the_usual_ones_where_nothing_is_said() -> None:
    """A text with a unit or a whole number; the rest stays."""
    script = read_script('[server.limits]\nmessage = "10MB"\nerrors = 3', "s.toml")

    assert script.limits == Limits(message=10_000_000, errors=3)
    assert Script().limits == Limits()


def test_every_limit_has_a_range() -> None:
    """And the usual value is within it."""
    assert list(BOUNDS) == [one.name for one in fields(Limits)]
    assert [name for name, bound in BOUNDS.items() if not bound.least <= getattr(Limits(), name) <= bound.most] == []


def test_mechanisms_are_named_without_regard_to_case() -> None:
    """And once."""
    assert read_script('[server]\nauth = ["plain", "PLAIN", "Cram-MD5"]', "s.toml").server.auth == ("PLAIN", "CRAM-MD5")


def test_settings_are_joined() -> None:
    """The first that says something counts; users and limits are joined by name."""
    first = read_script('[server]\ntls = false\nusers = { ann = "1" }\nlimits = { errors = 1 }', "one.toml")
    second = read_script(
        '[server]\ntls = true\nlint = true\nauth = "LOGIN"\nusers = { ann = "2", bob = "3" }\n'
        "limits = { commands = 2 }",
        "two.toml",
    )

    assert merge_scripts([first, second]).server == Settings(
        tls=False, lint=True, auth=("LOGIN",), users={"ann": "1", "bob": "3"}, limits={"errors": 1, "commands": 2}
    )


def test_no_password_shows_in_a_repr() -> None:
    """Logs and failing tests print values; not even the names of users are seen."""
    script = read_script('[server.users]\nann = "open sesame"', "s.toml")

    assert "sesame" not in repr(script)
    assert "sesame" not in repr(script.server)
