"""What a server may do: rules as tables, and scripts of them. Both shrink to a server that accepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hypothesis import strategies as st

from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.language.toml_text import lines, value_text
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.strategies.saying import replies
from maildrill.smtp import Stage

DOMAINS = ("one.example", "two.example", "three.example")

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

#: A `[[rule]]` as keys and values.
Rule = dict[str, object]


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


def scripts(*, most: int = 4) -> st.SearchStrategy[Script]:
    """Scripts of up to `most` rules, read from TOML like any other."""
    return st.lists(rules(), max_size=most).map(script_of_rules)


def script_of_rules(drawn: Iterable[Mapping[str, object]]) -> Script:
    """Return the script of these rules: `r1`, `r2`, … where they have no names."""
    named = [{"name": f"r{number}", **rule} for number, rule in enumerate(drawn, 1)]
    tables = ["[[rule]]\n" + lines((key, value_text(value)) for key, value in rule.items()) for rule in named]
    return read_script("\n".join(["version = 1\n", *tables]), "generated.toml")


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
