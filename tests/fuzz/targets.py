"""What is fuzzed: each target takes any octets, and raises what is wrong with what became of them.

The fuzzer (fuzz.py) runs them on octets that it makes up, the test suite on the seeds.
"""

from __future__ import annotations

import base64
import importlib.util
import sys
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import ModuleType

from maildrill.fakeserver.engine.engine import Engine
from maildrill.fakeserver.engine.event import Event, Raw, Say
from maildrill.fakeserver.importers.formats import FORMATS, import_text
from maildrill.fakeserver.language.injection import Injection, Kind
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.message.body import message_id
from maildrill.fakeserver.message.content import Letter
from maildrill.fakeserver.message.parsed import parse
from maildrill.fakeserver.protocol import dsn
from maildrill.fakeserver.protocol.command import names_host, read_chunk, read_path
from maildrill.fakeserver.protocol.credentials import Granted
from maildrill.fakeserver.protocol.proxy_header import MAX_HEADER, ProxyParser
from maildrill.fakeserver.protocol.sasl import MECHANISMS, begin
from maildrill.fakeserver.sending.injections import Cause
from maildrill.fakeserver.sending.notices import Postmark, compose
from maildrill.fakeserver.session.manner import dripped, written
from maildrill.fakeserver.text.script_file import read_script, script_to_toml
from maildrill.fakeserver.text.transcript.load import read_transcript_script
from maildrill.fakeserver.text.transcript.reader import is_transcript, read_transcript
from maildrill.fakeserver.text.transcript.writer import transcript_text
from maildrill.smtp import ConfigurationError, Reply, ReplyParser, Stage, decode

_NONCE = bytes(16)
_USERS = {"ann": "secret", "bob@x.test": "påss"}


def _loaded(name: str, place: Path) -> ModuleType:
    """Return a module that is in no package, by its place."""
    spec = importlib.util.spec_from_file_location(name, place)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


#: The test module that knows how to hold a session, and what is true of every one.
any_octets = _loaded("any_octets", Path(__file__).parents[1] / "properties" / "fakeserver" / "test_any_octets.py")


