from __future__ import annotations

import pytest

from maildrill.sender.credentials import Mechanism, choose
from maildrill.sender.setup.mechanisms import Call, CancelError, Talk, begin
from maildrill.sender.setup.memory import KEPT, TlsMemory
from maildrill.sender.setup.scrub import Scrub
from maildrill.sender.setup.tls_words import certificate_words, protocol_words
from maildrill.smtp import Reply

PENCIL = "pencil"
SHA_1 = (
    Mechanism.SCRAM_SHA_1,
    "fyko+d2lbbFgONRv9qkxdawL",
    b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
)
SHA_256 = (
    Mechanism.SCRAM_SHA_256,
    "rOprNGfwEbeRWgbNEkqO",
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
)


def talk(mechanism: Mechanism, *, user: str = "user", secret: str = PENCIL, nonce: str = "nonce") -> Talk:
    return begin(mechanism, Call(user=user, secret=secret, nonce=nonce, host="mx.test", port=587))


@pytest.mark.parametrize(("mechanism", "nonce", "challenge", "proof", "signature"), [SHA_1, SHA_256])
def test_scram_is_as_in_the_documents(
    mechanism: Mechanism, nonce: str, challenge: bytes, proof: bytes, signature: bytes
) -> None:
    """The examples of RFC 5802 section 5 and RFC 7677 section 3; a 235 is believed behind the signature alone."""
    exchange = talk(mechanism, nonce=nonce)
    begun = exchange.initial
    answered = exchange.respond(challenge)
    before = exchange.satisfied
    last = exchange.respond(signature)

    assert begun == f"n,,n=user,r={nonce}".encode()
    assert (answered, last) == (proof, b"")
    assert (before, exchange.satisfied) == (False, True)


@pytest.mark.parametrize(
    "challenge",
    [
        b"",
        b"r=other,s=QSXCR+Q6sek8bf92,i=4096",
        b"r=nonce,s=QSXCR+Q6sek8bf92,i=4096",
        b"r=nonceX,s=QSXCR+Q6sek8bf92,i=1",
        b"r=nonceX,s=QSXCR+Q6sek8bf92,i=999999999",
        b"r=nonceX,s=====,i=4096",
        b"e=unknown-user",
    ],
)
def test_a_challenge_that_cannot_be_trusted_ends_it(challenge: bytes) -> None:
    """Another nonce, too few rounds or too many, no salt; an empty one asks for what was said already."""
    exchange = talk(Mechanism.SCRAM_SHA_256)
    if not challenge:
        assert exchange.respond(challenge) == exchange.initial
        return
    with pytest.raises(CancelError):
        exchange.respond(challenge)


@pytest.mark.parametrize("signature", [b"v=AAAA", b"e=invalid-proof", b""])
def test_a_wrong_signature_is_an_impostor(signature: bytes) -> None:
    """Whoever does not know the password cannot sign."""
    exchange = talk(Mechanism.SCRAM_SHA_1, nonce=SHA_1[1])
    exchange.respond(SHA_1[2])
    with pytest.raises(CancelError) as caught:
        exchange.respond(signature)

    assert caught.value.impostor


def test_cram_md5_is_as_in_the_document() -> None:
    """The example of RFC 2195 section 2; a second challenge has no answer."""
    exchange = talk(Mechanism.CRAM_MD5, user="tim", secret="tanstaaftanstaaf")  # noqa: S106 - the RFC's
    answer = exchange.respond(b"<1896.697170952@postoffice.reston.mci.net>")
    with pytest.raises(CancelError):
        exchange.respond(b"again")

    assert (exchange.initial, answer) == (None, b"tim b913a602c7eda7a495b4e6e7334d3890")
    assert exchange.satisfied


def test_plain_and_login_say_it_as_it_is() -> None:
    """RFC 4616; LOGIN answers what it is asked, in order, and no third time."""
    login = talk(Mechanism.LOGIN)
    said = [login.respond(b"Username:"), login.respond(b"Password:")]
    with pytest.raises(CancelError):
        login.respond(b"Favourite colour:")

    assert talk(Mechanism.PLAIN).initial == b"\0user\0pencil"
    assert (login.initial, said) == (None, [b"user", b"pencil"])


