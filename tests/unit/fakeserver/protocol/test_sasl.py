"""The server's side of AUTH, mechanism by mechanism, against clients that others wrote and against noise."""

from __future__ import annotations

import base64
import json
import smtplib
from typing import Any

import aiosmtplib.auth
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.fakeserver.language.settings import MECHANISMS as OFFERED
from maildrill.fakeserver.protocol.credentials import (
    CANCELLED,
    INVALID,
    MALFORMED,
    NO_MECHANISM,
    UNDECODABLE,
    Challenge,
    Denied,
    Granted,
    Step,
)
from maildrill.fakeserver.protocol.sasl import MECHANISMS, Exchange, begin
from maildrill.smtp import Reply

USERS = {"ann": "s3cret", "bob@x.test": "påss", "tok": "ya29.token"}
NONCE = bytes(range(16))


def coded(text: str) -> str:
    """Return text as a response has it."""
    return base64.b64encode(text.encode()).decode()


def challenged(step: Step) -> str:
    """Return what a challenge says, base64 undone."""
    assert isinstance(step, Challenge)
    return base64.b64decode(step.text).decode()


def held(mechanism: str, *responses: str, users: dict[str, str] | None = None) -> Step:
    """Hold an exchange without an initial response and return what it came to."""
    exchange = begin(mechanism, None, USERS if users is None else users, NONCE)
    for response in responses:
        exchange.step(coded(response))
    return exchange.said


class Smtplib(smtplib.SMTP):
    """smtplib's client, talking to an exchange in place of a socket."""

    def __init__(self, user: str, password: str, users: dict[str, str]) -> None:
        super().__init__()
        self.user, self.password = user, password
        self.users = users
        self.exchange: Exchange

    def docmd(self, cmd: str, args: str = "") -> tuple[int, bytes]:
        if cmd == "AUTH":
            mechanism, _, initial = args.partition(" ")
            self.exchange = begin(mechanism, initial or None, self.users, NONCE, hostname="mx.test")
        else:
            self.exchange.step(cmd)
        said = self.exchange.said
        reply = Reply.of("235 2.7.0 ok") if isinstance(said, Granted) else said.reply
        return reply.code, reply.text.encode()


@pytest.mark.parametrize("initial", [True, False])
@pytest.mark.parametrize(
    ("mechanism", "method"), [("PLAIN", "auth_plain"), ("LOGIN", "auth_login"), ("CRAM-MD5", "auth_cram_md5")]
)
def test_smtplib_gets_in_with_the_right_password_only(mechanism: str, method: str, initial: bool) -> None:
    """By each mechanism that it knows, with and without an initial response."""
    client, liar = Smtplib("ann", "s3cret", USERS), Smtplib("ann", "guess", USERS)

    assert client.auth(mechanism, getattr(client, method), initial_response_ok=initial)[0] == 235
    assert client.exchange.said == Granted("ann")
    with pytest.raises(smtplib.SMTPAuthenticationError, match="535"):
        liar.auth(mechanism, getattr(liar, method), initial_response_ok=initial)


def test_aiosmtplib_gets_in_with_the_right_password_only() -> None:
    """What its encoders make is taken."""
    for password, outcome in (("påss", Granted("bob@x.test")), ("guess", Denied(INVALID))):
        name = "bob@x.test"
        plain = aiosmtplib.auth.auth_plain_encode(name, password).decode()
        user, secret = (part.decode() for part in aiosmtplib.auth.auth_login_encode(name, password))
        crammed = begin("CRAM-MD5", None, USERS, NONCE)
        assert isinstance(crammed.said, Challenge)
        digest = aiosmtplib.auth.auth_crammd5_verify(name, password, crammed.said.text).decode()

        assert begin("PLAIN", plain, USERS, NONCE).said == outcome
        assert begin("LOGIN", user, USERS, NONCE).step(secret) == outcome
        assert crammed.step(digest) == outcome


