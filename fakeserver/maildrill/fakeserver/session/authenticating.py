"""Hold an AUTH exchange: challenges, responses, and who is let in (RFC 4954).

Rule 1: a script is asked at each response, and about the outcome; what else is said is sasl's.
Rule 2: no response is written down, nor kept for longer than the exchange.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b

from maildrill.fakeserver.protocol.credentials import CANCELLED, Challenge, Granted
from maildrill.fakeserver.protocol.dialogue import Heard
from maildrill.fakeserver.protocol.judges import LOGGED_IN
from maildrill.fakeserver.protocol.sasl import Exchange, begin
from maildrill.fakeserver.protocol.state import Login
from maildrill.fakeserver.session.performance import PLAIN, Moment, Performance, shown
from maildrill.smtp import Reply, Stage

#: Octets of a response with its CRLF (RFC 4954 section 4).
MAX_RESPONSE = 12288
_TOO_LONG = Reply.of("500 5.5.6 authentication exchange line is too long")


class Authenticator:
    """Lets clients in, in one session."""

    def __init__(self, performance: Performance) -> None:
        self._play = performance
        self._begun = 0

    async def log_in(self, heard: Heard, login: Login) -> None:
        """Hold the exchange that a command has begun, up to the reply that ends it."""
        exchange = self._begin(login)
        said = await self._say(heard, exchange, Stage.AUTH)
        while said is not None and said.code == 334:
            said = await self._hear(exchange)
        if said is not None and said.positive:
            self._play.dialogue.log_in(exchange.user)
            self._play.record.user = exchange.user

    def _begin(self, login: Login) -> Exchange:
        play, self._begun = self._play, self._begun + 1
        settings = play.host.settings
        fresh = f"{settings.seed}|{play.record.number}|{self._begun}|{play.now}"
        nonce = blake2b(fresh.encode(), digest_size=16).digest()
        return begin(login.mechanism, login.initial, settings.users, nonce, hostname=play.host.hostname)

    async def _hear(self, exchange: Exchange) -> Reply | None:
        """Take a response in, and return what is said to it."""
        play = self._play
        play.stage = Stage.AUTH_STEP
        line = await play.wire.read_line(MAX_RESPONSE)
        if line is None or line == "*":
            refused = play.dialogue.respond(Stage.AUTH, _TOO_LONG if line is None else CANCELLED, scripted=False)
            return await self._carry_out(refused, exchange)
        exchange.step(line)
        return await self._say(play.dialogue.respond(Stage.AUTH_STEP, _reply(exchange)), exchange, Stage.AUTH_STEP)

    async def _say(self, heard: Heard, exchange: Exchange, stage: Stage) -> Reply | None:
        """Say what the exchange comes to, or what a script says in its place; returns what was said in full."""
        play, reply = self._play, _reply(exchange)
        if stage is Stage.AUTH_STEP:
            decision = play.ask_about(heard, user=exchange.user)
            if decision.answered or isinstance(exchange.said, Challenge):
                return await play.carry_out(Moment(stage, play.now, decision, heard.reply, shown(heard)))
        if isinstance(exchange.said, Challenge):
            return await play.carry_out(Moment(stage, play.now, PLAIN, reply, shown(heard)))
        ends = replace(heard, stage=Stage.AUTH, reply=play.dialogue.respond(Stage.AUTH, reply).reply)
        return await self._carry_out(ends, exchange)

    async def _carry_out(self, heard: Heard, exchange: Exchange) -> Reply | None:
        """Say the outcome; what is malformed is no business of a script's."""
        play = self._play
        decision = play.ask_about(heard, user=exchange.user) if heard.scripted else PLAIN
        return await play.carry_out(Moment(Stage.AUTH, play.now, decision, heard.reply, shown(heard)))


def _reply(exchange: Exchange) -> Reply:
    said = exchange.said
    return LOGGED_IN if isinstance(said, Granted) else said.reply
