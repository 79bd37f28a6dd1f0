"""Each way in which TLS can go wrong, under each policy, in memory and on real sockets."""

from __future__ import annotations

import ssl
from dataclasses import replace
from typing import Any

import pytest

from maildrill.fakeserver.language.script_words import Handshake
from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.session.certificates import certificates_for
from maildrill.sender.attempt import Fault, Verdict
from maildrill.sender.disposition import judge_setup
from maildrill.sender.security import Pin, Proof, TlsMode
from maildrill.sender.session import Session, fresh
from maildrill.sender.setup.certificates import pins_of
from maildrill.sender.setup.opening import Opening
from maildrill.smtp import Reply, Stage

#: What may be said in clear where TLS is enforced.
HARMLESS = {"EHLO me.test", "HELO me.test", "STARTTLS", "QUIT"}
#: What a server does about STARTTLS that is no handshake.
OBSTACLES = {
    "hidden": ('at = "ehlo"\ntls = false\ncaps = "-STARTTLS"', "starttls-missing"),
    "ehlo-refused": ('at = "ehlo"\nreply = "502 5.5.1 no"', "starttls-missing"),
    "454": ('at = "starttls"\nreply = "454 4.7.0 not now"', "starttls-4yz"),
    "421": ('at = "starttls"\nreply = "421 4.3.2 bye"', "starttls-4yz"),
    "501": ('at = "starttls"\nreply = "501 5.5.4 what?"', "starttls-5yz"),
    "554": ('at = "starttls"\nreply = "554 5.7.1 no"', "starttls-5yz"),
    "closed": ('at = "starttls"\ncut = "before"', "starttls-lost"),
    "reset": ('at = "starttls"\ncut = "rst"', "starttls-lost"),
    "half": ('at = "starttls"\nreply = "220 go"\ncut = "mid"', "starttls-lost"),
    "garbage": ('at = "starttls"\nreply = "220 go"\nmangle = "no-code"', "starttls-lost"),
}
VERDICTS = {
    Handshake.EXPIRED: (Fault.CERTIFICATE, "has expired"),
    Handshake.NOT_YET: (Fault.CERTIFICATE, "not valid yet"),
    Handshake.WRONG_HOST: (Fault.CERTIFICATE, "is for another name"),
    Handshake.SELF_SIGNED: (Fault.CERTIFICATE, "is self-signed"),
    Handshake.UNTRUSTED: (Fault.CERTIFICATE, "authority is unknown"),
    Handshake.WEAK: (Fault.CERTIFICATE, "key is too short"),
    Handshake.OLD_VERSION: (Fault.HANDSHAKE, "no TLS version that we do"),
    Handshake.ABORT: (Fault.EOF, "in the middle"),
    Handshake.HANG: (Fault.TIMEOUT, "no TLS within"),
    Handshake.GARBAGE: (Fault.HANDSHAKE, "no TLS: is the port right?"),
}
ENFORCED = [TlsMode.REQUIRED, TlsMode.IMPLICIT]


def shaking(fault: Handshake) -> str:
    return f'at = "tls"\nhandshake = "{fault.value}"'


def assert_silent(heard: Any, secret: str) -> None:
    """The oracle of I35: nothing but what must be in clear was, and no secret anywhere, not even in our own words."""
    assert set(heard.in_clear) <= HARMLESS
    assert secret not in heard.everything
    assert b"MAIL FROM" not in b"".join(heard.said)
    assert b"AUTH" not in b"".join(heard.said)


@pytest.mark.parametrize("mode", [TlsMode.OPPORTUNISTIC, *ENFORCED])
def test_mail_goes_through_tls(ground: Any, kit: Any, mode: TlsMode) -> None:
    """Greeted anew after the handshake, authenticated, and delivered; nothing of it in clear."""
    heard = ground.call(kit.account(mode, kit.credentials()), settings=Settings(tls=True, auth=("PLAIN",)))

    assert heard.dots == [250]
    assert heard.users == ["ann"]
    assert_silent(heard, kit.SECRET)


