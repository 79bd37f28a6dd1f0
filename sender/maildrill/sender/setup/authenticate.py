"""Log in: one mechanism, once; what the server says to it is data.

Rule 1: no octet of a credential before TLS, unless the account says so (invariant I35). Rule 2: a refusal is final for
this session: to try again is how accounts get locked. Rule 3: only 500 and 504 mean: another mechanism (RFC 4954).
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from binascii import Error, a2b_base64
from collections.abc import Callable
from dataclasses import dataclass

from maildrill.sender.attempt import Broken, Fault
from maildrill.sender.campaign import Account
from maildrill.sender.capabilities import Capabilities
from maildrill.sender.credentials import TOKENS, Credentials, Mechanism, choose
from maildrill.sender.setup.mechanisms import Call, CancelError, Talk, begin
from maildrill.sender.setup.recorder import Client, Recorder
from maildrill.sender.setup.scrub import Scrub
from maildrill.smtp import ConfigurationError, Reply, Stage, escape

_UNKNOWN_MECHANISM = frozenset({500, 504})
#: Octets of a command line (RFC 5321 section 4.5.3.1.4): a longer initial response goes without (RFC 4954 section 4).
_LONGEST = 510
_MOST_CHALLENGES = 8


@dataclass(frozen=True, slots=True)
class Login:
    """The way to the server. seconds: for each reply. nonce: gives a new one for each exchange."""

    client: Client
    recorder: Recorder
    account: Account
    seconds: float
    scrub: Scrub
    nonce: Callable[[], str]


async def log_in(way: Login, credentials: Credentials, capabilities: Capabilities) -> Broken | None:
    """Log in; returns why we are not in, or None."""
    if not (way.recorder.secure or credentials.plaintext):
        detail = "no TLS, so neither name nor secret are said; plaintext = true would say them to anybody"
        return Broken(Stage.AUTH, Fault.IN_CLEAR, None, detail)
    offered = capabilities.keywords.get("AUTH", "")
    mechanisms = choose(offered, credentials.mechanisms)
    if not mechanisms:
        allowed = " ".join(credentials.mechanisms)
        detail = (
            f"the server offers {f'AUTH {escape(offered)}' if offered else 'no AUTH'}; the account allows {allowed}"
        )
        return Broken(Stage.AUTH, Fault.NO_AUTH, None, detail)
    try:
        secret = credentials.secret.reveal()
    except ConfigurationError as error:
        return Broken(Stage.AUTH, Fault.NO_SECRET, None, error.what)
    said: Reply | Broken = Broken(Stage.AUTH, Fault.NO_AUTH)
    for mechanism in mechanisms:
        said = await _tried(way, credentials, mechanism, secret)
        if not isinstance(said, Reply) or said.code not in _UNKNOWN_MECHANISM:
            break
    return said if isinstance(said, Broken) else _judged(said)


async def _tried(way: Login, credentials: Credentials, mechanism: Mechanism, secret: str) -> Reply | Broken:
    """Try a mechanism; a token that is refused may have expired, so that a new one is tried, once."""
    said = await _exchange(way, credentials, mechanism, secret)
    refused = said.reply if isinstance(said, Broken) else said
    if mechanism not in TOKENS or refused is None or refused.code != 535 or way.recorder.gone:
        return said
    try:
        renew = credentials.secret.renew
        renewed = await asyncio.to_thread(renew) if credentials.secret.slow else renew()
    except ConfigurationError as error:
        return Broken(Stage.AUTH, Fault.NO_SECRET, refused, error.what)
    if renewed is None:
        return said
    way.recorder.note("the token is refused: a new one is tried, once")
    return await _exchange(way, credentials, mechanism, renewed)


async def _exchange(way: Login, credentials: Credentials, mechanism: Mechanism, secret: str) -> Reply | Broken:
    """Hold one exchange; returns the reply that ended it, 500 and 504 included, or why there is none."""
    account = way.account
    way.scrub.add(secret)
    try:
        call = Call(user=credentials.user, secret=secret, nonce=way.nonce(), host=account.host, port=account.port)
        talk = begin(mechanism, call)
    except CancelError as error:
        return Broken(Stage.AUTH, Fault.NO_SECRET, None, error.detail)
    words = ["AUTH", mechanism.value]
    if talk.initial is not None and len(initial := _encoded(way.scrub, talk.initial)) + len(mechanism) + 6 <= _LONGEST:
        words.append(initial)
    await way.client.ask(Stage.AUTH, *words, seconds=way.seconds)
    said = way.recorder.heard(Stage.AUTH)
    for _ in range(_MOST_CHALLENGES):
        if isinstance(said, Broken) or said.klass != 3:
            break
        try:
            response = _encoded(way.scrub, talk.respond(_decoded(said)), empty="")
        except CancelError as error:
            return await _cancel(way, error)
        await way.client.ask(Stage.AUTH, response, seconds=way.seconds)
        said = way.recorder.heard(Stage.AUTH)
    return _ended(said, talk, way.scrub)


def _ended(said: Reply | Broken, talk: Talk, scrub: Scrub) -> Reply | Broken:
    if isinstance(said, Broken):
        return said
    if said.positive and not talk.satisfied:
        detail = "the server lets us in without showing that it knows the password (RFC 5802 section 3)"
        return Broken(Stage.AUTH, Fault.IMPOSTOR, said, detail)
    if said.klass == 3:
        return Broken(Stage.AUTH, Fault.OUT_OF_STEP, said, "there is no end to its challenges")
    complaint = scrub.text(talk.complaint)
    return Broken(Stage.AUTH, None, said, complaint) if complaint and not said.positive else said


def _judged(said: Reply) -> Broken | None:
    """Return what a reply that ends an exchange means; whose first digit is 2 is good (invariant I28)."""
    return None if said.positive else Broken(Stage.AUTH, None, said)


async def _cancel(way: Login, error: CancelError) -> Broken:
    """Say `*`: the server answers with 501 (RFC 4954 section 4), and we are not in."""
    await way.client.ask(Stage.AUTH, "*", seconds=way.seconds)
    said = way.recorder.heard(Stage.AUTH)
    fault = Fault.IMPOSTOR if error.impostor else Fault.NO_AUTH
    return Broken(Stage.AUTH, fault, said if isinstance(said, Reply) else None, way.scrub.text(error.detail))


def _encoded(scrub: Scrub, response: bytes, empty: str = "=") -> str:
    text = b64encode(response).decode()
    scrub.add(text)
    return text or empty


def _decoded(challenge: Reply) -> bytes:
    """Return what a challenge says, base64 undone; what is none has words that people may read: an empty one."""
    try:
        return a2b_base64(challenge.lines[0].strip() if challenge.lines else "", strict_mode=True)
    except (Error, ValueError):
        raise CancelError("the challenge is not base64") from None
