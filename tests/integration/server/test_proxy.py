"""Listeners behind a proxy: the client is whoever the header says, and without a header there is no session."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest

from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.session.certificates import certificates_for

LINE = b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 25\r\n"
BINARY = (
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
    + socket.inet_aton("203.0.113.7")
    + socket.inet_aton("192.0.2.1")
    + struct.pack("!HH", 4711, 25)
)
TRUSTING = certificates_for("mx.test").client_context()


async def behind(scene: Any, **options: Any) -> Any:
    """Return a client of a listener behind a proxy, before anything is said."""
    scene.address = await scene.server.start(scene.address[0], proxy=True, **options)
    return await scene.call()


@pytest.mark.parametrize("header", [LINE, BINARY], ids=["version 1", "version 2"])
@pytest.mark.parametrize("segment", [0, 1])
def test_the_client_is_whom_the_header_names(ground: Any, decides: Any, header: bytes, segment: int) -> None:
    """In events and in the journal; what comes behind the header is the session."""
    told = decides()

    async def story(scene: Any) -> Any:
        client = await behind(scene)
        client.write(header + b"EHLO me\r\nNOOP\r\n")
        heard = await client.hear(), await client.hear(), await client.hear()
        (record,) = scene.journal.sessions
        return heard[0], heard[2], record.client, record.bare_newlines

    assert ground.play(told, story, segment=segment) == (
        "220 mx.test ESMTP maildrill",
        "250 2.0.0 ok",
        "203.0.113.7",
        0,
    )
    assert {event.client for event in told.events} == {"203.0.113.7"}


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", b"\r\n\r\n\0\r\nQUIT\n\x20\x00\0\x00"])
def test_a_proxy_that_does_not_say_is_the_client_itself(ground: Any, header: bytes) -> None:
    """As for its own health checks."""

    async def story(scene: Any) -> Any:
        client = await behind(scene)
        client.write(header)
        return await client.hear(), scene.journal.sessions[0].client

    banner, client = ground.play("", story)

    assert banner == "220 mx.test ESMTP maildrill"
    assert client in ("192.0.2.1", "127.0.0.1")


@pytest.mark.parametrize("octets", [b"EHLO me\r\n", b"PROXY TCP4 nobody\r\n", b"\x16\x03\x01\x02"])
def test_without_a_header_there_is_no_session(ground: Any, octets: bytes) -> None:
    """The connection is reset before a word, and noted."""

    async def story(scene: Any) -> Any:
        client = await behind(scene)
        client.write(octets)
        return await client.rest(), scene.events()

    assert ground.play("", story) == (("", "rst"), ["connect refused"])


def test_a_client_may_be_refused_for_what_the_header_says(ground: Any, decides: Any) -> None:
    """As any other at `connect`."""

    async def story(scene: Any) -> Any:
        client = await behind(scene)
        client.write(LINE)
        return await client.rest(), scene.events(), scene.journal.sessions[0].client

    assert ground.play('at = "connect"\ncut = "refuse"', story) == (
        ("", "rst"),
        ["connect refused"],
        "203.0.113.7",
    )


def test_a_proxy_that_says_nothing_is_given_up(memory: Any) -> None:
    """After as long as any silence; there was no session."""

    async def story(scene: Any) -> Any:
        client = await behind(scene)
        began = client.clock.now()
        heard, _ = await client.rest()
        return heard, 299 < client.clock.now() - began < 301, scene.journal.sessions

    assert memory.play("", story) == ("", True, [])


@pytest.mark.parametrize("how", ["stop", "close", "abort"])
def test_a_connection_that_ends_within_the_header_leaves_nothing(ground: Any, how: str) -> None:
    """Whoever ends it."""

    async def story(scene: Any) -> Any:
        client = await behind(scene)
        client.write(LINE[:10])
        await client.clock.sleep(0.02)
        if how == "stop":
            await scene.server.stop()
        elif how == "close":
            client.writer.close()
        else:
            client.writer.transport.abort()
        while scene.server._sessions:
            await client.clock.sleep(0.01)
        return scene.journal.sessions

    assert ground.play("", story) == []


@pytest.mark.parametrize("kind", ["memory", "tcp", "uvloop"])
@pytest.mark.parametrize("implicit", [False, True])
def test_tls_comes_behind_the_header(kind: str, implicit: bool, request: pytest.FixtureRequest) -> None:
    """By STARTTLS or at once."""

    async def story(scene: Any) -> Any:
        client = await behind(scene, tls=implicit)
        client.write(LINE)
        if not implicit:
            await client.hear()
            await client.ask("EHLO me", "STARTTLS")
        await client.secure(TRUSTING)
        if implicit:
            await client.hear()
        await client.ask("EHLO me")
        return await client.send(b"hello\r\n.\r\n"), scene.journal.sessions[0].client, scene.journal.sessions[0].tls

    ground = request.getfixturevalue(kind)

    assert ground.play("", story, settings=Settings(tls=True)) == ("250 2.0.0 message taken", "203.0.113.7", "TLSv1.3")
