"""Hypothesis strategies for what a server may say and whom a campaign may be for.

Plural nouns; everything shrinks towards a server that accepts and a list of one. The only module of
maildrill that imports hypothesis.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.scenario import LINE, Scenario, listed, usual_campaign
from maildrill.scenarios.world import Network
from maildrill.sender.campaign import (
    DEFAULT_CHUNK,
    LEAST_CHUNK,
    Campaign,
    Limits,
    Mode,
    RetryPolicy,
    UnknownPolicy,
)
from maildrill.sender.dsn import DsnRequest
from maildrill.smtp import Stage

DOMAINS = ("one.example", "two.example", "three.example")

#: What real servers answer at each stage, success first (delivery-semantics, RFC 5321 section 4.3.2).
REPLIES: dict[Stage, tuple[str, ...]] = {
    Stage.BANNER: ("220 mx ESMTP", "421 4.3.2 try later", "450 busy", "554 5.3.2 no service here"),
    Stage.EHLO: ("421 4.3.2 try later", "451 4.3.0 not now", "502 5.5.1 not implemented", "550 5.7.1 go away"),
    Stage.MAIL: (
        "250 2.1.0 ok",
        "421 4.7.0 rate limit",
        "450 4.3.2 busy",
        "451 4.3.0 error in processing",
        "452 4.3.1 system storage full",
        "501 5.5.4 syntax error",
        "550 5.7.1 sender refused",
        "552 5.3.4 too big",
    ),
    Stage.RCPT: (
        "250 2.1.5 ok",
        "251 2.1.5 will forward",
        "252 2.1.5 will try",
        "450 4.2.1 busy",
        "451 4.7.1 greylisted\nplease come back",
        "452 4.2.2 mailbox full",
        "452 4.5.3 too many recipients",
        "452 try later",
        "421 4.3.2 closing",
        "550 5.1.1 no such user",
        "551 5.1.6 moved",
        "552 5.2.2 over quota",
        "552 too many recipients",
        "553 5.1.3 bad name",
        "556 5.1.10 no mail here",
    ),
    Stage.DATA: (
        "354 go ahead",
        "421 4.3.2 closing",
        "451 4.3.0 error in processing",
        "503 5.5.1 no valid recipients",
        "554 5.5.1 no valid recipients",
        "550 5.7.1 refused",
    ),
    Stage.BDAT: (
        "250 2.0.0 go on",
        "421 4.3.2 closing",
        "451 4.3.0 error in processing",
        "452 4.3.1 system storage full",
        "503 5.5.1 no valid recipients",
        "554 5.5.1 no valid recipients",
        "552 5.3.4 too big",
    ),
    Stage.BODY: ("421 4.3.2 closing", "451 4.3.0 error in processing", "552 5.3.4 too big"),
    Stage.DOT: (
        "250 2.0.0 queued",
        "251 2.0.0 forwarded",
        "421 4.3.2 closing",
        "450 4.2.1 busy",
        "451 4.3.0 error in processing",
        "452 4.3.1 system storage full",
        "550 5.7.1 refused",
        "552 5.3.4 too big",
        "554 5.6.0 bad content",
    ),
    Stage.RSET: ("250 2.0.0 ok", "421 4.3.2 closing", "500 5.5.1 what"),
    Stage.QUIT: ("221 2.0.0 bye", "421 4.3.2 closing", "500 5.5.1 what"),
}

_SILENT_CUTS = ("before", "rst")
_CUTS = (*_SILENT_CUTS, "after", "mid")
_STAGES = (
    Stage.RCPT,
    Stage.DOT,
    Stage.MAIL,
    Stage.DATA,
    Stage.BDAT,
    Stage.BODY,
    Stage.BANNER,
    Stage.CONNECT,
    Stage.EHLO,
    Stage.RSET,
    Stage.QUIT,
)
_KNOWS_RECIPIENTS = frozenset({Stage.RCPT, Stage.DATA, Stage.BDAT, Stage.BODY, Stage.DOT})
#: Within every deadline, and beyond each of them (RFC 5321 section 4.5.3.2).
_WAITS = ("1s", "4m", "6m", "11m")


def replies(stage: Stage) -> st.SearchStrategy[str]:
    """Texts of replies that real servers give at `stage`."""
    return st.sampled_from(REPLIES[stage])


@st.composite
def rules(draw: st.DrawFn) -> dict[str, object]:
    """Rules as the keys and values of one `[[rule]]` table, legal in every combination that is drawn."""
    stage = draw(st.sampled_from(_STAGES))
    rule: dict[str, object] = {"at": stage.value}
    if stage in _KNOWS_RECIPIENTS and draw(st.booleans()):
        rule["domain"] = draw(st.sampled_from(DOMAINS))
    rule |= draw(_conditions(stage))
    rule |= draw(_answers(stage))
    return rule


@st.composite
def scripts(draw: st.DrawFn, *, most: int = 4) -> Script:
    """Scripts of up to `most` rules, read from TOML like any other."""
    drawn = draw(st.lists(rules(), max_size=most))
    return read_script("\n".join(["version = 1", *map(_table, drawn)]), "generated.toml")


def lists(*, most: int = 6) -> st.SearchStrategy[str]:
    """Lists, as CSV, of 1 to `most` distinct recipients in a few domains."""
    addresses = st.builds("{}@{}".format, st.sampled_from("abcdefgh"), st.sampled_from(DOMAINS))
    return st.lists(addresses, min_size=1, max_size=most, unique=True).map(listed)


def campaigns() -> st.SearchStrategy[Campaign]:
    """Campaigns in both modes, under both policies for Unknown, with all limits down to one; they end within a day."""
    limits = st.builds(
        Limits,
        connections=st.integers(1, 3),
        messages_per_connection=st.integers(1, 4),
        recipients_per_transaction=st.integers(1, 4),
    )
    retry = st.builds(
        RetryPolicy,
        schedule=st.just((600.0, 1800.0, 7200.0)),
        cap=st.just(7200.0),
        jitter=st.sampled_from((0.0, 0.2)),
        lifetime=st.sampled_from((12 * 3600.0, 3600.0)),
        unknown=st.sampled_from(UnknownPolicy),
    )
    return st.builds(
        _campaign,
        text=st.sampled_from((usual_campaign().text, ".\n..\n.\r\n", (usual_campaign().text or "") + LINE * 1000)),
        retry=retry,
        limits=limits,
        mode=st.sampled_from(Mode),
        seed=st.integers(0, 3),
        dsn=st.sampled_from((None, DsnRequest())),
        chunk=st.sampled_from((0, LEAST_CHUNK, DEFAULT_CHUNK)),
    )


def networks() -> st.SearchStrategy[Network]:
    """Networks with and without jitter, whole segments and small ones."""
    return st.builds(
        Network,
        latency=st.sampled_from((0.01, 0.5)),
        jitter=st.sampled_from((0.0, 0.002)),
        segment=st.sampled_from((0, 7, 1000)),
    )


def scenarios() -> st.SearchStrategy[Scenario]:
    """Scenarios of all that can be drawn here: any list, through any network, against any script."""
    return st.builds(
        Scenario,
        purpose=st.just("generated"),
        campaign=campaigns(),
        listed=lists(),
        script=scripts(),
        network=networks(),
        seed=st.sampled_from((None, 0, 1, 2)),
    )


def _conditions(stage: Stage) -> st.SearchStrategy[dict[str, object]]:
    """When a rule fires; mostly not for ever, so that most drills can end well."""
    keyed = {"key": "rcpt" if stage is Stage.RCPT else "client"}
    return st.sampled_from(
        [
            *({**keyed, "attempt": span} for span in ("1", "1-2", "2", "3-")),
            *({"times": times} for times in (1, 2, 3)),
            *({**keyed, "age": age} for age in ("<5m", "<2h", ">=1h")),
            *({"during": span} for span in ("0s..20m", "1h..3h", "30m..9h")),
            *({"chance": chance} for chance in (0.5, 0.1, 0.9)),
            *({**keyed, "over": rate} for rate in ("1/1h", "3/10m")),
            {},
        ]
    )


def _campaign(**said: Any) -> Campaign:
    return replace(usual_campaign(), **said)


@st.composite
def _answers(draw: st.DrawFn, stage: Stage) -> dict[str, object]:
    """What the server does: reply, wait, cut, and at the dot whether it takes the message."""
    if stage is Stage.CONNECT:
        return {"cut": draw(st.sampled_from(("refuse", "before", "rst")))}
    answer: dict[str, object] = {}
    if draw(st.booleans()):
        answer["reply"] = draw(replies(stage))
    if draw(st.integers(0, 3)) == 3:
        answer["wait"] = draw(st.sampled_from(_WAITS))
    if not answer or draw(st.integers(0, 2)) == 2:
        said = "reply" in answer or stage is not Stage.BODY  # there is no reply of the body's own to cut
        answer["cut"] = draw(st.sampled_from(_CUTS if said else _SILENT_CUTS))
    if stage is Stage.DOT and draw(st.booleans()):
        answer["commit"] = draw(st.booleans())
    return answer


def _table(rule: dict[str, object]) -> str:
    return "\n".join(["[[rule]]", *(f"{key} = {_value(value)}" for key, value in rule.items())])


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\n", "\\n") + '"'
    return str(value)