@pytest.mark.parametrize("name", OBSTACLES)
def test_required_tls_is_never_given_up(ground: Any, kit: Any, name: str) -> None:
    """Whatever the server says to STARTTLS: no mail, no credential, one connection (invariant I35)."""
    script, row = OBSTACLES[name]
    heard = ground.call(kit.account(auth=kit.credentials()), script, settings=Settings(tls=True, auth=("PLAIN",)))
    (ruling,) = judge_setup(heard.broken, ["bob@x.test"])

    assert ruling.row == row
    assert not ruling.counted
    assert_silent(heard, kit.SECRET)


@pytest.mark.parametrize("name", OBSTACLES)
def test_wished_for_tls_is_given_up(ground: Any, kit: Any, name: str) -> None:
    """The mail goes in clear, at most in a second connection; 421 is obeyed first."""
    heard = ground.call(kit.account(TlsMode.OPPORTUNISTIC), OBSTACLES[name][0], times=1)

    if name == "421":
        assert heard.broken.reply == Reply.of("421 4.3.2 bye")
    else:
        assert heard.dots == [250]
    assert len(heard.said) <= 2


@pytest.mark.parametrize("mode", ENFORCED)
@pytest.mark.parametrize("fault", VERDICTS)
def test_a_handshake_gone_wrong_is_told_and_ends_it(ground: Any, kit: Any, fault: Handshake, mode: TlsMode) -> None:
    """With what is wrong in words; never in clear."""
    heard = ground.call(kit.account(mode, kit.credentials()), shaking(fault))
    expected, words = VERDICTS[fault]

    assert heard.broken.stage is Stage.TLS
    assert words in heard.broken.detail
    assert heard.broken.fault is expected
    assert_silent(heard, kit.SECRET)


@pytest.mark.parametrize("mode", ENFORCED)
def test_a_server_that_goes_on_in_clear_gets_nothing(ground: Any, kit: Any, mode: TlsMode) -> None:
    """It says 220 and does no handshake."""
    heard = ground.call(kit.account(mode, kit.credentials()), shaking(Handshake.PLAIN))

    assert heard.broken.stage is Stage.TLS
    assert_silent(heard, kit.SECRET)


@pytest.mark.parametrize("fault", [Handshake.OLD_VERSION, Handshake.ABORT, Handshake.HANG, Handshake.GARBAGE])
def test_a_failed_wish_is_remembered(ground: Any, kit: Any, fault: Handshake) -> None:
    """Once more in clear, and from then on at once in clear (RFC 7435 section 4.3)."""
    heard = ground.call(kit.account(TlsMode.OPPORTUNISTIC), shaking(fault), times=2)

    assert heard.dots == [250, 250]
    assert len(heard.said) == 3
    assert sum(b"STARTTLS" in said for said in heard.said) == 1


@pytest.mark.parametrize("fault", [Handshake.EXPIRED, Handshake.WRONG_HOST, Handshake.SELF_SIGNED])
def test_a_wish_takes_any_certificate(ground: Any, kit: Any, fault: Handshake) -> None:
    """It is better than none."""
    heard = ground.call(kit.account(TlsMode.OPPORTUNISTIC), shaking(fault))

    assert heard.dots == [250]
    assert all(said.count(b"\x16\x03") for said in heard.said)


def injecting(data: bytes) -> bytes:
    """Put replies behind the server's 220 to STARTTLS, as somebody on the line would (GHSA-vxj7-4xrp-5vr4)."""
    if data.startswith(b"220 2.0.0"):
        return data + b"250-evil.test\r\n250-AUTH LOGIN\r\n250 SIZE 1\r\n250 yes\r\n"
    return data


def test_what_was_put_behind_the_220_is_dropped(ground: Any, kit: Any) -> None:
    """Octets in clear are nobody's word once TLS is to begin: the session knows nothing of them."""
    heard = ground.call(kit.account(), change=injecting)

    assert heard.dots == [250]
    assert heard.session.capabilities.size != 1
    assert "AUTH" not in heard.session.capabilities.names
    assert any("octets in clear behind the 220 dropped" in line for line in heard.lines)


