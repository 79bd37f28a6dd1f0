"""STARTTLS and TLS from the first octet on, and each way in which a handshake can go wrong, as a client meets it."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest

from maildrill.fakeserver.engine.event import Close, Shake, Wait
from maildrill.fakeserver.language.script_words import Handshake
from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.session.certificates import certificates_for

OFFERED = Settings(tls=True)
TRUSTING = certificates_for("mx.test").client_context()
CONVERSATION = ("MAIL FROM:<news@shop.test>", "RCPT TO:<ann@x.test>")
#: What a client that checks says of each certificate: OpenSSL's verify code.
VERDICTS = {
    Handshake.EXPIRED: 10,
    Handshake.NOT_YET: 9,
    Handshake.WRONG_HOST: 62,
    Handshake.SELF_SIGNED: 18,
    Handshake.UNTRUSTED: 20,
    Handshake.WEAK: 66,
}


async def secured(scene: Any) -> Any:
    """Return a client that went over to TLS."""
    client = await scene.greeted()
    assert await client.ask("STARTTLS") == "220 2.0.0 ready to start TLS"
    await client.secure(TRUSTING)
    return client


def test_starttls_leads_to_a_session_that_knows_nothing_of_the_old_one(ground: Any) -> None:
    """The client must say EHLO anew, STARTTLS is offered no more, and mail goes through (RFC 3207 section 4.2)."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(*CONVERSATION)
        client = await secured(scene)
        early = await client.ask("MAIL FROM:<a@b.test>")
        keywords = await client.ask("EHLO again")
        again = await client.ask("STARTTLS")
        said = await client.send(b"hello\r\n" * 20_000 + b".\r\n")
        await client.ask("QUIT")
        rest = await client.rest()
        record, (message,) = scene.journal.sessions[-1], scene.journal.messages
        return early, "STARTTLS" in keywords, again, said, rest, record.tls, record.helo, message.size

    *heard, version, helo, size = ground.play("", story, settings=OFFERED)

    assert heard == [
        "503 send EHLO first",
        False,
        "503 5.5.1 TLS is spoken already",
        "250 2.0.0 message taken",
        ("", "fin"),
    ]
    assert (version, helo, size) == ("TLSv1.3", "again", 140_000)


def test_tls_from_the_first_octet_on(ground: Any) -> None:
    """The banner comes in TLS; two handshakes go on at once; the script knows of it."""

    async def story(scene: Any) -> Any:
        scene.address = await scene.server.start(scene.address[0], tls=True)
        clients = await asyncio.gather(*(scene.call(ssl=TRUSTING, server_hostname="mx.test") for _ in range(2)))
        banners = [await client.hear() for client in clients]
        noop = await clients[0].ask("NOOP")
        await clients[0].ask("QUIT")
        return banners, noop, await clients[0].rest(), scene.events()[:4]

    banners, noop, rest, events = ground.play('at = "noop"\nreply = "250 2.0.0 {client}"', story)

    assert banners == ["220 mx.test ESMTP maildrill"] * 2
    assert noop.startswith("250 2.0.0 1")
    assert rest == ("", "fin")
    assert sorted(events) == ["banner 220", "banner 220", "tls", "tls"]


def test_what_was_pipelined_behind_starttls_is_dropped(ground: Any) -> None:
    """Else a stranger could put commands before those of the client (RFC 3207 section 6)."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write(b"STARTTLS\r\nEHLO injected\r\nMAIL FROM:<x@evil.test>\r\n")
        await client.hear()
        await client.secure(TRUSTING)
        return await client.ask("RCPT TO:<ann@x.test>"), scene.journal.sessions[0].helo

    assert ground.play("", story, settings=OFFERED) == ("503 send EHLO first", "client.test")


@pytest.mark.parametrize(
    ("script", "settings", "heard"),
    [
        ("", None, ("502 5.5.1 command not implemented", "501 5.5.4 this command takes no argument")),
        ('at = "ehlo"\ncaps = "STARTTLS"', None, ("220 2.0.0 ready to start TLS", "")),
        (
            'at = "starttls"\nreply = "454 4.7.0 no"',
            OFFERED,
            ("454 4.7.0 no", "501 5.5.4 this command takes no argument"),
        ),
        ("", Settings(tls=True, caps=("-STARTTLS",)), ("502 5.5.1 command not implemented",) * 2),
    ],
)
def test_starttls_is_there_where_it_was_offered(
    ground: Any, script: str, settings: Any, heard: tuple[str, str]
) -> None:
    """A script may offer it, hide it, and refuse what was offered."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        first = await client.ask("STARTTLS")
        return first, await client.ask("STARTTLS" if settings and settings.caps else "STARTTLS now") if heard[1] else ""

    assert ground.play(script, story, settings=settings) == heard


