"""The server for a test, without pytest: what `with smtp_server(...)` starts, checks and ends."""

from __future__ import annotations

import smtplib
import threading
import unittest
from pathlib import Path

import pytest

from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.testing import Complained, ScriptedServer, smtp_server
from maildrill.fakeserver.text.script_file import read_script
from maildrill.smtp import ConfigurationError

BUSY = '[[rule]]\nname = "busy"\nat = "rcpt"\nrcpt = "bob@*"\nreply = "450 4.2.1 busy"\n'


def send(server: ScriptedServer, *rcpts: str) -> dict[str, tuple[int, bytes]]:
    with smtplib.SMTP(server.host, server.port, local_hostname="client.test") as client:
        return client.sendmail("news@shop.test", rcpts, "Subject: hello\n\nHello.\n")


def test_a_block_has_a_server_and_leaves_nothing_behind() -> None:
    """Neither thread nor port."""
    with smtp_server() as server:
        send(server, "ann@x.test")
        assert server.recipients == ("ann@x.test",)

    assert [thread for thread in threading.enumerate() if "maildrill" in thread.name] == []
    with pytest.raises(ConnectionRefusedError):
        send(server, "ann@x.test")


def test_what_was_seen_can_be_read_afterwards() -> None:
    """The journal stays."""
    with smtp_server(allow=["unread"]) as server:
        send(server, "ann@x.test")

    assert server.recipients == ("ann@x.test",)
    assert ":<ann@x.test>" in server.transcript()


@pytest.mark.parametrize("kind", ["text", "path", "name", "value"])
def test_a_script_is_a_file_a_text_or_a_value(tmp_path: Path, kind: str) -> None:
    """Whatever is at hand."""
    path = tmp_path / "busy.toml"
    path.write_text(BUSY, encoding="utf-8")
    script: dict[str, Script | Path | str] = {
        "text": BUSY,
        "path": path,
        "name": str(path),
        "value": read_script(BUSY, "busy.toml"),
    }

    with smtp_server(script[kind]) as server:
        refused = send(server, "ann@x.test", "bob@x.test")
        assert server.messages

    assert refused == {"bob@x.test": (450, b"4.2.1 busy")}


def test_a_script_that_is_not_there_is_told() -> None:
    """Before anything is started."""
    with pytest.raises(ConfigurationError, match="script not found"), smtp_server("missing.toml"):
        pass


def test_what_is_wrong_at_the_end_is_raised() -> None:
    """As one error that names all of it, and shows the dialogue as a note."""
    with pytest.raises(Complained) as caught, smtp_server(BUSY) as server:
        send(server, "ann@x.test")

    assert str(caught.value).splitlines()[0] == (
        'unused-rules: busy never fired: at = "rcpt", rcpt = "bob@*", reply = "450 4.2.1 busy"'
    )
    assert [complaint.kind for complaint in caught.value.complaints] == ["unused-rules", "unread"]
    assert isinstance(caught.value, AssertionError)
    assert any(":<ann@x.test>" in note for note in caught.value.__notes__)


def test_an_error_of_the_block_is_its_own() -> None:
    """With the dialogue as a note; nothing else is complained about."""

    def fail(server: ScriptedServer) -> None:
        send(server, "ann@x.test")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught, smtp_server(BUSY) as server:
        fail(server)

    assert any(":<ann@x.test>" in note for note in caught.value.__notes__)


def test_the_seed_decides_the_draws() -> None:
    """That of the call before that of the script."""
    with smtp_server("[server]\nseed = 3\n") as first, smtp_server("[server]\nseed = 3\n", seed=4) as second:
        seeds = (first.seed, second.seed)

    assert seeds == (3, 4)


def test_unittest_needs_no_plugin() -> None:
    """`enterContext` starts the server, and its end is the test's."""

    class MailTest(unittest.TestCase):
        def setUp(self) -> None:
            self.server = self.enterContext(smtp_server(BUSY))

        def test_refused(self) -> None:
            assert send(self.server, "ann@x.test", "bob@x.test") == {"bob@x.test": (450, b"4.2.1 busy")}
            assert len(self.server.messages) == 1

        def test_unused(self) -> None:
            pass

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(MailTest).run(result)

    assert result.testsRun == 2
    assert [test.id().rpartition(".")[2] for test, _ in [*result.failures, *result.errors]] == ["test_unused"]
