"""What depends on the event loop, in uvloop: how connections end, how reading is paused, TLS."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from maildrill.fakeserver.engine.event import Shake, Wait
from maildrill.fakeserver.language.script_words import Handshake
from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.session.certificates import certificates_for

TRUSTING = certificates_for("mx.test").client_context()


@pytest.mark.parametrize(
    ("cut", "heard", "end"),
    [("before", "", "fin"), ("after", "250 2.0.0 x\r\n", "fin"), ("mid", "250 2.", "fin"), ("rst", "", "rst")],
)
def test_connections_end_as_they_should(uvloop: Any, cut: str, heard: str, end: str) -> None:
    """By FIN or RST, with or without a reply, and what is pipelined behind it never happens."""
    reply = 'reply = "250 2.0.0 x"' if cut in ("after", "mid") else ""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write(b"RSET\r\nNOOP\r\nRSET\r\n")
        assert await client.hear() == "250 2.0.0 ok"
        return await client.rest(), scene.events()[-1].split()[-1]

    assert uvloop.play(f'at = "noop"\ncut = "{cut}"\n{reply}', story) == ((heard, end), end)


def test_a_refused_connection(uvloop: Any) -> None:
    """Reset before any octet."""

    async def story(scene: Any) -> Any:
        try:
            return await (await scene.call()).rest()
        except ConnectionResetError:
            return "", "rst"

    assert uvloop.play('at = "connect"\ncut = "refuse"', story) == ("", "rst")


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("wait", [0.0, 0.1])
def test_tls(uvloop: Any, decides: Any, implicit: bool, wait: float) -> None:
    """A message goes through, though the client begins before the server is ready; what was injected is dropped."""

    async def story(scene: Any) -> Any:
        if implicit:
            scene.address = await scene.server.start(scene.address[0], tls=True)
            client = await scene.call(ssl=TRUSTING, server_hostname="mx.test")
            await client.hear()
        else:
            client = await scene.greeted()
            client.write(b"STARTTLS\r\nEHLO injected\r\n")
            await client.hear()
            await client.secure(TRUSTING)
        early = await client.ask("MAIL FROM:<a@b.test>")
        await client.ask("EHLO me")
        said = await client.send(b"hello\r\n" * 100_000 + b".\r\n")
        await client.ask("QUIT")
        return early, said, await client.rest(), scene.journal.sessions[-1].tls

    assert uvloop.play(decides(tls=(Wait(wait),)), story, settings=Settings(tls=True)) == (
        "503 send EHLO first",
        "250 2.0.0 message taken",
        ("", "fin"),
        "TLSv1.3",
    )


@pytest.mark.parametrize("fault", [Handshake.EXPIRED, Handshake.OLD_VERSION, Handshake.ABORT, Handshake.GARBAGE])
def test_handshakes_go_wrong(uvloop: Any, decides: Any, fault: Handshake) -> None:
    """And leave nothing behind."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask("STARTTLS")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await client.secure(TRUSTING)
        client.writer.transport.abort()
        while scene.server._sessions:
            await client.clock.sleep(0.01)
        return scene.events()[-1].split()[0]

    assert uvloop.play(decides(tls=(Shake(fault),)), story, settings=Settings(tls=True)) == "tls"


def test_a_client_that_reads_nothing_stops_the_reading_of_commands(uvloop: Any) -> None:
    """As in asyncio's own loop."""

    async def story(scene: Any) -> Any:
        deaf, other = await scene.greeted(), await scene.greeted()
        deaf.writer.transport.pause_reading()
        deaf.write(b"NOOP\r\n" * 100_000)
        await other.clock.sleep(0.3)
        return await other.ask("RSET"), len(scene.journal.entries) < 90_000

    assert uvloop.play(f'at = "noop"\nreply = "250 2.0.0 {"x" * 450}"', story) == ("250 2.0.0 ok", True)


def test_stopping_leaves_nothing(uvloop: Any, tmp_path: Path) -> None:
    """Neither connections nor the file of a socket."""

    async def story(scene: Any) -> Any:
        await scene.server.start_unix(tmp_path / "smtp.sock")
        clients = [await scene.greeted() for _ in range(3)]
        clients[0].write(b"NOOP\r\n")
        await scene.server.stop()
        return len(scene.server._sessions)

    assert uvloop.play('at = "noop"\nwait = "1h"', story) == 0
    assert list(tmp_path.iterdir()) == []
