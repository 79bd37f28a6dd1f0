"""AUTH exchanges, octet for octet: who is let in, who is not, what a script says in between, and what is never kept."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import smtplib
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from maildrill.fakeserver.language.settings import MECHANISMS, Settings
from maildrill.smtp.transcript import REDACTED

OPEN = Settings(auth=MECHANISMS)
SCRAM = {"sha1": "SCRAM-SHA-1", "sha256": "SCRAM-SHA-256"}
GOOD = "secret"
OTHER = "tök en"
USERS = Settings(users={"ann": GOOD, "bob@x.test": OTHER})
IN = "235 2.7.0 authentication succeeded"
WRONG = "535 5.7.8 authentication credentials invalid"
MAIL = "MAIL FROM:<news@shop.test>"


def coded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def plain(user: str, password: str) -> str:
    return coded(f"\0{user}\0{password}")


@pytest.mark.parametrize(
    ("exchange", "replies"),
    [
        ([f"AUTH PLAIN {plain('a', 'b')}"], [IN]),
        (["AUTH PLAIN", plain("a", "b")], ["334 ", IN]),
        (["auth login", "YQ==", "Yg=="], ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", IN]),
        (["AUTH LOGIN YQ==", "Yg=="], ["334 UGFzc3dvcmQ6", IN]),
        (["AUTH LOGIN", "*"], ["334 VXNlcm5hbWU6", "501 5.7.0 authentication cancelled"]),
        (["AUTH PLAIN ===="], ["501 5.5.2 cannot decode this base64"]),
        (["AUTH PLAIN", "what"], ["334 ", "501 5.5.2 malformed response"]),
        (["AUTH PLAIN ="], ["501 5.5.2 malformed response"]),
        (["AUTH GSSAPI"], ["504 5.5.4 authentication mechanism not implemented"]),
        ([f"AUTH PLAIN {plain('a', 'b')}"] * 2, [IN, "503 5.5.1 already authenticated"]),
        ([MAIL, f"AUTH PLAIN {plain('a', 'b')}"], ["250 2.1.0 sender ok", "503 5.5.1 not during a transaction"]),
        (["HELO me", "AUTH PLAIN"], ["250 mx.test", "502 command not implemented"]),
        ([f"{MAIL} AUTH=<>"], ["250 2.1.0 sender ok"]),
        ([f"{MAIL} AUTH=ann+40x.test"], ["250 2.1.0 sender ok"]),
        ([f"{MAIL} AUTH=a+b"], ["501 5.5.4 bad value of a parameter"]),
        ([f"AUTH PLAIN {'A' * 12_300}"], ["500 5.5.2 cannot read this line"]),
        (
            ["AUTH PLAIN", "A" * 12_286, "AUTH PLAIN", "A" * 12_287, "AUTH PLAIN", "A" * 200_000, "NOOP"],
            ["334 ", "501 5.5.2 cannot decode this base64"]
            + ["334 ", "500 5.5.6 authentication exchange line is too long"] * 2
            + ["250 2.0.0 ok"],
        ),
    ],
)  # fmt: skip
def test_without_users_everybody_is_let_in_who_is_well_formed(
    ground: Any, exchange: list[str], replies: list[str]
) -> None:
    """RFC 4954 section 4; the session goes on whatever was wrong."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        return [await client.ask(line) for line in exchange]

    assert ground.play("", story, settings=OPEN) == replies


def cram(challenge: bytes, user: str, password: str) -> str:
    return f"{user} {hmac.new(password.encode(), challenge, 'md5').hexdigest()}"


def bearer(user: str, token: str) -> str:
    return f"user={user}\1auth=Bearer {token}\1\1"