def test_a_script_that_says_220_means_it(ground: Any) -> None:
    """Certificates are minted when they are needed."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        said = await client.ask("STARTTLS")
        await client.secure(TRUSTING)
        return said, await client.ask("NOOP")

    assert ground.play('at = "starttls"\nreply = "220 go ahead"', story) == ("220 go ahead", "250 ok")


async def shaken(scene: Any, *, implicit: bool) -> Any:
    """Let a client try, and return the client."""
    if implicit:
        return await scene.call(ssl=TRUSTING, server_hostname="mx.test")
    client = await scene.greeted()
    await client.ask("STARTTLS")
    await client.secure(TRUSTING)
    return client


async def implicitly(scene: Any, *, implicit: bool) -> None:
    if implicit:
        scene.address = await scene.server.start(scene.address[0], tls=True)


async def ended(scene: Any) -> None:
    """Wait until the journal says how the newest session ended."""
    while scene.journal.sessions[-1].closed is None:
        await scene.clock.sleep(0.01)


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("fault", VERDICTS)
def test_a_client_that_checks_certificates_finds_what_is_wrong(
    ground: Any, decides: Any, fault: Handshake, implicit: bool
) -> None:
    """It breaks off, and the journal says where."""

    async def story(scene: Any) -> Any:
        await implicitly(scene, implicit=implicit)
        with pytest.raises(ssl.SSLCertVerificationError) as error:
            await shaken(scene, implicit=implicit)
        await ended(scene)
        return error.value.verify_code, scene.events()[-1]

    told = decides(tls=(Shake(fault),))

    assert ground.play(told, story, settings=OFFERED) == (VERDICTS[fault], "tls client")


@pytest.mark.parametrize("implicit", [False, True])
def test_a_server_that_is_too_old_for_its_client(ground: Any, decides: Any, implicit: bool) -> None:
    """There is no version that both speak, and it says so."""

    async def story(scene: Any) -> Any:
        await implicitly(scene, implicit=implicit)
        with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
            await shaken(scene, implicit=implicit)
        await ended(scene)
        return scene.events()[-1]

    assert ground.play(decides(tls=(Shake(Handshake.OLD_VERSION),)), story, settings=OFFERED) == "tls fin"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
def test_a_client_that_is_as_old_gets_through(ground: Any, decides: Any) -> None:
    """In the version that both speak."""
    old = certificates_for("mx.test").client_context()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1_1

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask("STARTTLS")
        await client.secure(old)
        return await client.ask("EHLO me", "NOOP"), scene.journal.sessions[0].tls

    heard, version = ground.play(decides(tls=(Shake(Handshake.OLD_VERSION),)), story, settings=OFFERED)

    assert heard.endswith("250 2.0.0 ok")
    assert version == "TLSv1.1"


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize(
    ("actions", "event"),
    [
        ((Shake(Handshake.ABORT),), "tls fin"),
        ((Close(),), "tls fin"),
        ((Close(reset=True),), "tls rst"),
        ((Shake(Handshake.GARBAGE),), "tls client"),
    ],
)
def test_a_handshake_that_comes_to_nothing(ground: Any, decides: Any, actions: Any, event: str, implicit: bool) -> None:
    """The connection ends in its middle, before it begins, or there are octets that are no TLS."""

    async def story(scene: Any) -> Any:
        await implicitly(scene, implicit=implicit)
        with pytest.raises(OSError):  # noqa: PT011 - what it is called differs
            await shaken(scene, implicit=implicit)
        await ended(scene)
        return scene.events()[-1]

    assert ground.play(decides(tls=actions), story, settings=OFFERED) == event


def hello() -> bytes:
    """Return the first octets of a handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = TRUSTING.wrap_bio(incoming, outgoing, server_hostname="mx.test")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


async def in_clear(scene: Any) -> Any:
    """Return a client that does its own handshake."""
    client = await scene.greeted()
    await client.ask("STARTTLS")
    return client


def test_an_aborted_handshake_ends_within_the_servers_first_flight(ground: Any, decides: Any) -> None:
    """Half of a server hello, then FIN; whatever pieces the client's comes in."""

    async def story(scene: Any) -> Any:
        client = await in_clear(scene)
        whole = hello()
        for piece in (whole[:3], whole[3:100], whole[100:]):
            client.write(piece)
            await client.clock.sleep(0.01)
        flight = b""
        while octets := await client.reader.read(65536):
            flight += octets
        return flight[:3], 50 < len(flight) < 3000

    assert ground.play(decides(tls=(Shake(Handshake.ABORT),)), story, settings=OFFERED) == (b"\x16\x03\x03", True)


def test_garbage_is_no_tls(ground: Any, decides: Any) -> None:
    """It comes when the client has said something."""

    async def story(scene: Any) -> Any:
        client = await in_clear(scene)
        client.write(hello())
        return await client.reader.readline()

    assert ground.play(decides(tls=(Shake(Handshake.GARBAGE),)), story, settings=OFFERED).startswith(b"HTTP/1.1 400 ")


