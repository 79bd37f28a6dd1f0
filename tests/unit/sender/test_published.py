from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from maildrill.sender.attempt import Broken, Fault
from maildrill.sender.route.answers import AddressAnswer, Found, MxAnswer, TextAnswer
from maildrill.sender.security import WHERE_OFFERED, Proof, Security, Tlsa, TlsMode
from maildrill.sender.setup.dane import by_dane
from maildrill.sender.setup.mta_sts import LONGEST, Kept, Policy, StsMode, holds, parse_policy, policy_id
from maildrill.sender.setup.published import AT_ONCE, Published

POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n"
EE = "3 1 1 " + "ab" * 32
TA = "2 0 1 " + "cd" * 32


def test_a_policy_is_read() -> None:
    """As in RFC 8461 section 3.2."""
    assert parse_policy(POLICY) == Policy(StsMode.ENFORCE, ("mail.example.com", "*.example.net"), 604800)
    assert parse_policy("version: STSv1\nmode: none\nmax_age: 9999999999\nmode: enforce\n\n").max_age == LONGEST


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mode: enforce\nmx: a.example\nmax_age: 1",
        POLICY.replace("STSv1", "STSv2"),
        POLICY.replace("enforce", "always"),
        POLICY.replace("604800", "-1"),
        POLICY.replace("604800", "1e9"),
        POLICY.replace("*.example.net", "*"),
        "version: STSv1\nmode: testing\nmax_age: 1",
        "<html>\n" + POLICY,
    ],
)
def test_what_is_malformed_is_no_policy(text: str) -> None:
    """A web server's error page, say."""
    with pytest.raises(ValueError, match="policy"):
        parse_policy(text)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("mail.example.com", True),
        ("MAIL.EXAMPLE.COM.", True),
        ("mx1.example.net", True),
        ("a.mx1.example.net", False),
        ("example.net", False),
        ("mail.example.org", False),
    ],
)
def test_a_star_stands_for_one_label(host: str, allowed: bool) -> None:
    """RFC 8461 section 4.1."""
    assert parse_policy(POLICY).allows(host) is allowed


