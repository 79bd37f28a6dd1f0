"""What a rule says when it fires: its reply, wait and capabilities, with everything put in that has a name.

What a client said may turn out to be no code, no duration, no capability: then the rule does not fire. Pure.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from maildrill.fakeserver.engine.answer import Shot
from maildrill.fakeserver.engine.counters import queue_id
from maildrill.fakeserver.engine.keys import ehlo_of
from maildrill.fakeserver.engine.selectors import View, groups
from maildrill.fakeserver.language.answer_checks import CAPABILITY, unlawful
from maildrill.fakeserver.language.script import Rule
from maildrill.fakeserver.language.script_words import Then
from maildrill.fakeserver.language.template import FIELDS, ReplyTemplate, Template
from maildrill.smtp import Reply, Stage, domain_of, timestamp

_COUNTED = frozenset({"n", "id"})


class UnsaidError(Exception):
    """What a rule would say at this event cannot be said. word: of the rule; text: what it would have been."""

    def __init__(self, word: str, text: str) -> None:
        super().__init__(text)
        self.word = word
        self.text = text


class Shooter:
    """One rule's answers."""

    def __init__(self, rule: Rule, seed: int, hostname: str) -> None:
        self._rule = rule
        self._seed = seed
        self._hostname = hostname
        self._caps = tuple(Template(change) for change in rule.caps)
        fields = {
            *(name for reply in rule.replies for name in reply.fields),
            *(name for change in self._caps for name in change.fields),
            *(rule.wait.fields if rule.wait is not None else ()),
        }
        self._fields = fields
        self._groups = bool(fields - FIELDS.keys())
        #: Whether an answer depends on what came before, be it answered by others.
        self.counts = bool(fields & _COUNTED)
        #: The one answer of a rule that has no other.
        self.only = None if fields or len(rule.replies) > 1 else self._shot({}, 0, None)

    def shot(self, view: View, rcpt: str, value: Hashable, number: int, fired: int) -> Shot:
        """Return what the rule says; raises UnsaidError.

        rcpt: whom it is about. value: what it counts by. number: the attempt. fired: how often before for this value.
        """
        if self.only is not None:
            return self.only
        values = self._values(view, rcpt, value, number) if self._fields else {}
        return self._shot(values, fired, view.event.stage)

    def _shot(self, values: Mapping[str, str], fired: int, stage: Stage | None) -> Shot:
        rule = self._rule
        reply = _reply(rule, values, fired)
        if reply is not None and stage is not None and rule.lint is not False:
            what, _ = unlawful(reply.code, stage)
            if what:
                raise UnsaidError(_reply_word(rule), what)
        try:
            wait = None if rule.wait is None else rule.wait.seconds(values)
        except ValueError:
            raise UnsaidError("wait", "that would be no duration") from None
        return Shot(rule, reply, wait, tuple(_capability(change, values) for change in self._caps))

    def _values(self, view: View, rcpt: str, value: Hashable, number: int) -> Mapping[str, str]:
        event = view.event
        found = groups(self._rule, view, rcpt) if self._groups else {}
        found |= {
            "rcpt": rcpt,
            "from": event.reverse_path or "",
            "domain": domain_of(rcpt),
            "ehlo": ehlo_of(event),
            "client": event.client,
            "user": event.user,
            "hostname": self._hostname,
            "n": str(number),
        }
        if "id" in self._fields:
            found["id"] = queue_id(self._seed, self._rule.name, event.session, value, number)
        if "now" in self._fields:
            found["now"] = timestamp(event.at)
        return found


def _reply(rule: Rule, values: Mapping[str, str], fired: int) -> Reply | None:
    if not rule.replies:
        return None
    many = len(rule.replies)
    template: ReplyTemplate = rule.replies[fired % many if rule.then is Then.CYCLE else min(fired, many - 1)]
    try:
        return template.render(values)
    except ValueError as error:
        raise UnsaidError(_reply_word(rule), str(error)) from None


def _reply_word(rule: Rule) -> str:
    return "reply" if len(rule.replies) == 1 else "replies"


def _capability(change: Template, values: Mapping[str, str]) -> str:
    text = change.fill(values)
    if not CAPABILITY.fullmatch(text):
        raise UnsaidError("caps", f'"{text[:80]}" would be no capability')
    return text