def test_a_handshake_that_hangs_ends_when_the_server_loses_patience(memory: Any, decides: Any) -> None:
    """Nothing comes, and at the end no word: only the connection ends."""

    async def story(scene: Any) -> Any:
        client = await in_clear(scene)
        client.write(hello())
        began = client.clock.now()
        return await client.rest(), 299 < client.clock.now() - began < 303, scene.events()[-1]

    assert memory.play(decides(tls=(Shake(Handshake.HANG),)), story, settings=OFFERED) == (
        ("", "fin"),
        True,
        "tls timeout",
    )


def test_a_client_that_goes_while_a_handshake_hangs_is_noted(ground: Any, decides: Any) -> None:
    """With the stage."""

    async def story(scene: Any) -> Any:
        client = await in_clear(scene)
        client.write(hello())
        client.writer.close()
        await ended(scene)
        return scene.events()[-1].split()

    assert ground.play(decides(tls=(Shake(Handshake.HANG),)), story, settings=OFFERED) == ["tls", "client"]


@pytest.mark.parametrize("implicit", [False, True])
def test_a_server_that_goes_on_in_clear(ground: Any, decides: Any, implicit: bool) -> None:
    """It said 220, or was to speak TLS at once, and does not: what is known of the client stays known."""

    async def story(scene: Any) -> Any:
        await implicitly(scene, implicit=implicit)
        client = await scene.call()
        await client.hear()
        await client.ask("EHLO me")
        if not implicit:
            await client.ask("STARTTLS")
        return await client.ask(*CONVERSATION), scene.journal.sessions[0].tls

    assert ground.play(decides(tls=(Shake(Handshake.PLAIN),)), story, settings=OFFERED) == (
        "250 2.1.0 sender ok|250 2.1.5 recipient ok",
        "",
    )


def test_a_handshake_may_take_its_time(memory: Any, decides: Any) -> None:
    """What the client sends meanwhile is not lost."""

    async def story(scene: Any) -> Any:
        began = scene.clock.now()
        client = await secured(scene)
        return 30 < scene.clock.now() - began < 31, await client.ask("NOOP")

    assert memory.play(decides(tls=(Wait(30.0),)), story, settings=OFFERED) == (True, "250 ok")


def test_a_client_that_never_shakes_hands_is_given_up(memory: Any) -> None:
    """After as long as any silence."""

    async def story(scene: Any) -> Any:
        client = await in_clear(scene)
        return await client.rest(), scene.events()[-1]

    assert memory.play("", story, settings=OFFERED) == (("", "fin"), "tls client")


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_goes_in_the_middle_leaves_nothing_behind(ground: Any, reset: bool) -> None:
    """By FIN or RST; the server can be stopped afterwards."""

    async def story(scene: Any) -> Any:
        client = await in_clear(scene)
        client.write(hello()[:50])
        await client.clock.sleep(0.02)
        if reset:
            client.writer.transport.abort()
        else:
            client.writer.close()
        await ended(scene)
        await scene.server.stop()
        return len(scene.server._sessions), scene.events()[-1]

    assert ground.play("", story, settings=OFFERED) == (0, "tls client")


def test_a_server_that_is_stopped_in_the_middle_of_a_handshake(ground: Any) -> None:
    """Does not wait for it."""

    async def story(scene: Any) -> Any:
        client = await in_clear(scene)
        client.write(hello()[:50])
        await client.clock.sleep(0.02)
        await scene.server.stop()
        return scene.journal.sessions[0].closed, len(scene.server._sessions)

    assert ground.play("", story, settings=OFFERED) == ("stopped", 0)


@pytest.mark.parametrize(("cut", "end"), [("before", "fin"), ("rst", "rst"), ("after", "fin"), ("mid", "fin")])
def test_connections_are_cut_in_tls_too(ground: Any, cut: str, end: str) -> None:
    """By close_notify and FIN, or by RST."""

    async def story(scene: Any) -> Any:
        client = await secured(scene)
        client.write(b"NOOP\r\n")
        try:
            heard, how = await client.rest()
        except ssl.SSLError:  # how an RST shows depends on what was read before
            heard, how = "", "rst"
        return heard, how, scene.events()[-1].split()[-1]

    reply = 'reply = "250 2.0.0 ok"' if cut in ("after", "mid") else ""
    heard = {"after": "250 2.0.0 ok\r\n", "mid": "250 2.0"}.get(cut, "")

    assert ground.play(f'at = "noop"\ncut = "{cut}"\n{reply}', story, settings=OFFERED) == (heard, end, end)


def test_events_know_what_is_spoken(memory: Any, decides: Any) -> None:
    """The version from the handshake on, nothing before."""
    told = decides()

    async def story(scene: Any) -> None:
        client = await secured(scene)
        await client.ask("NOOP")

    memory.play(told, story, settings=OFFERED)

    assert [(str(event.stage), event.tls) for event in told.events] == [
        ("connect", ""), ("banner", ""), ("ehlo", ""), ("starttls", ""), ("tls", ""), ("noop", "TLSv1.3"),
    ]  # fmt: skip
