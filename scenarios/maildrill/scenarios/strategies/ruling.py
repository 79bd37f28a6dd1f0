"""What a server may do: rules as tables, and scripts of them. Both shrink to a server that accepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from hypothesis import strategies as st

from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.language.toml_text import lines, value_text
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.strategies.features import EVERYTHING, STAGES, Features, chosen
from maildrill.scenarios.strategies.saying import closings, refusals_of_each_class, replies
from maildrill.smtp import Stage

DOMAINS = ("one.example", "two.example", "three.example")

#: Ends of a connection in place of a reply, and behind or within one.
_SILENT, _TELLING = ("before", "rst"), ("after", "mid")
_KNOWS_RECIPIENTS = frozenset({Stage.RCPT, Stage.DATA, Stage.BDAT, Stage.BODY, Stage.DOT})
#: Where the server says something though the rule does not.
_SPEAKS = frozenset(STAGES) - {Stage.CONNECT, Stage.BODY}
#: Features any of which is an answer with which the connection stays.
_STAYING = frozenset({"replies", "waits"})
#: Where a sender comes seldom: where it has chunks, or somebody was refused. So often more than others they are drawn,
#: and half of them without a condition.
_SELDOM = {Stage.BDAT: 2, Stage.RSET: 3}
#: Within every deadline, and beyond each of them (RFC 5321 section 4.5.3.2).
_WAITS = ("1s", "4m", "6m", "11m")

#: A `[[rule]]` as keys and values.
Rule = dict[str, object]


def rules(features: Features = EVERYTHING) -> st.SearchStrategy[Rule]:
    """Rules as the keys and values of one `[[rule]]` table, legal in every combination that is drawn.

    features: words of `features.ASPECTS`; without a stage, or without an answer that it can have, there is no rule.
    """
    stages = [stage for stage in STAGES if stage.value in features and _can_answer(stage, features)]
    stages += [stage for stage in stages for _ in range(_SELDOM.get(stage, 0))]
    return _rules(stages, features) if stages else st.nothing()


@st.composite
def _rules(draw: st.DrawFn, stages: Sequence[Stage], features: Features) -> Rule:
    stage = draw(st.sampled_from(stages))
    rule: Rule = {"at": stage.value}
    if stage in _KNOWS_RECIPIENTS and draw(st.booleans()):
        rule["domain"] = draw(st.sampled_from(DOMAINS))
    if stage not in _SELDOM or draw(st.booleans()):
        rule |= draw(_conditions(stage, features))
    rule |= draw(_answers(stage, features))
    return rule


@cache
def scripts(features: Features = EVERYTHING, *, most: int = 4) -> st.SearchStrategy[Script]:
    """Scripts of up to `most` rules with these features, read from TOML like any other."""
    drawn = rules(features)
    return (st.just([]) if drawn.is_empty else st.lists(drawn, max_size=most)).map(script_of_rules)


def script_of_rules(drawn: Iterable[Mapping[str, object]]) -> Script:
    """Return the script of these rules: `r1`, `r2`, … where they have no names."""
    named = [{"name": f"r{number}", **rule} for number, rule in enumerate(drawn, 1)]
    tables = ["[[rule]]\n" + lines((key, value_text(value)) for key, value in rule.items()) for rule in named]
    return read_script("\n".join(["version = 1\n", *tables]), "generated.toml")


@cache
def _conditions(stage: Stage, features: Features) -> st.SearchStrategy[Rule]:
    """When a rule fires; mostly not for ever, so that most drills can end well."""
    keyed = {"key": "rcpt" if stage is Stage.RCPT else "client"}
    spans: Mapping[str, tuple[Rule, ...]] = {
        "attempt": tuple({**keyed, "attempt": span} for span in ("1", "1-2", "2", "3-")),
        "times": tuple({"times": times} for times in (1, 2, 3)),
        "age": tuple({**keyed, "age": age} for age in ("<5m", "<2h", ">=1h")),
        "during": tuple({"during": span} for span in ("0s..20m", "1h..3h", "30m..9h")),
        "chance": tuple({"chance": chance} for chance in (0.5, 0.1, 0.9)),
        "over": tuple({**keyed, "over": rate} for rate in ("1/1h", "3/10m")),
    }
    return st.sampled_from([*(rule for word in chosen("conditions", features) for rule in spans[word]), {}])


def _can_answer(stage: Stage, features: Features) -> bool:
    stays = stage is not Stage.CONNECT and not features.isdisjoint(_STAYING)
    return stays or bool(_ends(stage, features))


@cache
def _ends(stage: Stage, features: Features) -> tuple[str, ...]:
    """Return what a rule at a stage may do besides a reply or a wait that is all: features, the plainest first."""
    ends: tuple[str, ...] = _SILENT
    if stage is not Stage.CONNECT:
        ends += (*_TELLING, "never")
    if stage in _SPEAKS:
        ends += ("garbage",)
    return tuple(end for end in ends if end in features)


@st.composite
def _answers(draw: st.DrawFn, stage: Stage, features: Features) -> Rule:
    """What the server does: reply, wait, and what becomes of the connection; at the dot, whether it takes the message.

    The end is drawn first, and then a reply that goes with it: else hardly any would meet.
    """
    ends = _ends(stage, features)
    if stage is Stage.CONNECT:
        return {"cut": draw(st.sampled_from(("refuse", *ends)))}
    stays = not features.isdisjoint(_STAYING)
    ended = bool(ends) and (not stays or draw(st.booleans()))
    wait = draw(st.sampled_from((None,) * 2 * len(_WAITS) + _WAITS)) if "waits" in features else None
    answer = draw(_ended(stage, draw(st.sampled_from(ends)))) if ended else {}
    if not ended and "replies" in features and (not wait or draw(st.booleans())):
        answer["reply"] = draw(replies(stage))
    if wait or not answer:
        answer["wait"] = wait or _WAITS[0]
    if stage is Stage.DOT and draw(st.booleans()):
        answer["commit"] = draw(st.booleans())
    return answer


@st.composite
def _ended(draw: st.DrawFn, stage: Stage, end: str) -> Rule:
    """An end, with a reply where it needs one, and often where it may have one: no matter of the feature `replies`."""
    match end:
        case "garbage":
            return {"mangle": "no-code"}
        case "never":
            return {"reply": draw(closings(stage)), "cut": end}
    if end in _SILENT:
        return {"cut": end}
    reply = draw(refusals_of_each_class(stage, or_none=stage in _SPEAKS))
    return {"cut": end} if reply is None else {"reply": reply, "cut": end}