def session(data: bytes) -> None:
    """Octets to a server; the first says which script it has and which door, the second how they are cut."""
    scripts, doors = list(any_octets.SCRIPTS), list(any_octets.DOORS)
    name, door = scripts[data[0] % 32 % len(scripts)], doors[data[0] // 32 % len(doors)]
    size, said = data[1], data[2:]
    pieces = [said[at : at + size] for at in range(0, len(said), size)] if size else [said]
    any_octets.check(any_octets.hold(any_octets.script(name), pieces, door))


def script(data: bytes) -> None:
    """A script file: it is refused in words, or it can be written and read back, and played."""
    try:
        found = read_script(data.decode("utf-8", "replace"), "fuzz.toml")
    except ConfigurationError as error:
        _located(error)
    else:
        assert read_script(script_to_toml(found), found.name) == found, data
        _play(found)


def transcript(data: bytes) -> None:
    """A transcript file: it is refused in words, or it can be written and read back, and played."""
    text = data.decode("utf-8", "replace")
    try:
        found = read_transcript(text, "fuzz.txt")
    except ConfigurationError as error:
        _located(error)
        return
    assert read_transcript(transcript_text(found), found.name) == found, data
    try:
        rules = read_transcript_script(text, "fuzz.txt")
    except ConfigurationError as error:
        _located(error)
    else:
        _play(rules)


def _located(error: ConfigurationError) -> None:
    """A person can find what is wrong."""
    assert str(error).startswith("fuzz."), error


def _play(found: Script) -> None:
    """Every stage gets a decision, and whatever is said in it can be written."""
    engine = Engine(found)
    for n, stage in enumerate((*Stage, *Stage)):
        for action in engine.on(_EVENT(stage=stage, at=float(n), size=n)).actions:
            if isinstance(action, Say):
                assert written(action.reply, action.manner)
            if isinstance(action, Raw):
                assert b"".join(octets for octets, _ in dripped(action.octets, action.manner)) == action.octets


#: A moment of a client that says what it should not.
_EVENT = partial(
    Event,
    session=1,
    client="192.0.2.1",
    helo="\udcff\r\n250 injected",
    user="ann\x00",
    reverse_path="ann@x.test",
    rcpt="bob@y.test",
    recipients=("bob@y.test", '"\\\r\n"@z.test'),
    content=b"Subject: hello\r\n\r\n\xff\r\n",
    idle=100.0,
)


def imports(data: bytes) -> None:
    """What another program is told or has logged, by number: it is refused in words, or becomes a script of ours."""
    formats = (None, *FORMATS)
    known, as_rules = formats[data[0] % 64 % len(formats)], data[0] >= 128
    try:
        found = import_text(data[1:].decode("utf-8", "replace"), "fuzz.log", known, as_rules=as_rules)
    except ConfigurationError as error:
        _located(error)
        return
    if is_transcript(found.text):
        assert read_transcript(found.text, found.name), data
    else:
        _play(read_script(found.text, found.name))


def message(data: bytes) -> None:
    """A message: it can be read, and what is read of it is no larger than it."""
    letter = Letter(data)
    texts = [letter.text(), letter.text("text/html"), *(value for _, value in letter.fields)]

    assert all(len(text) <= len(data) for text in (*texts, letter.header("Subject"))), data
    assert len(letter.body) <= 2 * len(data), data
    assert sum(len(part.content) for part in letter.parts) <= len(data), data
    assert parse(data) is not None
    message_id(data)


def notice(data: bytes) -> None:
    """What a server sends by itself about a message: whatever that holds, no line of it is a field of the answer."""
    known = {"from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version", "content-type"}
    for kind in Kind:
        cause = Cause(
            injection=Injection(name="fuzz", kind=kind),
            id="0123456789",
            rcpt="bob@y.test",
            address="ann@x.test",
            reverse_path="ann@x.test",
            original=data,
            at=0.0,
            said={"ORCPT": decode(data)},
            parameters={"ENVID": decode(data)},
        )
        content = compose(cause, Postmark("mx.test", 0.0))

        assert {name.lower() for name, _ in Letter(content).fields} <= known | {"in-reply-to", "references"}, data
        assert content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n"), data


def proxy(data: bytes) -> None:
    """The header of a proxy: it does not matter in which pieces it comes, and no octet is lost."""
    whole, slow = ProxyParser(), ProxyParser()
    header, late, read = whole.feed(data), None, 0
    for start, end in pairwise(range(len(data) + 1)):
        late, read = slow.feed(data[start:end]), end
        if late is not None or slow.fault:
            break

    assert (late, slow.fault) == (header, whole.fault) or whole.fault, data
    assert header is None or whole.rest == data[read:], data
    assert len(slow._octets) <= MAX_HEADER


def sasl(data: bytes) -> None:
    """A login; the first octet says by which mechanism, then come responses, line by line."""
    lines = data[1:].split(b"\n")
    exchange = begin(MECHANISMS[data[0] % len(MECHANISMS)], None, _USERS if data[0] < 128 else {}, _NONCE)
    for line in lines:
        said = exchange.step(base64.b64encode(line).decode())
        assert isinstance(said, Granted) or len(said.reply.render()) <= 512, data


def command(data: bytes) -> None:
    """Arguments of commands: what is right to the letter is right to the tolerant, and means the same."""
    text = decode(data)
    for keyword in ("FROM", "TO"):
        strict, tolerant = (read_path(keyword, f"{keyword}:{text}", strict=one) for one in (True, False))
        assert isinstance(strict, Reply) or strict == tolerant, data
    chunk = read_chunk(text, strict=True)
    assert chunk is None or chunk == read_chunk(text), data
    assert names_host("EHLO", text) >= names_host("HELO", text), data
    for read in (dsn.read_envid, dsn.read_notify, dsn.read_orcpt, dsn.read_ret, dsn.read_xtext):
        read(text)


def replies(data: bytes) -> None:
    """A server's octets to our own parser of replies: it does not matter in which pieces they come."""
    whole, slow = ReplyParser(), ReplyParser()
    heard = whole.feed(data)
    late = [reply for octet in data for reply in slow.feed(bytes([octet]))]

    assert (heard, bool(whole.fault)) == (late, bool(slow.fault)), data


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (session, script, transcript, imports, message, notice, proxy, sasl, command, replies)
}


def run(target: str, data: bytes) -> None:
    """Run one input; raises what is wrong with it."""
    TARGETS[target](data.ljust(2, b"\0"))
