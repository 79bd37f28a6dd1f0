"""Open a session: connect, greet, put TLS under it, log in. aiosmtplib speaks; then the connection is ours.

Rule 1: under enforced TLS nothing goes in clear but EHLO, HELO, STARTTLS and QUIT, whatever the server does (I35).
Rule 2: what was offered before TLS is forgotten (RFC 3207 section 4.2, I27).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from maildrill.sender.attempt import Broken, Fault
from maildrill.sender.campaign import Account
from maildrill.sender.capabilities import NOTHING, UNTOLD, Capabilities
from maildrill.sender.channel import Channel
from maildrill.sender.dialogue import Session
from maildrill.sender.security import TlsMode
from maildrill.sender.setup.authenticate import Login, log_in
from maildrill.sender.setup.memory import TlsMemory
from maildrill.sender.setup.recorder import TROUBLE, Client, Recorder
from maildrill.sender.setup.scrub import Scrub
from maildrill.sender.setup.tls import Handshake, HandshakeError, chain_of, shake_hands, spoken
from maildrill.sender.timeouts import Deadlines
from maildrill.smtp import Clock, OnSaid, Reply, Stage

_HELLO = frozenset({Stage.EHLO, Stage.HELO})
_GONE = frozenset({Fault.EOF, Fault.RESET})
_TLS_FAULTS = frozenset({Fault.HANDSHAKE, Fault.CERTIFICATE, Fault.NO_TLS})


class Opening:
    """The tries, one or a few, to get one session."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a session needs is given
        self,
        account: Account,
        clock: Clock,
        deadlines: Deadlines,
        on_said: OnSaid,
        local_hostname: str,
        memory: TlsMemory,
        nonce: Callable[[], str],
    ) -> None:
        self._account = account
        self._clock = clock
        self._deadlines = deadlines
        self._on_said = on_said
        self._local_hostname = local_hostname
        self._memory = memory
        self._nonce = nonce
        self._scrub = Scrub()
        if account.auth is not None and account.auth.secret.known:
            self._scrub.add(account.auth.secret.known)  # who heard it in another session may repeat it in this one
        self._recorder = Recorder(clock, on_said, self._scrub)
        self._mode = account.security.mode
        self._hello = Stage.EHLO
        self._refused = False  # a server of this host said that it does not know EHLO

    async def open(self) -> Session | Broken:
        """Return a session, or why there is none."""
        account, now = self._account, self._clock.now()
        opportunistic = self._mode is TlsMode.OPPORTUNISTIC
        if opportunistic and self._memory.knows(account.host, account.port, now):
            self._mode = TlsMode.NONE
        found = await self._once()
        if isinstance(found, Broken) and self._mode is TlsMode.OPPORTUNISTIC and self._tls_failed(found):
            # once more in clear: better than no mail where TLS was only a wish (RFC 7435 section 4.3)
            self._memory.remember(account.host, account.port, self._clock.now())
            self._mode = TlsMode.NONE
            found = await self._once()
        if isinstance(found, Broken) and self._hung_up(found):
            # some servers hang up at EHLO, or when they have refused it (RFC 1869 section 4.7): once more, the old way
            self._hello = Stage.HELO
            found = await self._once()
        if isinstance(found, Broken):
            await self._recorder.ended(self._deadlines.quit)
        return found

    def close(self) -> None:
        """Let go of the connection, whatever its state."""
        if self._recorder.stream is not None:
            self._recorder.stream.abort()

    def _tls_failed(self, found: Broken) -> bool:
        lost = found.stage in (Stage.STARTTLS, Stage.TLS) and found.reply is None
        return lost or (self._recorder.secure and found.stage is Stage.EHLO and found.fault in _GONE)

    def _hung_up(self, found: Broken) -> bool:
        wants_more = self._account.security.enforced or self._account.auth is not None
        return found.stage in _HELLO and found.fault in _GONE and not wants_more and not self._recorder.secure

    async def _once(self) -> Session | Broken:
        """Connect and go through it all."""
        self._recorder = recorder = Recorder(self._clock, self._on_said, self._scrub)
        recorder.note(f"connecting to {self._account.host}:{self._account.port}")
        implicit = self._mode is TlsMode.IMPLICIT
        ready = self._secure_first if implicit else _nothing
        client = Client(recorder, self._account, self._local_hostname, self._deadlines, connected=ready)
        try:
            await client.connect()
        except HandshakeError as error:
            return self._leave(self._failed(error))
        except TROUBLE as error:
            if recorder.stream is None:
                return self._unreachable(error)
        greeting = recorder.verdict(Stage.BANNER)
        if isinstance(greeting, Broken):
            return self._leave(greeting)
        found = await self._set_up(client)
        return self._leave(found) if isinstance(found, Broken) else self._hand_over(found)

    async def _set_up(self, client: Client) -> Capabilities | Broken:
        """From EHLO to the last reply before MAIL; returns what may be used from now on."""
        capabilities = await self._greet(client, self._hello)
        if isinstance(capabilities, Capabilities) and self._wants_tls:
            broken = await self._start_tls(client, capabilities)
            if broken is not None:
                return broken
            if self._recorder.secure:
                capabilities = await self._greet(client, self._hello)
        if isinstance(capabilities, Capabilities) and self._account.auth is not None:
            way = Login(client, self._recorder, self._account, self._deadlines.auth, self._scrub, self._nonce)
            broken = await log_in(way, self._account.auth, capabilities)
            if broken is not None:
                return broken
        return capabilities

    @property
    def _wants_tls(self) -> bool:
        return self._mode in (TlsMode.OPPORTUNISTIC, TlsMode.REQUIRED)

    async def _greet(self, client: Client, hello: Stage) -> Capabilities | Broken:
        await client.hello(hello)
        reply = self._recorder.verdict(hello)
        if isinstance(reply, Reply):
            if hello is Stage.EHLO:
                return Capabilities.of(reply)
            return NOTHING if self._refused else UNTOLD
        if hello is Stage.EHLO and reply.reply is not None and reply.reply.klass == 5:
            self._refused = True
            return await self._greet(client, Stage.HELO)
        return reply

    async def _start_tls(self, client: Client, capabilities: Capabilities) -> Broken | None:
        """Put TLS under the session; None also where the session may go on in clear."""
        enforced = self._account.security.enforced
        if "STARTTLS" not in capabilities.keywords:
            return self._no_tls("the server does not offer STARTTLS", None) if enforced else None
        await client.ask(Stage.STARTTLS, "STARTTLS", seconds=self._deadlines.starttls)
        reply = self._recorder.heard(Stage.STARTTLS)
        if isinstance(reply, Broken):
            return reply
        if not reply.positive:
            if reply.code == 421 or (enforced and reply.klass != 5):
                return Broken(Stage.STARTTLS, None, reply)
            return self._no_tls("", reply) if enforced else None
        try:
            await self._secure(client)
        except HandshakeError as error:
            return self._failed(error)
        return None

    def _no_tls(self, detail: str, reply: Reply | None) -> Broken:
        if self._account.security.published:
            return Broken(Stage.STARTTLS, Fault.POLICY, reply, detail or "the server refuses TLS")
        return Broken(Stage.STARTTLS, Fault.NO_TLS if reply is None else None, reply, detail)

    async def _secure_first(self) -> None:
        self._recorder.hold()
        await self._secure(None)

    async def _secure(self, client: Client | None) -> None:
        """Shake hands; what was heard in clear is forgotten. Raises HandshakeError."""
        recorder, account = self._recorder, self._account
        if client is None and recorder.spoken_in_clear:
            raise HandshakeError(Fault.HANDSHAKE, "the server speaks in clear where TLS was to come first")
        how = Handshake(
            security=account.security,
            host=account.host,
            seconds=self._deadlines.tls,
            farewell=self._deadlines.quit,
            now=self._clock.now(),
        )
        stream = await shake_hands(self._stream, recorder, how)
        recorder.secured(stream)
        if client is not None:
            client.transport = stream
        recorder.note(f"{spoken(stream)}, proof of identity: {account.security.proof}")

    def _failed(self, error: HandshakeError) -> Broken:
        published = self._account.security.published and error.fault in _TLS_FAULTS
        return Broken(Stage.TLS, Fault.POLICY if published else error.fault, None, error.detail)

    def _hand_over(self, capabilities: Capabilities) -> Session:
        """Take the connection over from aiosmtplib, between two replies."""
        stream, recorder = self._stream, self._recorder
        channel = Channel(stream, self._clock, recorder.scribe, self._on_said, self._scrub.reply)
        stream.set_protocol(channel)
        return Session(channel, capabilities, self._deadlines, chain_of(stream))

    def _unreachable(self, error: Exception) -> Broken:
        fault = Fault.TIMEOUT if isinstance(error, TimeoutError) else Fault.REFUSED
        detail = _in_words(error) or f"no connection within {self._deadlines.connect:g} seconds"
        self._recorder.note(f"{fault}: {detail}")
        return Broken(Stage.CONNECT, fault, None, detail)

    def _leave(self, broken: Broken) -> Broken:
        """Close; with a QUIT where the server is there to hear it (RFC 5321 section 3.8: not after a 421)."""
        stream, recorder = self._stream, self._recorder
        heard = broken.reply is None or broken.reply.code != 421
        if broken.fault is not None:
            recorder.note(f"{broken.fault}: {broken.detail}".rstrip(": "))
        if broken.fault in _POLITE and heard and not stream.is_closing():
            recorder.stage = Stage.QUIT
            recorder.write(b"QUIT\r\n")
        stream.close()
        return broken

    @property
    def _stream(self) -> asyncio.Transport:
        stream = self._recorder.stream
        assert stream is not None  # noqa: S101 - else it would have been unreachable
        return stream


#: After these the server is still there and in step: because a reply was read to its end.
_POLITE = frozenset({None, Fault.NO_TLS, Fault.NO_AUTH, Fault.IN_CLEAR, Fault.NO_SECRET})


async def _nothing() -> None:
    """No TLS first."""


def _in_words(error: Exception) -> str:
    """Return the system's words for an error: asyncio's own are "[Errno 111] Connect call failed ('192.0.2.1', 25)"."""
    if not isinstance(error, OSError) or error.errno is None or isinstance(error, TimeoutError):
        return str(error)
    # a failed look-up has a negative number of its own, and words of its own
    return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
