"""SCRAM: the examples of its documents, a client written from them, and what may go wrong."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maildrill.fakeserver.protocol.credentials import INVALID, MALFORMED, Challenge, Denied, Desk, Granted, Step
from maildrill.fakeserver.protocol.sasl import Exchange, begin
from maildrill.fakeserver.protocol.scram import saslname, scram

USERS = {"ann": "s3cret"}
NONCE = bytes(range(16))


def coded(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def said(step: Step) -> str:
    """Return what a challenge says, base64 undone; or what the exchange came to."""
    return base64.b64decode(step.text).decode() if isinstance(step, Challenge) else str(step)


@dataclass
class Client:
    """A client as RFC 5802 section 3 has it; what it does wrong can be told."""

    password: str
    digest: str = "sha256"
    header: str = "n,,"
    first: str = "n=ann,r=fyko"
    binding: str | None = None
    nonce: str | None = None
    extension: str = ""
    proof: bytes | None = None
    verifier: str = ""

    def opening(self) -> str:
        return coded((self.header + self.first).encode())

    def closing(self, challenge: str) -> str:
        fields = dict(field.split("=", 1) for field in challenge.split(","))
        salted = hashlib.pbkdf2_hmac(
            self.digest, self.password.encode(), base64.b64decode(fields["s"]), int(fields["i"])
        )
        binding = coded(self.header.encode()) if self.binding is None else self.binding
        bare = f"c={binding},r={self.nonce or fields['r']}{self.extension}"
        spoken = f"{self.first},{challenge},{bare}".encode()
        key = hmac.digest(salted, b"Client Key", self.digest)
        signature = hmac.digest(hashlib.new(self.digest, key).digest(), spoken, self.digest)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True)) if self.proof is None else self.proof
        self.verifier = "v=" + coded(hmac.digest(hmac.digest(salted, b"Server Key", self.digest), spoken, self.digest))
        return coded(f"{bare},p={coded(proof)}".encode())

    def talk(self, exchange: Exchange) -> Step:
        """Hold an exchange up to the server's last word."""
        if isinstance(exchange.said, Challenge) and exchange.said.text:
            step = exchange.step(self.closing(said(exchange.said)))
            return exchange.step("") if said(step) == self.verifier else step
        return exchange.said


@pytest.mark.parametrize(
    ("digest", "first", "nonce", "salt", "final", "verifier"),
    [
        (
            "sha1",
            "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
            "3rfcNHYJY1ZVvWVs7j",
            "QSXCR+Q6sek8bf92",
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        ),
        (
            "sha256",
            "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
            "W22ZaJ0SNY7soEsUEjb6gQ==",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ),
    ],
)
def test_the_examples_of_the_documents(
    digest: str, first: str, nonce: str, salt: str, final: str, verifier: str
) -> None:
    """RFC 5802 section 5 and RFC 7677 section 3, word for word."""
    desk = Desk({"user": "pencil"})
    exchange = Exchange(scram(digest, desk, nonce, base64.b64decode(salt)), desk, first.encode())

    assert said(exchange.said) == f"r={first.partition('r=')[2]}{nonce},s={salt},i=4096"
    assert said(exchange.step(coded(final.encode()))) == verifier
    assert exchange.step("") == Granted("user")


@pytest.mark.parametrize(("mechanism", "digest"), [("SCRAM-SHA-256", "sha256"), ("scram-sha-1", "sha1")])
def test_both_sides_prove_that_they_know_the_password(mechanism: str, digest: str) -> None:
    """The server's proof comes as a challenge, to which the client has nothing more to say (RFC 4954 section 4)."""
    client = Client("s3cret", digest)

    assert client.talk(begin(mechanism, client.opening(), USERS, NONCE)) == Granted("ann")


