"""Servers of kinds that there are: what refuses by recipient, time, number or chance, what goes on for nobody; outages.

Each kind is a name and a strategy of rules, so that a drill can be asked for one of them.
"""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from maildrill.fakeserver.language.script import Script
from maildrill.scenarios.strategies.ruling import DOMAINS, Rule, script_of_rules
from maildrill.scenarios.strategies.saying import replies
from maildrill.smtp import Stage

_SPANS = ("..20m", "10m..1h", "30m..9h")


def outages() -> st.SearchStrategy[Rule]:
    """Rules of a server that serves nobody for a while: no connection, 421 or 451 to everybody, silence, cuts."""
    ways: tuple[Rule, ...] = (
        {"at": "connect", "cut": "refuse"},
        {"at": "banner", "reply": "421 4.3.2 shutting down"},
        {"at": "mail", "reply": "451 4.3.0 try again later"},
        {"at": "ehlo", "cut": "before"},
        {"at": "rcpt", "cut": "rst"},
        {"at": "dot", "reply": "451 4.3.0 queue file write error"},
        {"at": "banner", "wait": "6m"},
    )
    return st.builds(lambda way, span: {**way, "during": span}, st.sampled_from(ways), st.sampled_from(_SPANS))


@st.composite
def _stateless(draw: st.DrawFn) -> list[Rule]:
    """By recipient alone, the same every time."""
    refused = draw(st.lists(st.sampled_from(DOMAINS), unique=True, max_size=len(DOMAINS)))
    stages = st.sampled_from((Stage.RCPT, Stage.DOT))
    found: list[Rule] = []
    for domain in refused:
        stage = draw(stages)
        found.append({"name": domain, "at": stage.value, "domain": domain, "reply": draw(replies(stage))})
    return found


def _greylist() -> st.SearchStrategy[list[Rule]]:
    waits = st.sampled_from((("<5m", "300 seconds"), ("<1h", "an hour")))
    return waits.map(
        lambda wait: [
            {
                "name": "greylist",
                "at": "rcpt",
                "key": ["client", "from", "rcpt"],
                "age": wait[0],
                "reply": f"451 4.7.1 greylisted, come back in {wait[1]}",
            }
        ]
    )


def _quota() -> st.SearchStrategy[list[Rule]]:
    rates, codes = st.sampled_from(("1/1h", "3/10m", "2/1m")), st.sampled_from((451, 452, 421))
    return st.builds(
        lambda rate, code: [{"name": "quota", "at": "mail", "over": rate, "reply": f"{code} 4.7.1 quota exceeded"}],
        rates,
        codes,
    )


def _too_many() -> st.SearchStrategy[list[Rule]]:
    replied = st.sampled_from(("452 4.5.3 too many recipients", "552 too many recipients"))
    return st.builds(
        lambda most, reply: [
            {"name": "too-many", "at": "rcpt", "key": "transaction", "attempt": f"{most + 1}-", "reply": reply}
        ],
        st.integers(1, 3),
        replied,
    )


@st.composite
def _flaky(draw: st.DrawFn) -> list[Rule]:
    stage = draw(st.sampled_from((Stage.RCPT, Stage.MAIL, Stage.DATA, Stage.DOT)))
    answer: Rule = draw(st.sampled_from(({"reply": "451 4.3.0 not now"}, {"cut": "before"}, {"cut": "rst"})))
    return [{"name": "flaky", "at": stage.value, "chance": draw(st.sampled_from((0.1, 0.5, 0.9))), **answer}]


@st.composite
def _careless(draw: st.DrawFn) -> list[Rule]:
    """Goes on for nobody: 354 though each RCPT was refused, as one that pipelines may (RFC 2920 section 3.1)."""
    refused = draw(st.sampled_from(("550 5.1.1 no such user", "450 4.2.1 busy")))
    over = draw(st.sampled_from(("250 2.0.0 queued", "554 5.5.1 no valid recipients")))
    return [
        {"name": "careless", "at": "rcpt", "reply": refused},
        {"name": "goes-on", "at": "data", "reply": "354 go ahead"},
        {"name": "ends", "at": "dot", "reply": over},
    ]


_SERVERS = {
    "stateless": _stateless(),
    "greylist": _greylist(),
    "quota": _quota(),
    "too-many": _too_many(),
    "flaky": _flaky(),
    "careless": _careless(),
    "outage": outages().map(lambda rule: [{"name": "outage", **rule}]),
}
#: The kinds of servers, the plainest first.
SERVERS = tuple(_SERVERS)


@cache
def servers(*kinds: str) -> st.SearchStrategy[Script]:
    """Scripts of servers of these kinds (words of SERVERS; none: any). They shrink to a stateless one that accepts.

    Raises KeyError for a word that is none of them.
    """
    return st.one_of([_SERVERS[kind] for kind in kinds or SERVERS]).map(script_of_rules)