@pytest.mark.parametrize("password", ["secret", "wrong"])
@pytest.mark.parametrize(
    ("mechanism", "answers"),
    [
        ("PLAIN", [lambda _, password: f"\0ann\0{password}"]),
        ("LOGIN", [lambda _, password: "ann", lambda _, password: password]),
        ("CRAM-MD5", [lambda challenge, password: cram(challenge, "ann", password)]),
        ("XOAUTH2", [lambda _, password: bearer("ann", password), lambda _, __: ""]),
        ("OAUTHBEARER", [lambda _, password: f"n,a=ann,\1auth=Bearer {password}\1\1", lambda _, __: "\1"]),
    ],
)
def test_users_are_let_in_with_their_password_alone(
    ground: Any, mechanism: str, answers: list[Callable[[bytes, str], str]], password: str
) -> None:
    """By each mechanism; who is let in the session remembers."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        said = await client.ask(f"AUTH {mechanism}")
        for answer in answers:
            if said.startswith("334"):
                said = await client.ask(coded(answer(base64.b64decode(said[4:]), password)))
        return said, scene.journal.sessions[0].user

    good = password == GOOD
    assert ground.play("", story, settings=USERS) == ((IN, "ann") if good else (WRONG, ""))


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
@pytest.mark.parametrize("password", ["tök en", "wrong"])
def test_scram_proves_both_sides(ground: Any, digest: str, password: str) -> None:
    """RFC 5802: the client's proof, then the server's signature, which the client checks and answers with nothing."""
    first = "n=bob@x.test,r=fresh"

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        said = await client.ask(f"AUTH {SCRAM[digest]} {coded('n,,' + first)}")
        theirs = base64.b64decode(said[4:]).decode()
        nonce, salt, rounds = (part[2:] for part in theirs.split(","))
        salted = hashlib.pbkdf2_hmac(digest, password.encode(), base64.b64decode(salt), int(rounds))
        key = hmac.digest(salted, b"Client Key", digest)
        last = f"c=biws,r={nonce}"
        told = f"{first},{theirs},{last}".encode()
        proof = hmac.digest(hashlib.new(digest, key).digest(), told, digest)
        mixed = bytes(one ^ other for one, other in zip(key, proof, strict=True))
        said = await client.ask(coded(f"{last},p={coded(mixed)}"))
        if not said.startswith("334"):
            return nonce.startswith("fresh"), said
        signature = hmac.digest(hmac.digest(salted, b"Server Key", digest), told, digest)
        assert base64.b64decode(said[4:]) == f"v={coded(signature)}".encode()
        return nonce.startswith("fresh"), await client.ask("")

    assert ground.play("", story, settings=USERS) == (True, IN if password == OTHER else WRONG)


def test_no_two_exchanges_have_the_same_challenge(memory: Any) -> None:
    """Neither in one session nor in two."""

    async def story(scene: Any) -> Any:
        clients = [await scene.greeted() for _ in range(2)]
        return {await client.ask("AUTH CRAM-MD5") for client in clients for _ in range(2) if await client.ask("*")}

    assert len(memory.play("", story, settings=OPEN)) >= 2


def test_secrets_are_kept_nowhere(memory: Any) -> None:
    """Neither in the journal nor in what it tells of the session."""
    said = [f"AUTH PLAIN {plain('ann', 'wrong')}", "AUTH LOGIN", coded("ann"), coded("wrong"), "AUTH PLAIN", coded("x")]

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        for line in said:
            await client.ask(line)
        return [entry.command for entry in scene.journal.entries if entry.command], repr(scene.journal.entries)

    commands, journal = memory.play("", story, settings=USERS)

    assert commands == [
        "EHLO client.test",
        f"AUTH PLAIN {REDACTED}",
        "AUTH LOGIN",
        REDACTED,
        REDACTED,
        "AUTH PLAIN",
        REDACTED,
    ]
    assert not any(secret in journal for secret in (plain("ann", "wrong"), coded("ann"), coded("wrong"), "secret"))


def test_a_script_is_asked_at_each_response_and_at_the_end(memory: Any, decides: Any) -> None:
    """With the user, as soon as that is known; afterwards every event has it."""
    told = decides()

    async def story(scene: Any) -> None:
        client = await scene.greeted()
        for line in ("AUTH LOGIN", coded("ann"), coded("secret"), "NOOP"):
            await client.ask(line)

    memory.play(told, story, settings=USERS)

    assert [(str(event.stage), event.verb, event.user) for event in told.events[3:]] == [
        ("auth-step", "AUTH", "ann"),
        ("auth-step", "AUTH", "ann"),
        ("auth", "AUTH", "ann"),
        ("noop", "NOOP", "ann"),
    ]


@pytest.mark.parametrize(
    ("rules", "exchange", "replies", "user"),
    [
        ('at = "auth"\nreply = "454 4.7.0 not now"', ["AUTH LOGIN", coded("ann"), coded("secret")],
         ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "454 4.7.0 not now"], ""),
        ('at = "auth-step"\nreply = "454 4.7.0 not now"', ["AUTH LOGIN", coded("ann"), "NOOP"],
         ["334 VXNlcm5hbWU6", "454 4.7.0 not now", "250 2.0.0 ok"], ""),
        ('at = "auth-step"\nattempt = "2"\nreply = "535 5.7.8 no"', ["AUTH LOGIN", coded("ann"), coded("secret")],
         ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "535 5.7.8 no"], ""),
        ('at = "auth"\nreply = "235 2.7.0 whoever you are"', [f"AUTH PLAIN {plain('ann', 'wrong')}"],
         ["235 2.7.0 whoever you are"], "ann"),
        ('at = "auth-step"\nreply = "334 bW9yZQ=="\ntimes = 1', ["AUTH PLAIN", plain("ann", "secret"), ""],
         ["334 ", "334 bW9yZQ==", IN], "ann"),
        ('at = "auth"\nreply = "535 5.7.8 no"', ["AUTH PLAIN what", "NOOP"], ["535 5.7.8 no", "250 2.0.0 ok"], ""),
    ],
)  # fmt: skip
def test_what_a_script_says_counts(ground: Any, rules: str, exchange: list[str], replies: list[str], user: str) -> None:
    """At `auth` for the exchange, at `auth-step` for one response; 235 lets in, 334 asks for more."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        return [await client.ask(line) for line in exchange], scene.journal.sessions[0].user

    assert ground.play(rules, story, settings=USERS) == (replies, user)


