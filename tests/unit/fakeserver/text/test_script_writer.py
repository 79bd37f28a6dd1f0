"""Scripts as text: what is written is read back, and looks as a person would have written it."""

from __future__ import annotations

import pytest

from maildrill.fakeserver.language.script import Rule, Script
from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.text.script_file import read_script, script_to_toml
from maildrill.smtp import Stage

WRITTEN = """\
version = 1

[server]
hostname = "mx.busy.test"
seed = 42
unmatched = "fail"

[[rule]]
name = "all words"
at = "dot"
from = "news@*"
rcpt = ["~^a\\\\w", "!b*"]
domain = "busy.test"
ehlo = "*.shop.test"
client = ["192.0.2.*", "!192.0.2.1"]
user = "ann"
header.X-Campaign = "spring*"
header."X.Y" = ["a", "b"]
subject = "*sale*"
body = "~unsubscribe"
size = ">1MB"
tls = "TLSv1.2"
param.SIZE = ">1000"
param.BODY = ["8BITMIME", "BINARYMIME"]
key = ["message", "client"]
attempt = ["1-2", "4-"]
times = 3
age = "<5m"
over = "100/1h"
open = ">2"
during = "2d.."
chance = 0.25
state = ["start", "half down"]
set = "down"
priority = 1
wait = "1m30s"
replies = ["451 4.3.0 later", "250 2.0.0 {id}"]
then = "cycle"
mangle = "code-mismatch"
drip = "1B/500ms"
tease = "30s x 20"
cut = "mid"
commit = true
lint = true

[[rule]]
name = "more"
at = "*"
attempt = "2"
reply = "450 4.2.1 \\"no\\"\\nnot now"

[[rule]]
name = "raw"
at = "body"
tls = true
wait = "{n}s"
raw = "\\\\x00\\\\r\\\\n"
after = "4096B"

[[rule]]
name = "handshake"
at = "tls"
handshake = "expired"

[[rule]]
name = "elsewhere"
at = "*"
to = "smtp://mx.example:25"
outside = true

[[rule]]
name = "clear"
at = "mail"
tls = false
then = "pass"

[[rule]]
name = "caps"
at = "ehlo"
caps = ["-8BITMIME", "SIZE 1000"]
"""


def test_every_word_is_written() -> None:
    """In the order of the language, and only what was said."""
    assert script_to_toml(read_script(WRITTEN, "s.toml")) == WRITTEN


def test_an_empty_script_says_its_version() -> None:
    """There is nothing else to say."""
    assert script_to_toml(Script()) == "version = 1\n"


def test_a_seed_of_zero_is_written() -> None:
    """Zero is a seed that was said."""
    assert script_to_toml(Script(server=Settings(seed=0))) == "version = 1\n\n[server]\nseed = 0\n"


def test_a_long_list_gets_a_line_for_each() -> None:
    """So that a person can read it."""
    replies = ", ".join(f'"55{n} 5.3.0 a reply that is rather long"' for n in range(4))
    script = read_script(f'[[rule]]\nat = "rcpt"\nreplies = [{replies}]', "s.toml")
    text = script_to_toml(script)

    assert 'replies = [\n  "550 5.3.0 a reply that is rather long",\n' in text
    assert read_script(text, "s.toml") == script


@pytest.mark.parametrize("chance", [1e-9, 0.1, 1 / 3, 1.0, 0.0])
def test_numbers_are_written_exactly(chance: float) -> None:
    """A draw that is compared with another number is another draw."""
    script = Script(name="s", rules=(Rule(name="r", at=(Stage.RCPT,), chance=chance),))

    assert read_script(script_to_toml(script), "s") == script


@pytest.mark.parametrize("name", ["ümlaut", 'with "quotes"', "back\\slash", "a'b", "#", "日本"])
def test_names_are_quoted(name: str) -> None:
    """Whatever can be shown can be a name."""
    script = Script(name="s", rules=(Rule(name=name),))

    assert read_script(script_to_toml(script), "s") == script


def test_unprintable_characters_are_written_out() -> None:
    """A pattern may hold what cannot be shown."""
    script = read_script('[[rule]]\nat = "rcpt"\nrcpt = "a\\u202e\\u007f\\U000e0001@x"', "s.toml")
    text = script_to_toml(script)

    assert "\\U0000202E\\U0000007F\\U000E0001" in text
    assert read_script(text, "s.toml") == script
