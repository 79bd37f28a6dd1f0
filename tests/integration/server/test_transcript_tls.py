"""Strict transcripts that go over to TLS: a handshake that succeeds, and each way in which it does not."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.session.certificates import certificates_for
from maildrill.fakeserver.text.script_file import read_script

if TYPE_CHECKING:
    from tests.integration.server.conftest import Client, Ground, Scene

TRUSTING = certificates_for("mx.test").client_context()
SECURED = ("S: 220 hi", "C: STARTTLS", "S: 220 go")
GREETED = ("C: EHLO *", "S: 250 mx.test", "C: QUIT", "S: 221 bye")


def strict(*lines: str) -> Script:
    return read_script("\n".join(("strict = true", 'hostname = "mx.test"', *lines)), "t.txt")


async def asking(scene: Scene, more: bytes = b"") -> Client:
    """Return a client that has asked for TLS and been let."""
    client = await scene.call()
    await client.hear()
    client.write(b"STARTTLS\r\n" + more)
    assert await client.hear() == "220 go"
    return client


@pytest.mark.parametrize("written", [(), ("!tls",)])
def test_a_handshake_goes_by_itself(ground: Ground, written: tuple[str, ...]) -> None:
    """Behind 220 to STARTTLS; what was pipelined behind it never happened."""

    async def story(scene: Scene) -> list[str]:
        client = await asking(scene, b"NOOP\r\n")
        await client.secure(TRUSTING)
        said = [await client.ask("EHLO c"), await client.ask("QUIT")]
        await client.rest()
        assert scene.server.unfired() == ()
        assert scene.journal.sessions[0].tls.startswith("TLS")
        assert scene.events() == ["banner 220", "starttls 220", "tls", "ehlo 250", "quit 221", "idle fin"]
        return said

    assert ground.play(strict(*SECURED, *written, *GREETED), story) == ["250 mx.test", "221 bye"]


@pytest.mark.parametrize(("fault", "verdict"), [("expired", 10), ("self-signed", 18)])
def test_a_certificate_is_as_bad_as_written(ground: Ground, fault: str, verdict: int) -> None:
    """A client that checks breaks off; what it was to say else is unmet."""

    async def story(scene: Scene) -> int:
        client = await asking(scene)
        with pytest.raises(ssl.SSLCertVerificationError) as error:
            await client.secure(TRUSTING)
        while scene.journal.sessions[0].closed is None:
            await scene.clock.sleep(0.01)
        assert scene.events()[-1] == "tls client"
        assert scene.server.unfired() == ("t.txt:7: expected C: EHLO *, got the end of the connection",)
        return error.value.verify_code

    assert ground.play(strict(*SECURED, f"!tls {fault}", *GREETED), story) == verdict


@pytest.mark.parametrize("fault", ["abort", "garbage"])
def test_a_handshake_that_comes_to_nothing_is_all(ground: Ground, fault: str) -> None:
    """Where nothing else was to come, nothing is unmet."""

    async def story(scene: Scene) -> None:
        client = await asking(scene)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await client.secure(TRUSTING)
        while scene.journal.sessions[0].closed is None:
            await scene.clock.sleep(0.01)
        assert scene.server.unfired() == ()

    ground.play(strict(*SECURED, f"!tls {fault}"), story)


def test_a_server_may_go_on_in_clear(ground: Ground) -> None:
    """As one does that never meant its 220."""

    async def story(scene: Scene) -> str:
        client = await asking(scene)
        return await client.ask("EHLO c")

    assert ground.play(strict(*SECURED, "!tls plain", *GREETED), story) == "250 mx.test"


def test_a_cut_behind_the_220_needs_no_handshake(ground: Ground) -> None:
    """The line is gone before it."""

    async def story(scene: Scene) -> tuple[str, str]:
        return await (await asking(scene)).rest()

    assert ground.play(strict(*SECURED, "!cut rst"), story) == ("", "rst")


def test_tls_can_be_spoken_from_the_first_octet_on(ground: Ground) -> None:
    """The listener says so; `!tls`, above the banner, says what goes wrong."""

    async def story(scene: Scene) -> list[str]:
        scene.address = await scene.server.start(scene.address[0], tls=True)
        with pytest.raises(ssl.SSLCertVerificationError):
            await scene.call(ssl=TRUSTING, server_hostname="mx.test")
        client = await scene.call(ssl=TRUSTING, server_hostname="mx.test")
        return [await client.hear(), await client.ask("QUIT")]

    script = strict("!tls expired", "(new connection)", "S: 220 hi", "C: QUIT", "S: 221 bye")

    assert ground.play(script, story) == ["220 hi", "221 bye"]


def test_a_handshake_that_nobody_asked_for_is_a_difference(ground: Ground) -> None:
    """There is nothing to shake hands about."""

    async def story(scene: Scene) -> str:
        return (await (await scene.call()).rest())[0]

    assert "got nothing that asks for TLS" in ground.play(strict("S: 220 hi", "!tls"), story)


def test_a_client_that_never_shakes_hands_is_given_up(memory: Ground) -> None:
    """Without a word: TLS records are awaited, not replies."""

    async def story(scene: Scene) -> tuple[str, str]:
        client = await asking(scene)
        heard = await client.rest()
        assert scene.journal.sessions[0].closed == "timeout"
        assert len(scene.server.unfired()) == 1
        return heard

    assert memory.play(strict(*SECURED, "!tls hang", *GREETED), story) == ("", "fin")


def test_the_rules_of_such_a_transcript_do_the_same(ground: Ground) -> None:
    """STARTTLS is offered, and its handshake goes as wrong."""

    async def story(scene: Scene) -> tuple[str, int]:
        client = await scene.call()
        await client.hear()
        offered = await client.ask("EHLO c")
        assert await client.ask("STARTTLS") == "220 go"
        with pytest.raises(ssl.SSLCertVerificationError) as error:
            await client.secure(TRUSTING)
        return offered, error.value.verify_code

    lines = ("S: 220 hi", "C: EHLO *", "S: 250-mx.test", "S: 250 STARTTLS", *SECURED[1:], "!tls expired")
    rules = read_script("\n".join(('hostname = "mx.test"', *lines)), "t.txt")

    assert rules.server == Settings(hostname="mx.test", tls=True)
    assert ground.play(rules, story) == ("250-mx.test|250 STARTTLS", 10)
