"""MTA-STS over real sockets: policies from an HTTPS server of the standard library, and a campaign that obeys them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from maildrill.fakeserver.language.script_words import Handshake
from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.session.certificates import certificates_for
from maildrill.fakeserver.system_clock import SystemClock
from maildrill.fakeserver.text.script_file import read_script
from maildrill.sender.attempt import State
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, RetryPolicy, Route, RouteKind
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.ledger import Durability, open_ledger
from maildrill.sender.lists import Row
from maildrill.sender.log_sinks import Memory
from maildrill.sender.message import Composer
from maildrill.sender.route.dns_resolver import DnsResolver
from maildrill.sender.runner import Runner
from maildrill.sender.setup import tls
from maildrill.sender.setup.https import HttpsFetcher
from maildrill.sender.setup.mta_sts import MOST_OCTETS

POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mx.x.test\r\nmax_age: 604800\r\n"
HOST = "mta-sts.x.test"
CERTIFICATES = certificates_for(HOST, "mta-sts.two.test")
ZONE = {
    ("x.test.", "MX"): "60 IN MX 10 mx.x.test.",
    ("mx.x.test.", "A"): "60 IN A 127.0.0.1",
    ("_mta-sts.x.test.", "TXT"): '60 IN TXT "v=STSv1; id=20261127;"',
    (f"{HOST}.", "A"): "60 IN A 127.0.0.1",
    ("mta-sts.two.test.", "A"): "60 IN A 127.0.0.2\n60 IN A 127.0.0.1",
}


@dataclass
class Web:
    """What the server says to everybody, and what it was asked. stalls: it says this and then nothing, nor hangs up."""

    body: bytes = POLICY.encode()
    status: int = 200
    kind: str = "text/plain; charset=utf-8"
    header: tuple[str, str] = ("Cache-Control", "no-cache")
    chunked: bool = False
    stalls: bool = False
    length: int | None = None
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    over: Event = field(default_factory=Event)
    port: int = 0

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        self.asked.append((to.path, to.headers["Host"]))
        to.send_response(self.status)
        to.send_header("Content-Type", self.kind)
        to.send_header(*self.header)
        if self.chunked:
            to.send_header("Transfer-Encoding", "chunked")
        else:
            to.send_header("Content-Length", str(len(self.body) if self.length is None else self.length))
        to.end_headers()
        octets = b"%x\r\n%b\r\n0\r\n\r\n" % (len(self.body), self.body) if self.chunked else self.body
        to.wfile.write(octets)
        to.wfile.flush()
        if self.stalls:
            self.over.wait()


class Quiet(ThreadingHTTPServer):
    """Says nothing of clients that hang up."""

    daemon_threads = False

    def handle_error(self, request: Any, client_address: Any) -> None: ...


@pytest.fixture
def serving() -> Iterator[Callable[..., Web]]:
    """Start an HTTPS server with a certificate of the test's authority; what it is to be like may be said."""
    running: list[tuple[Quiet, Web, Thread]] = []

    def start(fault: Handshake | None = None, **said: Any) -> Web:
        web = Web(**said)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                web.answer(self)

            def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - likewise

        server = Quiet(("127.0.0.1", 0), Handler)
        server.socket = CERTIFICATES.context(fault).wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        web.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, web, thread))
        return web

    yield start
    for server, web, thread in running:
        web.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def fetched(dns_server: Callable[..., Any]) -> Callable[..., str]:
    """Fetch the policy of a domain, asking the DNS over UDP; patience: seconds."""

    def fetch(
        port: int, domain: str = "x.test", *, authorities: str = CERTIFICATES.ca_pem, patience: float = 20
    ) -> str:
        async def main() -> str:
            async with dns_server(ZONE) as dns:
                resolver = DnsResolver(("127.0.0.1",), port=dns)
                fetcher = HttpsFetcher(resolver, port=port, authorities=authorities, patience=patience)
                return await fetcher.fetch(domain)

        return asyncio.run(main())

    return fetch


def test_a_policy_is_fetched(serving: Callable[..., Web], fetched: Callable[..., str]) -> None:
    """From its well-known place, with the host's name (RFC 8461 section 3.3)."""
    web = serving()

    assert fetched(web.port) == POLICY
    assert web.asked == [("/.well-known/mta-sts.txt", HOST)]


def test_a_policy_may_come_in_chunks(serving: Callable[..., Web], fetched: Callable[..., str]) -> None:
    """As HTTP/1.1 lets a server do (RFC 9112 section 7.1)."""
    assert fetched(serving(chunked=True).port) == POLICY