def test_what_was_offered_in_clear_is_forgotten(ground: Any, kit: Any) -> None:
    """Only the EHLO after the handshake counts (invariant I27)."""
    script = 'at = "ehlo"\ntls = false\ncaps = ["SIZE 7", "X-CLEAR"]\n\nat = "ehlo"\ntls = true\ncaps = "X-SECURE"'
    heard = ground.call(kit.account(), script)

    assert "X-SECURE" in heard.session.capabilities.names
    assert not heard.session.capabilities.names & {"X-CLEAR", "STARTTLS"}
    assert heard.dots == [250]


def own_pins(fault: Handshake | None = None) -> tuple[Pin, Pin]:
    """The fingerprints of what the fake server shows, looked at by a client that takes anything."""
    server = certificates_for("mx.test").context(fault)
    theirs, ours = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client, far = context.wrap_bio(theirs, ours), server.wrap_bio(ours, theirs, server_side=True)
    for one in (client, far, client, far):
        try:
            one.do_handshake()
        except ssl.SSLWantReadError:
            continue
    shown = client.getpeercert(binary_form=True)
    assert shown
    return pins_of(shown)


@pytest.mark.parametrize("which", [0, 1], ids=["certificate", "key"])
def test_a_pin_is_all_that_is_asked(ground: Any, kit: Any, which: int) -> None:
    """A self-signed certificate is the right one if it is the one that was pinned; another is not."""
    pin = own_pins(Handshake.SELF_SIGNED)[which]
    good = ground.call(kit.account(pins=(pin,)), shaking(Handshake.SELF_SIGNED))
    bad = ground.call(kit.account(auth=kit.credentials(), pins=(pin,)))

    assert good.dots == [250]
    assert bad.broken.fault is Fault.CERTIFICATE
    assert "is not the pinned one; it is sha256:" in bad.broken.detail
    assert_silent(bad, kit.SECRET)


def test_trouble_with_a_published_policy_passes(memory: Any, kit: Any) -> None:
    """DANE and MTA-STS: later again, nobody is held or burnt (RFC 7672 section 2.2, RFC 8461 section 5)."""
    heard = memory.call(kit.account(published=True), shaking(Handshake.EXPIRED))
    (ruling,) = judge_setup(heard.broken, ["bob@x.test"])

    assert (ruling.row, ruling.verdict) == ("tls-policy", Verdict.RELEASED)


class GivesUp(Opening):
    """A seeded defect: falls back to clear text though TLS is required."""

    async def open(self) -> Any:
        found = await super().open()
        if not isinstance(found, Session):
            self._mode = TlsMode.NONE
            found = await self._once()
        return found


class KeepsOffers(Opening):
    """A seeded defect: goes on with what was offered before TLS."""

    async def _set_up(self, client: Any) -> Any:
        before: Any = await self._greet(client, self._hello)
        await self._start_tls(client, before)
        await self._greet(client, self._hello)
        return before


class ChecksNothing(Opening):
    """A seeded defect: takes any certificate."""

    def __init__(self, account: Any, **rest: Any) -> None:
        super().__init__(replace(account, security=replace(account.security, verify=False)), **rest)
        assert self._account.security.proof is Proof.NOTHING


def opening(kind: type[Opening]) -> Any:
    """Return an opener with a defect."""

    async def opened(account: Any, **how: Any) -> Any:
        return await kind(account, **how, nonce=fresh).open()

    return opened


def test_a_sender_that_gives_up_is_caught(memory: Any, kit: Any) -> None:
    """By the oracle of I35."""
    heard = memory.call(kit.account(), OBSTACLES["454"][0], opener=opening(GivesUp))

    with pytest.raises(AssertionError):
        assert_silent(heard, kit.SECRET)


def test_a_sender_that_keeps_old_offers_is_caught(memory: Any, kit: Any) -> None:
    """By what the session thinks that it may use (I27)."""
    script = 'at = "ehlo"\ntls = false\ncaps = "X-CLEAR"'
    heard = memory.call(kit.account(), script, opener=opening(KeepsOffers))

    assert "X-CLEAR" in heard.session.capabilities.names


def test_a_sender_that_checks_nothing_is_caught(memory: Any, kit: Any) -> None:
    """It opens a session where none must be."""
    heard = memory.call(kit.account(), shaking(Handshake.WRONG_HOST), opener=opening(ChecksNothing))

    assert isinstance(heard.found[0], Session)