@pytest.mark.parametrize(
    ("mechanism", "begun", "farewell"),
    [
        (Mechanism.XOAUTH2, b"user=a=b,c\x01auth=Bearer pencil\x01\x01", b""),
        (
            Mechanism.OAUTHBEARER,
            b"n,a=a=3Db=2Cc,\x01host=mx.test\x01port=587\x01auth=Bearer pencil\x01\x01",
            b"\x01",
        ),
    ],
)
@pytest.mark.parametrize(
    ("told", "words"),
    [
        (b'{"status":"invalid_token","scope":"mail"}', "the token is refused, status invalid_token, scope mail"),
        (b"[1]", "the token is refused"),
        (b"nonsense", "the token is refused"),
    ],
)
def test_a_refused_token_is_told_in_json(
    mechanism: Mechanism, begun: bytes, farewell: bytes, told: bytes, words: str
) -> None:
    """RFC 7628 section 3.2.3: it must be answered, for the code to come."""
    exchange = talk(mechanism, user="a=b,c")
    asked = exchange.respond(b"")
    answer = exchange.respond(told)
    with pytest.raises(CancelError):
        exchange.respond(told)

    assert exchange.initial == asked == begun
    assert (answer, exchange.complaint) == (farewell, words)


@pytest.mark.parametrize(
    ("mechanism", "secret"),
    [
        (Mechanism.PLAIN, ""),
        (Mechanism.PLAIN, "a\0b"),
        (Mechanism.LOGIN, "\ud800"),
        (Mechanism.XOAUTH2, "tok\u00e9n"),
        (Mechanism.OAUTHBEARER, "to ken"),
    ],
)
def test_what_cannot_be_said_is_not_tried(mechanism: Mechanism, secret: str) -> None:
    """And the error does not show it."""
    with pytest.raises(CancelError) as caught:
        talk(mechanism, secret=secret)

    assert "characters" in caught.value.detail


def test_a_name_that_saslprep_forbids_goes_as_it_is() -> None:
    """Servers differ; it may be right."""
    assert talk(Mechanism.PLAIN, user="\u0627\u0031", secret="I\u00adX").initial == "\0\u06271\0IX".encode()  # noqa: S106


def test_an_exchange_that_is_none() -> None:
    """Whoever has no answer to a challenge cannot be made."""
    mute = type("Mute", (Talk,), {})

    with pytest.raises(TypeError, match="respond"):
        mute()


def test_the_strongest_comes_first() -> None:
    """Of what both know, in any case and order."""
    allowed = (Mechanism.PLAIN, Mechanism.SCRAM_SHA_1, Mechanism.CRAM_MD5)

    assert choose("login plain scram-sha-1 SCRAM-SHA-256", allowed) == (Mechanism.SCRAM_SHA_1, Mechanism.PLAIN)
    assert choose("", allowed) == ()


def test_scrubbing_leaves_innocent_replies_alone() -> None:
    """The same object; what is too short to be a secret is not looked for."""
    scrub = Scrub()
    reply = Reply.of("250 hello ab")
    untouched = scrub.reply(reply)
    scrub.add("ab", "sesame")
    scrub.add("sesame")

    assert untouched is reply
    assert scrub.reply(reply) is reply
    assert scrub.reply(Reply.of("550 sesame c2VzYW1l")) == Reply.of("550 <redacted> <redacted>")
    assert scrub.text("no secret") == "no secret"


def test_broken_tls_is_remembered_for_an_hour() -> None:
    """By host and port."""
    memory = TlsMemory()
    memory.remember("MX.test", 25, 100.0)

    assert memory.knows("mx.TEST", 25, 100.0 + KEPT - 1)
    assert not memory.knows("mx.test", 25, 100.0 + KEPT)
    assert not memory.knows("mx.test", 587, 100.0)


def test_what_openssl_says_has_words() -> None:
    """Known codes have sentences of their own, unknown ones say which they are."""
    assert certificate_words(10) == "the certificate has expired"
    assert "verify code 99" in certificate_words(99)
    assert "TLS 1.2 or later" in protocol_words("UNSUPPORTED_PROTOCOL")
    assert protocol_words("BAD_THING") == "the TLS handshake failed: bad thing"
    assert protocol_words("") == "the TLS handshake failed"