@pytest.mark.parametrize("fault", [Handshake.WRONG_HOST, Handshake.UNTRUSTED, Handshake.SELF_SIGNED, Handshake.EXPIRED])
def test_who_is_not_the_host_is_not_asked(
    fault: Handshake, serving: Callable[..., Web], fetched: Callable[..., str]
) -> None:
    """Another name, an authority that nobody trusts, none, a time that is over: no request is made."""
    web = serving(fault)

    with pytest.raises(OSError, match="certificate verify failed"):
        fetched(web.port)
    assert web.asked == []


def test_the_systems_authorities_are_asked_without_others(
    serving: Callable[..., Web], fetched: Callable[..., str]
) -> None:
    """They do not know the test's."""
    with pytest.raises(OSError, match="certificate verify failed"):
        fetched(serving().port, authorities="")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int, serving: Callable[..., Web], fetched: Callable[..., str]) -> None:
    """Whoever can redirect could say anything (RFC 8461 section 3.3)."""
    there = serving()
    here = serving(status=status, header=("Location", f"https://{HOST}:{there.port}/.well-known/mta-sts.txt"))

    with pytest.raises(ValueError, match=f"{HOST} says {status}"):
        fetched(here.port)
    assert (len(here.asked), there.asked) == (1, [])


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"status": 404}, "says 404"),
        ({"status": 500}, "says 500"),
        ({"kind": "text/html"}, "no text/plain"),
        ({"body": b"x" * (MOST_OCTETS + 1)}, "policy of mta-sts.x.test is too long"),
        ({"body": b"x" * (3 * MOST_OCTETS), "stalls": True}, "answer of mta-sts.x.test is too long"),
        ({"length": len(POLICY) + 1}, "speaks no HTTP: IncompleteRead"),
        ({"body": b"\xff"}, "utf-8"),
    ],
)
def test_what_is_no_policy_is_refused(
    said: dict[str, Any], why: str, serving: Callable[..., Web], fetched: Callable[..., str]
) -> None:
    """Not there, an error page, longer than anything should be, cut off, no text."""
    with pytest.raises(ValueError, match=why):
        fetched(serving(**said).port)


def test_the_longest_policy_is_read(serving: Callable[..., Web], fetched: Callable[..., str]) -> None:
    """To its last octet."""
    assert len(fetched(serving(body=b"x" * MOST_OCTETS).port)) == MOST_OCTETS


def test_patience_ends(serving: Callable[..., Web], fetched: Callable[..., str]) -> None:
    """With a server that stops in the middle, one that speaks no TLS, and a DNS that says nothing."""
    stalled = serving(length=9999, stalls=True)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        for port, domain in ((stalled.port, "x.test"), (mute.getsockname()[1], "x.test"), (1, "silent.test")):
            with pytest.raises(TimeoutError, match=r"gave no policy within 0\.5 seconds"):
                fetched(port, domain, patience=0.5)


def test_an_address_that_is_mute_leaves_time_for_the_next(
    serving: Callable[..., Web], fetched: Callable[..., str]
) -> None:
    """Of two addresses the first takes connections and says nothing."""
    web = serving()
    with socket.create_server(("127.0.0.2", web.port)):
        assert fetched(web.port, "two.test", patience=3) == POLICY


