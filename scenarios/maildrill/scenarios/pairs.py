"""Make the second drill of a pair: one thing is changed that must not matter (I28 to I31, I44, I45, I47, I48).

Rule: codes with a meaning of their own (421, 452, 552, 554, 3yz, and those about logging in) are left as they are;
so are texts that say "too many", which RFC 5321 section 4.5.3.1.10 gives a meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from maildrill.fakeserver.text.script_file import read_script, script_to_toml
from maildrill.scenarios.drill import Plan, rehearse
from maildrill.scenarios.oracles import Pair, Violation, judge_pair
from maildrill.sender.campaign import Limits
from maildrill.sender.lists import RecipientList, read_list

_REPLY = re.compile(r'(?m)^(reply = ")(\d{3})(?=[ "-])([^"]*")')
#: Codes that mean no more than their first digit.
_LIKE = {"450": "451", "451": "450", "550": "553", "553": "550"}
_TEXT = re.compile(r"^( \d\.\d{1,3}\.\d{1,3})?[^\"]*")
_MEANING = re.compile(r"too|many|recipient|\\", re.IGNORECASE)
#: Octets that arrive at once.
_CRUMBS = 3


def other_codes(plan: Plan) -> Plan:
    """Return the plan with other codes of the same first digit."""
    return _rewritten(plan, lambda code, text: _LIKE.get(code, code) + text)


def other_texts(plan: Plan) -> Plan:
    """Return the plan with other texts behind the same codes."""
    return _rewritten(plan, lambda code, text: code + (text if _MEANING.search(text) else _said_otherwise(text)))


def other_packets(plan: Plan) -> Plan:
    """Return the plan with octets that arrive by threes."""
    return replace(plan, network=replace(plan.network, segment=_CRUMBS))


def without_pipelining(plan: Plan) -> Plan:
    """Return the plan with a server that takes one command at a time."""
    server = replace(plan.script.server, caps=(*plan.script.server.caps, "-PIPELINING"))
    return replace(plan, script=replace(plan.script, server=server))


def without_the_last(plan: Plan) -> Plan:
    """Return the plan without the last recipient."""
    found = read_list(plan.campaign) if plan.recipients is None else plan.recipients
    return replace(plan, recipients=RecipientList(found.recipients[:-1], found.set_aside, found.columns))


def with_all_alive(plan: Plan) -> Plan:
    """Return the plan with hosts of its own that do as they are told: who was dead is not."""
    well = read_script("version = 1\n", "well.toml")
    return replace(plan, hosts=dict.fromkeys(plan.hosts, well))


def one_by_one(plan: Plan) -> Plan:
    """Return the plan with one session at a time, one message in each, one recipient for each."""
    limits = Limits(connections=1, messages_per_connection=1, recipients_per_transaction=1, pause_after=0)
    return replace(plan, campaign=replace(plan.campaign, limits=limits))


def the_same(plan: Plan) -> Plan:
    """Return the plan as it is."""
    return plan


#: The numbers of invariants, and what each changes.
CHANGES: dict[int, Callable[[Plan], Plan]] = {
    28: other_codes,
    29: other_texts,
    30: other_packets,
    31: without_pipelining,
    44: without_the_last,
    45: with_all_alive,
    47: one_by_one,
    48: the_same,
}


def compare(plan: Plan, number: int) -> tuple[Violation, ...]:
    """Run both drills of a pair, and return what the invariant of this number finds in them.

    I28 to I31, I44 and I47 hold where a server decides by recipient alone, or by nothing: one that counts commands,
    time or connections may well treat the two drills otherwise. Neither is paused when the content is refused: who is
    left then depends on who came first. Raises KeyError for a number that is not in CHANGES.
    """
    plan = _without_pauses(plan)
    pair = Pair(left=rehearse(plan).evidence, right=rehearse(CHANGES[number](plan)).evidence)
    return judge_pair(pair, {number})


def _without_pauses(plan: Plan) -> Plan:
    limits = replace(plan.campaign.limits, pause_after=0)
    return replace(plan, campaign=replace(plan.campaign, limits=limits))


def _rewritten(plan: Plan, change: Callable[[str, str], str]) -> Plan:
    text = _REPLY.sub(lambda found: found[1] + change(found[2], found[3]), script_to_toml(plan.script))
    return replace(plan, script=read_script(text, plan.script.name))


def _said_otherwise(text: str) -> str:
    return _TEXT.sub(lambda found: f"{found[1] or ''} so be it", text, count=1)
