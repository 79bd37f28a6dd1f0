"""Which hosts take the mail of a domain, in which order (RFC 5321 section 5.1)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.attempt import Broken, Fault
from maildrill.sender.route.answers import AddressAnswer, Found, Mx, MxAnswer
from maildrill.sender.route.candidates import MOST_TARGETS, Course, Host, Target, course, hosts_of, targets
from maildrill.smtp import Stage

MX = (Mx(20, "mx2.example"), Mx(10, "mx1.example"), Mx(30, "us.example"), Mx(40, "mx4.example"))


def _answer(*records: Mx, found: Found = Found.ANSWER) -> MxAnswer:
    return MxAnswer(found=found, records=records, ttl=60.0)


def _addresses(*addresses: str, found: Found = Found.ANSWER, ttl: float = 60.0) -> AddressAnswer:
    return AddressAnswer(found=found, addresses=addresses, ttl=ttl)


def _fault(found: object) -> Fault | None:
    assert isinstance(found, Broken)
    assert found.stage is Stage.DNS
    return found.fault


def test_hosts_come_by_preference() -> None:
    """The lowest number first."""
    assert hosts_of("x.example", _answer(*MX)) == (MX[1], MX[0], MX[2], MX[3])


def test_a_domain_without_mx_is_its_own_host() -> None:
    """The implicit MX."""
    assert hosts_of("x.example", _answer(found=Found.NOTHING)) == (Mx(0, "x.example"),)


def test_hosts_behind_ourselves_are_left_out() -> None:
    """Mail would come back to us."""
    assert hosts_of("x.example", _answer(*MX), {"us.example"}) == (MX[1], MX[0])


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (_answer(found=Found.NXDOMAIN), Fault.NXDOMAIN),
        (_answer(found=Found.TROUBLE), Fault.SERVFAIL),
        (_answer(found=Found.TIMEOUT), Fault.TIMEOUT),
        (_answer(Mx(0, "")), Fault.NULL_MX),
        (_answer(Mx(5, "US.example.")), Fault.LOOP),
        (_answer(), Fault.LOOP),
    ],
)
def test_where_no_host_is_left_the_reason_is_told(answer: MxAnswer, fault: Fault) -> None:
    """Final and temporary reasons are told apart."""
    assert _fault(hosts_of("x.example", answer, {"us.example"})) is fault


def test_a_null_mx_beside_others_is_a_mistake() -> None:
    """RFC 7505 section 3: it must stand alone."""
    assert hosts_of("x.example", _answer(Mx(0, ""), Mx(5, "mx.example"))) == (Mx(5, "mx.example"),)


def test_hosts_without_an_address_are_left_out() -> None:
    """As long as another has one; the shortest time to live counts."""
    found = {"a": _addresses(found=Found.NXDOMAIN), "b": _addresses("192.0.2.1", ttl=30.0)}

    assert course("x.example", [Mx(1, "a"), Mx(2, "b")], found, _answer()) == Course(
        (Host("b", 2, ("192.0.2.1",)),), 30.0
    )


@pytest.mark.parametrize(
    ("found", "mx", "fault"),
    [
        ([Found.NXDOMAIN, Found.NOTHING], Found.ANSWER, Fault.UNUSABLE),
        ([Found.NXDOMAIN, Found.TIMEOUT], Found.ANSWER, Fault.TIMEOUT),
        ([Found.TROUBLE, Found.NXDOMAIN], Found.ANSWER, Fault.SERVFAIL),
        ([Found.NOTHING, Found.NOTHING], Found.NOTHING, Fault.NO_HOST),
    ],
)
def test_where_no_host_has_an_address_the_reason_is_told(found: Sequence[Found], mx: Found, fault: Fault) -> None:
    """One that could not be asked may have one: later."""
    answers = {"a": _addresses(found=found[0]), "b": _addresses(found=found[1])}

    assert _fault(course("x.example", [Mx(1, "a"), Mx(2, "b")], answers, _answer(found=mx))) is fault


def test_domains_with_the_same_hosts_are_one_site() -> None:
    """In whatever order they name them."""
    one, two = Host("a", 1, ("192.0.2.1",)), Host("b", 1, ("192.0.2.2",))

    assert Course((one, two), 1.0).site == Course((two, one), 2.0).site == "a,b"


def test_addresses_of_both_families_take_turns() -> None:
    """Where one of them leads nowhere, the other is next."""
    host = Host("a", 1, ("192.0.2.1", "192.0.2.2", "2001:db8::1"))

    assert targets(Course((host,), 1.0), seed=0, number=1) == (
        Target("a", "2001:db8::1"),
        Target("a", "192.0.2.1"),
        Target("a", "192.0.2.2"),
    )


def test_equal_hosts_share_the_sessions() -> None:
    """Three equal hosts: each is the first in about a third of them, and the worse one never."""
    hosts = (*(Host(name, 10, (f"192.0.2.{n}",)) for n, name in enumerate("abc")), Host("z", 20, ("192.0.2.9",)))
    firsts = [targets(Course(hosts, 1.0), seed=7, number=number)[0].host for number in range(300)]

    assert {name: 70 < firsts.count(name) < 130 for name in set(firsts)} == dict.fromkeys("abc", True)


def test_hosts_that_are_down_are_passed_over() -> None:
    """Unless all of them are."""
    road = Course((Host("a", 1, ("192.0.2.1",)), Host("b", 2, ("192.0.2.2",))), 1.0)

    assert [target.host for target in targets(road, seed=0, number=1, down=lambda name: name == "a")] == ["b"]
    assert [target.host for target in targets(road, seed=0, number=1, down=lambda name: True)] == ["a", "b"]


HOSTS = st.lists(
    st.builds(
        Host,
        st.text("abcdef", min_size=1, max_size=3),
        st.integers(0, 3),
        st.lists(st.ip_addresses().map(str), min_size=1, max_size=4, unique=True).map(tuple),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda host: host.name,
)


@given(HOSTS, st.integers(0, 9), st.integers(0, 99))
def test_targets_keep_to_the_preferences(hosts: list[Host], seed: int, number: int) -> None:
    """Never falling, each a real address of its host, two at least where there are two, the same for the same seed."""
    road = Course(tuple(hosts), 1.0)
    found = targets(road, seed=seed, number=number)
    preference = {host.name: host.preference for host in hosts}
    order = [preference[target.host] for target in found]

    assert order == sorted(order)
    assert all(target.address in next(host for host in hosts if host.name == target.host).addresses for target in found)
    assert min(2, sum(len(host.addresses) for host in hosts)) <= len(found) <= MOST_TARGETS
    assert found == targets(Course(tuple(reversed(hosts)), 1.0), seed=seed, number=number)