def test_who_has_no_web_server_has_no_policy(fetched: Callable[..., str]) -> None:
    """Nobody listens; or the name is not known."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        fetched(port)
    with pytest.raises(OSError, match="no such name"):
        fetched(port, "nowhere.test")


@dataclass
class Came:
    """What came of a campaign to ann@x.test. why: what was in the way of sessions.

    tls: whether the sessions that the server had spoke it. mail: transactions that were begun, in any of them.
    """

    state: State
    why: set[str]
    tls: set[bool]
    mail: int


class UntilItWaits(Memory):
    """Ends a run that has nothing to do but wait."""

    def __init__(self, stop: asyncio.Event) -> None:
        super().__init__()
        self.stop = stop

    def take(self, number: int, at: float, kind: str, fields: Mapping[str, object]) -> None:
        super().take(number, at, kind, fields)
        if kind == "run.waited":
            self.stop.set()


@pytest.fixture
def sent(
    dns_server: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Came]]:
    """Deliver to ann@x.test directly: the DNS over UDP, the policy over HTTPS, mail over TCP.

    trusting: whether the machine trusts the test's authority. offered: whether the SMTP server offers STARTTLS.
    """
    authority = tmp_path / "authority.pem"
    authority.write_text(CERTIFICATES.ca_pem)
    tls._context.cache_clear()  # which authorities the system has is read once

    def send(port: int, *, trusting: bool = True, offered: bool = True) -> Came:
        if trusting:
            monkeypatch.setenv("SSL_CERT_FILE", str(authority))  # OpenSSL's own way
        return asyncio.run(asyncio.wait_for(_sent(dns_server, tmp_path / "l.ledger", port, offered=offered), 60))

    yield send
    tls._context.cache_clear()


async def _sent(dns_server: Callable[..., Any], path: Path, web: int, *, offered: bool) -> Came:
    clock, stop = SystemClock(), asyncio.Event()
    script, settings = read_script("version = 1\n", "t.toml"), Settings(tls=offered, hostname="mx.x.test")
    server = FakeServer(script, clock=clock, settings=settings)
    _, port = await server.start()
    campaign = Campaign(
        name="club",
        sender=Mailbox("", "office@club.example"),
        subject="Hello",
        account=Account(host="x.test", port=port),
        text="Hello!\n",
        html=None,
        attachments=(),
        list_file=Path("l.csv"),
        email="email",
        retry=RetryPolicy(schedule=(300.0,), cap=300.0, lifetime=3600.0),
        limits=Limits(),
        route=Route(kind=RouteKind.DIRECT),
    )
    ledger = open_ledger(path, campaign, at=clock.now(), durability=Durability.PROCESS)
    memory, rows = UntilItWaits(stop), [Row(2, "ann@x.test", {"email": "ann@x.test"})]
    try:
        async with dns_server(ZONE) as dns:
            resolver = DnsResolver(("127.0.0.1",), port=dns)
            fetcher = HttpsFetcher(resolver, port=web, authorities=CERTIFICATES.ca_pem)
            with ConnectionLog(memory) as log:
                await Runner(
                    campaign,
                    rows,
                    Composer(campaign),
                    ledger,
                    clock=clock,
                    log=log,
                    stop=stop,
                    resolver=resolver,
                    fetcher=fetcher,
                ).run()
        (record,) = ledger.recipients()
    finally:
        ledger.close()
        await server.stop()
    return Came(
        state=record.state,
        why={str(event.fields["detail"]) for event in memory.events if event.kind == "session.refused"},
        tls={bool(one.tls) for one in server.journal.sessions},
        mail=len(server.journal.transactions),
    )


def test_an_enforced_policy_is_obeyed(serving: Callable[..., Web], sent: Callable[..., Came]) -> None:
    """With a host that it names, by a certificate with that name: the mail goes, over TLS; one fetch is enough."""
    web = serving()

    assert sent(web.port) == Came(State.DELIVERED, why=set(), tls={True}, mail=1)
    assert len(web.asked) == 1


@pytest.mark.parametrize(
    ("policy", "way", "why", "tls"),
    [
        ("mx.other.test", {}, "the MTA-STS policy of x.test does not name mx.x.test", set()),
        ("mx.x.test", {"trusting": False}, "authority is unknown", {False}),
        ("mx.x.test", {"offered": False}, "the server does not offer STARTTLS", {False}),
    ],
)
def test_where_a_policy_cannot_be_met_no_mail_goes(
    policy: str,
    way: dict[str, bool],
    why: str,
    tls: set[bool],
    serving: Callable[..., Web],
    sent: Callable[..., Came],
) -> None:
    """A host that it does not name is not even called; nobody is said MAIL in clear; the recipient waits."""
    came = sent(serving(body=POLICY.replace("mx.x.test", policy).encode()).port, **way)

    assert (came.state, came.tls, came.mail) == (State.PENDING, tls, 0)
    assert all(why in one for one in came.why)
    assert came.why


@pytest.mark.parametrize(
    "said", [{"body": POLICY.replace("enforce", "testing").encode()}, {"status": 404}, {"fault": Handshake.WRONG_HOST}]
)
def test_without_an_enforced_policy_mail_goes_as_it_can(
    said: dict[str, Any], serving: Callable[..., Web], sent: Callable[..., Came]
) -> None:
    """One that only tests, none to be had, one of somebody else: in clear where TLS is not offered."""
    assert sent(serving(**said).port, offered=False) == Came(State.DELIVERED, why=set(), tls={False}, mail=1)