def test_xoauth2_of_aiosmtplib_gets_in_with_the_right_token_only() -> None:
    """A refusal is JSON first; the client answers it with an empty line."""
    right = aiosmtplib.auth.auth_xoauth2_encode("tok", "ya29.token").decode()
    wrong = aiosmtplib.auth.auth_xoauth2_encode("tok", "other").decode()
    refused = begin("xoauth2", wrong, USERS, NONCE)

    assert begin("XOAUTH2", right, USERS, NONCE).said == Granted("tok")
    assert json.loads(challenged(refused.said))["status"] == "401"
    assert refused.step("") == Denied(INVALID)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("\0ann\0s3cret", Granted("ann")),
        ("ann\0ann\0s3cret", Granted("ann")),
        ("bob\0ann\0s3cret", Denied(INVALID)),
        ("\0ann\0guess", Denied(INVALID)),
        ("\0eve\0s3cret", Denied(INVALID)),
        ("\0bob@x.test\0pa\u030ass", Granted("bob@x.test")),
        ("\0ann\0s3cret\x07", Denied(INVALID)),
        ("\0ann\0", Denied(MALFORMED)),
        ("\0\0s3cret", Denied(MALFORMED)),
        ("ann\0s3cret", Denied(MALFORMED)),
        ("\0ann\0s3\0cret", Denied(MALFORMED)),
        ("", Denied(MALFORMED)),
    ],
)
def test_plain(said: str, outcome: Step) -> None:
    """RFC 4616: nobody acts for another; passwords are compared as SASLprep leaves them."""
    assert begin("PLAIN", coded(said) or "=", USERS, NONCE).said == outcome
    assert held("PLAIN", said) == outcome


def test_the_challenges_are_those_that_clients_expect() -> None:
    """An empty one, two prompts, and a fresh message id."""
    login = begin("LOGIN", None, USERS, NONCE)
    crammed = begin("cram-md5", None, USERS, NONCE, hostname="mx.test")

    assert begin("PLAIN", None, USERS, NONCE).said == Challenge("")
    assert challenged(login.said) == "Username:"
    assert challenged(login.step(coded("ann"))) == "Password:"
    assert login.user == "ann"
    assert challenged(crammed.said) == "<000102030405060708090a0b0c0d0e0f@mx.test>"
    assert crammed.user == ""
    assert Challenge("").reply.render() == b"334 \r\n"


def test_cram_md5_is_as_in_its_document() -> None:
    """The digest of RFC 2195 section 2 is that of its challenge; ours is another, so it does not get in here."""
    said = held("CRAM-MD5", "tim b913a602c7eda7a495b4e6e7334d3890", users={"tim": "tanstaaftanstaaf"})

    assert said == Denied(INVALID)
    assert held("CRAM-MD5", "tim b913") == Denied(MALFORMED)
    assert held("CRAM-MD5", "eve b913a602c7eda7a495b4e6e7334d3890") == Denied(INVALID)
    assert held("CRAM-MD5", "a b b913a602c7eda7a495b4e6e7334d3890", users={}) == Granted("a b")


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("n,a=tok,\x01host=mx.test\x01port=587\x01auth=Bearer ya29.token\x01\x01", Granted("tok")),
        ("n,,\x01auth=Bearer ya29.token\x01\x01", Granted("tok")),
        ("y,a=tok,\x01auth=bearer ya29.token\x01\x01", Granted("tok")),
        ("n,a=t=2Ck,\x01auth=Bearer ya29.token\x01\x01", INVALID),
        ("n,a=ann,\x01auth=Bearer ya29.token\x01\x01", INVALID),
        ("n,,\x01auth=Bearer other\x01\x01", INVALID),
        ("p=tls-unique,a=tok,\x01auth=Bearer ya29.token\x01\x01", INVALID),
        ("n,a=t=k,\x01auth=Bearer ya29.token\x01\x01", Denied(MALFORMED)),
        ("n,a=tok,\x01auth=Basic ya29.token\x01\x01", Denied(MALFORMED)),
        ("n,a=tok,\x01auth=Bearer ya29.token\x01", Denied(MALFORMED)),
        ("a=tok,\x01auth=Bearer ya29.token\x01\x01", Denied(MALFORMED)),
        ("", Denied(MALFORMED)),
    ],
)
def test_oauthbearer(said: str, outcome: Step | Reply) -> None:
    """RFC 7628: a GS2 header, the token among key-value pairs; a refusal is JSON, and ends with the next response."""
    exchange = begin("OAUTHBEARER", coded(said) or "=", USERS, NONCE)
    if isinstance(outcome, Reply):
        assert json.loads(challenged(exchange.said))["status"] == "invalid_token"
        outcome = Denied(outcome)
        exchange.step("AQ==")

    assert exchange.said == outcome