@pytest.mark.parametrize(
    ("records", "told"),
    [
        (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        (["v=spf1 -all", "v=STSv1;id=a; x=y"], "a"),
        (["v=STSv1; id=a", "v=STSv1; id=b"], ""),
        (["v=STSv1"], ""),
        (["v=STSv1; x=y"], ""),
        (["v=STSv1; id=has space"], ""),
        ([], ""),
    ],
)
def test_the_record_tells_an_id(records: list[str], told: str) -> None:
    """Of one record of MTA-STS; others do not count (RFC 8461 section 3.1)."""
    assert policy_id(records) == told


def test_a_kept_policy_holds_for_its_time() -> None:
    """Until another id is told, or its max_age is over; though nothing is told."""
    kept = Kept(parse_policy(POLICY), "a", 100.0)

    assert [holds(kept, told, now) for told, now in (("a", 99), ("", 99), ("b", 99), ("a", 100))] == [
        True,
        True,
        False,
        False,
    ]
    assert not holds(None, "a", 0)


def test_records_that_dnssec_vouches_for_are_obeyed() -> None:
    """The usable ones of them."""
    answer = TextAnswer(found=Found.ANSWER, records=(EE, TA, "1 1 1 " + "ef" * 32, "nonsense"), secure=True)
    found = by_dane(WHERE_OFFERED, answer, "mx.example.")

    assert isinstance(found, Security)
    assert (found.mode, found.proof, found.name, found.published) == (TlsMode.REQUIRED, Proof.DANE, "mx.example", True)
    assert found.tlsa == (Tlsa.of(EE), Tlsa.of(TA))


def test_records_of_which_none_is_usable_ask_for_tls_alone() -> None:
    """With whomever it is (RFC 7672 section 2.2)."""
    found = by_dane(WHERE_OFFERED, TextAnswer(found=Found.ANSWER, records=("1 1 1 " + "ef" * 32,), secure=True), "mx")

    assert isinstance(found, Security)
    assert (found.mode, found.proof) == (TlsMode.REQUIRED, Proof.NOTHING)


@pytest.mark.parametrize(
    "answer",
    [
        TextAnswer(found=Found.ANSWER, records=(EE,), secure=False),
        TextAnswer(found=Found.NOTHING, secure=True),
        TextAnswer(found=Found.NXDOMAIN, secure=True),
    ],
)
def test_without_secure_records_nothing_changes(answer: TextAnswer) -> None:
    """Anybody on the way could have made them up."""
    assert by_dane(WHERE_OFFERED, answer, "mx") is None


@pytest.mark.parametrize("found", [Found.TROUBLE, Found.TIMEOUT])
def test_records_that_cannot_be_had_are_a_delay(found: Found) -> None:
    """Else who can cut us off from the DNS could switch DANE off (RFC 7672 section 2.1)."""
    broken = by_dane(WHERE_OFFERED, TextAnswer(found=found), "mx")

    assert isinstance(broken, Broken)
    assert broken.fault is Fault.POLICY


@dataclass
class Dns:
    """Answers from memory."""

    records: tuple[str, ...] = ("v=STSv1; id=a",)
    tlsa_answer: TextAnswer = TextAnswer(found=Found.NOTHING)  # noqa: RUF009 - a value
    asked: list[str] = field(default_factory=list)

    async def mx(self, domain: str) -> MxAnswer:
        raise AssertionError

    async def addresses(self, host: str) -> AddressAnswer:
        raise AssertionError

    async def tlsa(self, host: str, port: int) -> TextAnswer:
        self.asked.append(f"_{port}._tcp.{host}")
        return self.tlsa_answer

    async def txt(self, name: str) -> TextAnswer:
        self.asked.append(name)
        return TextAnswer(found=Found.ANSWER, records=self.records)


@dataclass
class Web:
    """Hands policies out; "" cannot be had."""

    text: str = POLICY
    fetched: int = 0

    async def fetch(self, domain: str) -> str:
        self.fetched += 1
        await asyncio.sleep(0)  # others have their turn
        if not self.text:
            raise ConnectionRefusedError
        return self.text


def ask(published: Published, host: str = "mail.example.com", **how: Any) -> Security | Broken:
    how = {"domains": ["example.com"], "secure": False, "now": 0.0, **how}
    return asyncio.run(published.security(WHERE_OFFERED, host, 25, **how))


def test_a_policy_is_enforced_and_kept() -> None:
    """TLS by name with a host of the policy, none with another; fetched once for its time."""
    web = Web()
    published = Published(Dns(), web)
    good, bad = ask(published), ask(published, "evil.example.org")

    assert isinstance(good, Security)
    assert (good.mode, good.proof, good.name, good.published) == (
        TlsMode.REQUIRED,
        Proof.NAME,
        "mail.example.com",
        True,
    )
    assert isinstance(bad, Broken)
    assert bad.fault is Fault.POLICY
    assert web.fetched == 1


def test_a_kept_policy_outlives_the_web_and_the_record() -> None:
    """Until its max_age is over (RFC 8461 section 3.3)."""
    dns, web = Dns(), Web()
    published = Published(dns, web)
    ask(published)
    web.text, dns.records = "", ("v=STSv1; id=b",)
    still = ask(published, now=604_799.0)
    dns.records = ()
    without_record = ask(published, now=604_799.0)
    over = ask(published, now=604_801.0)

    assert isinstance(still, Security)
    assert isinstance(without_record, Security)
    assert still.published
    assert without_record.published
    assert over == WHERE_OFFERED


@pytest.mark.parametrize(
    "text", ["", "nonsense", POLICY.replace("enforce", "testing"), POLICY.replace("enforce", "none")]
)
def test_without_an_enforced_policy_nothing_changes(text: str) -> None:
    """None to be had, none that can be read, or one that only tests."""
    assert ask(Published(Dns(), Web(text))) == WHERE_OFFERED
    assert ask(Published(Dns(), None)) == WHERE_OFFERED


def test_a_policy_that_could_not_be_had_is_not_asked_for_again_at_once() -> None:
    """For five minutes, unless the DNS tells of another (RFC 8461 section 3.3)."""
    dns, web = Dns(), Web("")
    published = Published(dns, web)
    fetched = []
    for now, told in ((0.0, "a"), (299.0, "a"), (300.0, "a"), (600.1, "b"), (900.2, "b")):
        dns.records = (f"v=STSv1; id={told}",)
        ask(published, now=now)
        fetched.append(web.fetched)

    assert fetched == [1, 1, 2, 3, 4]


def test_sessions_that_begin_together_fetch_a_policy_once() -> None:
    """The others wait for it."""
    web = Web()
    published = Published(Dns(), web)

    async def many() -> list[Security | Broken]:
        how: dict[str, Any] = {"domains": ["example.com"], "secure": False, "now": 0.0}
        return await asyncio.gather(
            *(published.security(WHERE_OFFERED, "mail.example.com", 25, **how) for _ in range(9))
        )

    assert {found.published for found in asyncio.run(many()) if isinstance(found, Security)} == {True}
    assert web.fetched == 1


def test_many_domains_of_a_host_are_asked_about_at_once() -> None:
    """Twenty at a time; what any of them enforces holds."""
    web, under_way, most = Web(), 0, 0

    class Slow(Dns):
        """Takes its time."""

        async def txt(self, name: str) -> TextAnswer:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1
            return TextAnswer(found=Found.ANSWER, records=("v=STSv1; id=a",) if "n42." in name else ())

    found = ask(Published(Slow(), web), domains=[f"n{number}.test" for number in range(100)])

    assert isinstance(found, Security)
    assert found.published
    assert (most, web.fetched) == (AT_ONCE, 1)


def test_the_dns_is_asked_again_when_its_answer_is_too_old() -> None:
    """Not for each session."""
    dns = Dns()
    published = Published(dns, Web())
    for now in (0.0, 299.0, 300.0):
        ask(published, now=now)

    assert dns.asked == ["_mta-sts.example.com"] * 2


def test_dane_comes_first() -> None:
    """And the policy is not asked for then (RFC 8461 section 2)."""
    dns = Dns(tlsa_answer=TextAnswer(found=Found.ANSWER, records=(EE,), secure=True))
    found = ask(Published(dns, Web()), secure=True)

    assert isinstance(found, Security)
    assert found.proof is Proof.DANE
    assert dns.asked == ["_25._tcp.mail.example.com"]
