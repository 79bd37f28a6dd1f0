"""What a rule that fires makes the server do: the actions, in the order in which they are performed.

Wait, then commit, then capabilities, then the reply (or none, or half), then the end of the connection. Pure.
"""

from __future__ import annotations

from maildrill.fakeserver.event import Action, Advertise, Close, Commit, Decision, Proceed, Say, Wait
from maildrill.fakeserver.script import Rule
from maildrill.fakeserver.script_words import CLOSING, REPLYING, Cut
from maildrill.smtp import Reply, Stage

_SILENT = {Cut.BEFORE: Close(), Cut.RST: Close(reset=True), Cut.REFUSE: Close(reset=True)}
_PLAIN = frozenset({Stage.BANNER, Stage.HELO, Stage.EHLO})  # no enhanced code here, RFC 2034 section 4


def answer(rule: Rule, stage: Stage, reply: Reply | None) -> tuple[Decision, bool]:
    """Return the decision, and whether the event went through (a message: was taken; else: was not refused).

    reply: what the rule says, None where it leaves the word to the server.
    """
    taken = rule.commit if rule.commit is not None else _positive(reply) and rule.cut not in _SILENT
    actions: list[Action] = []
    if rule.wait is not None:
        actions.append(Wait(rule.wait.seconds))
    if stage is Stage.DOT:
        actions.append(Commit(taken))
    if rule.caps:
        actions.append(Advertise(rule.caps))
    actions += _ending(rule.cut, reply)
    broken = rule.cut is Cut.MID or rule.cut in _SILENT
    went_through = taken if stage is Stage.DOT else not broken and (reply is None or reply.klass < 4)
    return Decision(tuple(actions), rule.name), went_through


def _positive(reply: Reply | None) -> bool:
    return reply is None or reply.positive


def _ending(cut: Cut | None, reply: Reply | None) -> tuple[Action, ...]:
    if cut is not None and cut in _SILENT:
        return (_SILENT[cut],)
    half = cut is Cut.MID
    said = Proceed(half) if reply is None else Say(reply, half)
    closing = reply is not None and reply.code == CLOSING and cut is not Cut.NEVER
    return (said, Close()) if half or closing or cut is Cut.AFTER else (said,)


def _unmatched(stage: Stage) -> Decision:
    status = "" if stage in _PLAIN else "5.3.0 "
    say = Say(Reply(554, (f"{status}the script has no rule for this {stage}",)))
    return Decision((Commit(taken=False), say) if stage is Stage.DOT else (say,), unmatched=True)


#: What a strict script answers where it has rules and none matches.
UNMATCHED: dict[Stage, Decision] = {stage: _unmatched(stage) for stage in REPLYING}
