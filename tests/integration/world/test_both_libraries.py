"""aiosmtpd and aiosmtplib, both unmodified, talk in the virtual world: in clear, over STARTTLS, over implicit TLS."""

from __future__ import annotations

import asyncio
import ssl
import sys
from hashlib import blake2b
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP

from maildrill.scenarios.world import Network, World, run_world

# A key for mx.test and nothing else: it signs itself, for a hundred years.
CERTIFICATE = Path(__file__).parent / "mx.test.pem"

BODY = b"Subject: hello\r\n\r\n" + b"a line of some length, to make the message big\r\n" * 3000


class Mailbox:
    """Keeps what is delivered; a RCPT takes 40 virtual seconds to answer."""

    def __init__(self) -> None:
        self.letters: list[tuple[str, list[str], int, bool]] = []
        self.clock: Any = None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        await self.clock.sleep(40)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        secure = server.transport.get_extra_info("sslcontext") is not None
        letter = (envelope.mail_from, envelope.rcpt_tos, len(envelope.content), secure)
        self.letters.append(letter)
        return "250 2.0.0 queued"


def server_side() -> ssl.SSLContext:
    """Return a server's context with the certificate of mx.test."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.mark.parametrize("segment", [0, 700])
@pytest.mark.parametrize(
    ("server_tls", "client_tls"),
    [
        (None, {"start_tls": False}),
        ("starttls", {"start_tls": True}),
        ("implicit", {"use_tls": True}),
    ],
    ids=["clear", "starttls", "implicit"],
)
def test_a_message_goes_through(server_tls: str | None, client_tls: dict[str, Any], segment: int) -> None:
    """A big message arrives whole and its 40 seconds of waiting are virtual."""
    mailbox = Mailbox()

    async def main(world: World) -> float:
        mailbox.clock = world.clock
        inner = server_side() if server_tls == "starttls" else None
        outer = server_side() if server_tls == "implicit" else None
        await world.loop.create_server(
            lambda: SMTP(mailbox, hostname="mx.test", tls_context=inner, loop=world.loop), "mx.test", 25, ssl=outer
        )
        trust = ssl.create_default_context(cafile=CERTIFICATE)
        client = aiosmtplib.SMTP(
            hostname="mx.test", port=25, local_hostname="me.test", tls_context=trust, timeout=60, **client_tls
        )
        async with client:
            await client.sendmail("a@x.test", ["b@y.test"], BODY)
        return world.loop.time()

    took = run_world(main, network=Network(segment=segment))

    assert mailbox.letters == [("a@x.test", ["b@y.test"], len(BODY), server_tls is not None)]
    assert 40 < took < 45


def test_a_certificate_that_is_not_trusted_fails_the_connection() -> None:
    """A TLS failure is an error at the client, not a hang."""

    async def main(world: World) -> None:
        await world.loop.create_server(asyncio.Protocol, "mx.test", 465, ssl=server_side())
        client = aiosmtplib.SMTP(
            hostname="mx.test",
            port=465,
            local_hostname="me.test",
            use_tls=True,
            tls_context=ssl.create_default_context(),
        )
        await client.connect()

    with pytest.raises(aiosmtplib.SMTPConnectError):
        run_world(main)


Line = tuple[float, str, bytes]


def converse(seed: int) -> list[Line]:
    """Let seven clients talk to two servers, some giving up, and return all that crossed the network."""
    lines: list[Line] = []

    async def deliver(world: World, number: int, port: int) -> None:
        client = aiosmtplib.SMTP(
            hostname="mx.test", port=port, local_hostname=f"c{number}.test", start_tls=False, timeout=45
        )
        await client.connect()
        for letter in range(4):
            recipients = [f"r{letter}-{place}@y.test" for place in range(1 + (number + letter) % 3)]
            await client.sendmail(f"s{number}@x.test", recipients, BODY[: 40 + 5000 * letter])
        await client.quit()

    async def give_up(world: World, port: int) -> None:
        _, writer = await asyncio.open_connection("mx.test", port)
        writer.write(b"EHLO late.test\r\nMAIL FROM:<late@x.test>\r\nRCPT TO:<r@y.test>\r\n")
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 61)
        except TimeoutError:
            writer.close()

    async def main(world: World) -> None:
        world.loop.tap = lambda at, path, data: lines.append((at, path, data))
        mailbox = Mailbox()
        mailbox.clock = world.clock
        for port in (25, 26):
            await world.loop.create_server(
                lambda: SMTP(mailbox, hostname="mx.test", ident="ready", timeout=50, loop=world.loop), "mx.test", port
            )
        async with asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(deliver(world, number, 25 + number % 2))
            for port in (25, 26):
                group.create_task(give_up(world, port))

    run_world(main, network=Network(seed=seed, segment=1460))
    return lines


def test_one_seed_gives_one_conversation() -> None:
    """The same seed repeats every octet at its instant; another seed does not."""
    first = converse(1)

    assert first == converse(1)
    assert first != converse(2)
    assert {path for _, path, _ in first} == {f"{number}{way}" for number in range(1, 8) for way in "<>"}


def digest(lines: list[Line]) -> str:
    """Return a hash of all octets and instants."""
    return blake2b("\n".join(f"{at!r} {path} {data!r}" for at, path, data in lines).encode(), digest_size=8).hexdigest()


def test_one_seed_gives_one_conversation_on_every_python() -> None:
    """Every octet and instant are those recorded once, with aiosmtpd 1.4.6 and aiosmtplib 5.1.3."""
    lines = converse(7)

    assert (len(lines), digest(lines)) == (326, "faa3501fdefb4613"), sys.version
