"""Lies about one destination of two (I16, I17, I20 to I23): taken together all would be as it should be.

What a lie breaks is its name.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

from maildrill.scenarios.mutants.changes import logged, tried
from maildrill.scenarios.mutants.lies import Lie
from maildrill.scenarios.mutants.told import GO, OK, hello
from maildrill.scenarios.oracles import Asked, Connected, Evidence
from maildrill.sender.campaign import Account, DestinationLimits, Member, Mode, Route
from maildrill.smtp import Reply, Stage
from maildrill.smtp.quantity import Rate

_MANY = Reply.of("452 4.5.3 too many recipients")


def of_two(evidence: Evidence, **limits: object) -> Evidence:
    """Return the same drill with a second account, to which eve's message went; limits: of the first one."""
    first = Member(account=evidence.campaign.account, limits=DestinationLimits(**limits))  # type: ignore[arg-type]
    route = Route(members=(first, Member(account=Account(host="other.test"))))
    second = tried(evidence, "eve@x.test", account="other.test:25", host="other.test")
    connected = (replace(one, host="other.test") if one.session == 3 else one for one in evidence.connected)
    return replace(second, campaign=replace(evidence.campaign, route=route), connected=tuple(connected))


def _connects(evidence: Evidence, times: int, at: float, every: float, last: float = 0.0) -> Evidence:
    more = (
        Connected(session=100 + n, opened=at + n * every, closed=at + n * every + last, host="mx.test")
        for n in range(times)
    )
    return replace(evidence, connected=tuple(sorted((*evidence.connected, *more), key=lambda one: one.opened)))


def storms_at_one_of_two(evidence: Evidence) -> Evidence:
    return _connects(of_two(evidence), 40, 2000.0, 0.1)


def storms_at_one_of_two_while_the_other_serves(evidence: Evidence) -> Evidence:
    return _connects(of_two(evidence), 40, 1398.0, 0.1)


def storms_at_a_host_of_no_destination_while_another_serves(evidence: Evidence) -> Evidence:
    return _elsewhere(_connects(evidence, 40, 1398.0, 0.1), "elsewhere.test")


def storms_a_little_at_each_of_four_hosts_while_another_serves(evidence: Evidence) -> Evidence:
    return _elsewhere(_connects(evidence, 60, 1299.0, 0.1), "mx1.test", "mx2.test", "mx3.test", "mx4.test")


def _elsewhere(evidence: Evidence, *hosts: str) -> Evidence:
    """The connections that `_connects` added were to these hosts, in turn."""
    turn = cycle(hosts)
    moved = (replace(one, host=next(turn)) if one.session >= 100 else one for one in evidence.connected)
    return replace(evidence, connected=tuple(moved))


def connects_in_the_cool_down_of_one_of_two(evidence: Evidence) -> Evidence:
    down = logged(of_two(evidence), 1990.0, "breaker.opened", relay="mx.test:25", until=2100.0)
    return _connects(logged(down, 1991.0, "breaker.opened", relay="other.test:25", until=2100.0), 1, 2020.0, 1.0)


def opens_two_connections_to_one_of_two(evidence: Evidence) -> Evidence:
    return _connects(of_two(evidence, connections=1), 2, 2000.0, 0.1, 9.0)


def hurries_at_one_of_two(evidence: Evidence) -> Evidence:
    return of_two(evidence, rate=Rate(1, 60.0))


def overloads_a_session_with_one_of_two(evidence: Evidence) -> Evidence:
    return of_two(evidence, messages_per_connection=3)


def forgets_how_many_messages_a_session_may_have(evidence: Evidence) -> Evidence:
    return logged(of_two(evidence), 990.0, "limit.learned", relay="mx.test:25", limit="messages", value=3)


def _crowded(evidence: Evidence, transactions: int) -> Evidence:
    """A server takes one recipient at a time, and says nothing else; everybody goes to it in one session."""
    asked = [hello(1, 999.0)]
    for number in range(1, transactions + 1):
        many = number == 1
        mail = Asked(at=1000.0 + number, session=1, transaction=number, stage=Stage.MAIL, reply=OK)
        rcpt = replace(mail, stage=Stage.RCPT, recipient="ann@x.test" if many else "bob@x.test")
        again = [replace(rcpt, recipient="bob@x.test", reply=_MANY)] if many else []
        asked += [mail, rcpt, *again, replace(mail, stage=Stage.DATA, reply=GO), replace(mail, stage=Stage.DOT)]
    campaign = replace(evidence.campaign, mode=Mode.BATCH)
    return replace(evidence, campaign=campaign, asked=tuple(asked), taken=())


def asks_for_one_after_the_other_again_and_again(evidence: Evidence) -> Evidence:
    calm = replace(evidence, events=tuple(one for one in evidence.events if one.kind != "run.waited"))
    return _crowded(calm, 9)


def lets_those_who_were_too_many_wait(evidence: Evidence) -> Evidence:
    return _crowded(evidence, 2)


PLACES: tuple[tuple[int, Lie], ...] = (
    (16, storms_at_one_of_two),
    (16, storms_at_one_of_two_while_the_other_serves),
    (16, storms_at_a_host_of_no_destination_while_another_serves),
    (16, storms_a_little_at_each_of_four_hosts_while_another_serves),
    (17, connects_in_the_cool_down_of_one_of_two),
    (20, opens_two_connections_to_one_of_two),
    (21, hurries_at_one_of_two),
    (22, overloads_a_session_with_one_of_two),
    (22, forgets_how_many_messages_a_session_may_have),
    (23, asks_for_one_after_the_other_again_and_again),
    (23, lets_those_who_were_too_many_wait),
)