@pytest.mark.parametrize(
    ("client", "outcome"),
    [
        (Client("guess"), Denied(INVALID)),
        (Client("s3cret", first="n=eve,r=fyko"), Denied(INVALID)),
        (Client("", first="n=eve,r=fyko"), Denied(INVALID)),
        (Client("s3cret", proof=b"short"), Denied(INVALID)),
        (Client("s3cret", proof=b""), Denied(MALFORMED)),
        (Client("s3cret", header="y,,"), Granted("ann")),
        (Client("s3cret", header="n,a=ann,"), Granted("ann")),
        (Client("s3cret", header="n,a=bob,"), Denied(INVALID)),
        (Client("s3cret", header="n,a=b=b,"), Denied(INVALID)),
        (Client("s3cret", header="p=tls-unique,,"), Denied(INVALID)),
        (Client("s3cret", header="x,,"), Denied(MALFORMED)),
        (Client("s3cret", first="m=must,n=ann,r=fyko"), Denied(MALFORMED)),
        (Client("s3cret", first="n=a=nn,r=fyko"), Denied(MALFORMED)),
        (Client("s3cret", first="n=ann"), Denied(MALFORMED)),
        (Client("s3cret", first="n=ann,r=" + "f" * 257), Denied(MALFORMED)),
        (Client("s3cret", first="n=ann,r=fyko,x=may"), Granted("ann")),
        (Client("s3cret", extension=",x=may"), Granted("ann")),
        (Client("s3cret", binding="eSws"), Denied(MALFORMED)),
        (Client("s3cret", binding="eSw"), Denied(MALFORMED)),
        (Client("s3cret", nonce="other"), Denied(MALFORMED)),
    ],
)
def test_who_gets_in(client: Client, outcome: Step) -> None:
    """Who has the proof, bound to what was said; unknown names and wrong passwords look the same."""
    assert client.talk(begin("SCRAM-SHA-256", client.opening(), USERS, NONCE)) == outcome


def test_the_name_is_known_before_the_proof() -> None:
    """So that a script can choose by user at each response."""
    exchange = begin("SCRAM-SHA-256", Client("x").opening(), USERS, NONCE)

    assert exchange.user == "ann"


def test_a_user_has_the_same_salt_each_time_and_one_who_is_not_there_has_one_too() -> None:
    """Else names could be tried out."""
    salts = [
        said(begin("SCRAM-SHA-256", Client("x", first=f"n={name},r=a").opening(), USERS, nonce).said).split(",")[1]
        for name, nonce in (("ann", b"1"), ("ann", b"2"), ("eve", b"1"), ("eve", b"2"))
    ]

    assert salts[0] == salts[1] != salts[2] == salts[3]


def test_without_users_any_proof_is_taken_and_the_server_shows_none() -> None:
    """It cannot: it does not know the password."""
    exchange = begin("SCRAM-SHA-256", Client("x", first="n=eve,r=a").opening(), {}, NONCE)

    assert exchange.step(Client("x", first="n=eve,r=a").closing(said(exchange.said))) == Granted("eve")


@pytest.mark.parametrize(("text", "name"), [("a=2Cb=3Dc", "a,b=c"), ("", ""), ("a=b", None), ("a=2c", None)])
def test_commas_and_equals_signs_in_names_are_escaped(text: str, name: str | None) -> None:
    """RFC 5802 section 5.1."""
    assert saslname(text) == name


@settings(max_examples=30)
@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20),
)
def test_any_name_and_password_get_in_and_no_other(name: str, password: str) -> None:
    """Whatever signs they have."""
    written = name.replace("=", "=3D").replace(",", "=2C")
    right, wrong = Client(password, first=f"n={written},r=a"), Client(password + "x", first=f"n={written},r=a")

    assert right.talk(begin("SCRAM-SHA-256", right.opening(), {name: password}, NONCE)) == Granted(name)
    assert wrong.talk(begin("SCRAM-SHA-256", wrong.opening(), {name: password}, NONCE)) == Denied(INVALID)