@pytest.mark.parametrize(
    ("mechanism", "said", "user"),
    [
        ("PLAIN", "any\0eve\0x", "eve"),
        ("XOAUTH2", "user=eve\x01auth=Bearer x\x01\x01", "eve"),
        ("OAUTHBEARER", "n,a=eve,\x01auth=Bearer x\x01\x01", "eve"),
        ("OAUTHBEARER", "n,,\x01auth=Bearer x\x01\x01", "anonymous"),
        ("CRAM-MD5", "eve 00000000000000000000000000000000", "eve"),
        ("SCRAM-SHA-256", "", ""),
        ("XOAUTH2", "user=eve", ""),
        ("PLAIN", "eve", ""),
        ("LOGIN", "", ""),
    ],
)
def test_without_users_whoever_is_well_formed_gets_in(mechanism: str, said: str, user: str) -> None:
    """And nobody else."""
    assert held(mechanism, said, *([""] if mechanism == "LOGIN" else []), users={}) == (
        Granted(user) if user else Denied(MALFORMED)
    )


def test_every_mechanism_can_be_offered() -> None:
    """What a script may name is what the server speaks, and the other way round."""
    assert sorted(OFFERED) == sorted(MECHANISMS)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_star_ends_an_exchange(mechanism: str) -> None:
    """RFC 4954 section 4; and it stays ended."""
    exchange = begin(mechanism, None, USERS, NONCE)

    assert exchange.step("*") == exchange.step("YQ==") == Denied(CANCELLED)


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("noise", ["a", "YQ", "YQ=", "YQ==YQ==", "Y Q=", "Ä", "====", "\ud800"])
def test_what_is_no_base64_is_refused(mechanism: str, noise: str) -> None:
    """With 501 5.5.2, be it an initial response or a later one (RFC 4954 section 4)."""
    assert begin(mechanism, noise, USERS, NONCE).said == Denied(UNDECODABLE)
    assert begin(mechanism, None, USERS, NONCE).step(noise) == Denied(UNDECODABLE)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_what_is_no_utf_8_is_refused(mechanism: str) -> None:
    """No mechanism has octets that are none."""
    exchange = begin(mechanism, None, USERS, NONCE)
    exchange.step("/w==")

    assert exchange.step("/w==") == Denied(MALFORMED)


def test_a_mechanism_in_which_the_server_speaks_first_takes_no_initial_response() -> None:
    """RFC 4954 section 4."""
    assert begin("CRAM-MD5", coded("ann 0"), USERS, NONCE).said == Denied(MALFORMED)


def test_a_mechanism_that_is_not_there_is_refused() -> None:
    """With 504, and nothing follows."""
    exchange = begin("GSSAPI", None, USERS, NONCE)

    assert exchange.said == exchange.step("YQ==") == Denied(NO_MECHANISM)
    assert str(NO_MECHANISM).startswith("504 5.5.4 ")


def test_secrets_are_not_shown() -> None:
    """Not where somebody prints what an exchange holds."""
    exchange = begin("PLAIN", None, USERS, NONCE)

    assert "s3cret" not in repr(exchange._desk)


RESPONSES = st.lists(
    st.one_of(st.text(max_size=40), st.binary(max_size=60).map(lambda o: base64.b64encode(o).decode()))
)


@given(st.sampled_from(MECHANISMS), st.none() | RESPONSES.map(lambda some: "".join(some[:1])), RESPONSES, st.booleans())
def test_no_response_raises(mechanism: str, initial: str | None, responses: list[str], open_house: bool) -> None:
    """Whatever comes, each step is said in a reply line, and strangers are kept out where there are users."""
    exchange = begin(mechanism, initial, {} if open_house else USERS, NONCE)
    for response in responses:
        said: Any = exchange.step(response)

        assert open_house or not isinstance(said, Granted)
        assert isinstance(said, Granted) or len(said.reply.render()) <= 512