def test_a_script_that_says_nothing_ends_the_exchange(memory: Any, decides: Any) -> None:
    """The next line is a command again."""
    told = decides(**{"auth-step": ()})

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask("AUTH LOGIN")
        client.write(b"YQ==\r\nNOOP\r\n")
        return await client.hear()

    assert memory.play(told, story, settings=OPEN) == "250 2.0.0 ok"


@pytest.mark.parametrize("password", ["secret", "wrong"])
def test_smtplib_logs_in(tcp: Any, password: str) -> None:
    """With the strongest of its mechanisms."""

    def client(host: str, port: int) -> int:
        with smtplib.SMTP(host, port) as smtp:
            try:
                return smtp.login("ann", password)[0]
            except smtplib.SMTPAuthenticationError as error:
                return error.smtp_code

    async def story(scene: Any) -> Any:
        return await asyncio.to_thread(client, *scene.address)

    assert tcp.play("", story, settings=USERS) == (235 if password == GOOD else 535)


@pytest.mark.parametrize(
    ("settings", "before", "after"),
    [
        (USERS, "530", "250"),
        (Settings(users={"ann": GOOD}, anonymous=True), "250", "250"),
        (Settings(anonymous=False), "530", "250"),
        (OPEN, "250", "250"),
    ],
)
def test_where_there_are_users_mail_is_taken_from_nobody_else(
    ground: Any, settings: Settings, before: str, after: str
) -> None:
    """530 is the reply of RFC 4954 section 6; all but MAIL is open to everybody, and no rule is asked before."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        said = await client.ask("NOOP", "VRFY ann", "RSET", MAIL, "RSET")
        login = await client.ask(f"AUTH PLAIN {plain('ann', GOOD)}")
        counted = scene.server.unfired()
        return said.split("|")[3][:9], login, (await client.ask(MAIL))[:3], bool(counted)

    assert ground.play('at = "mail"', story, settings=settings) == (
        "530 5.7.0" if before == "530" else "250 2.1.0",
        IN,
        after,
        before == "530",
    )


def test_in_tls_who_has_logged_in_in_clear_must_do_so_again(ground: Any) -> None:
    """What was said in clear is forgotten (RFC 3207 section 4.2)."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask(f"AUTH PLAIN {plain('ann', GOOD)}", "STARTTLS")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        await client.secure(context)
        await client.ask("EHLO client.test")
        return await client.ask(MAIL)

    settings = Settings(users={"ann": GOOD}, tls=True)

    assert ground.play("", story, settings=settings) == "530 5.7.0 authentication required"
