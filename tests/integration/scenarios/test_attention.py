"""No oracle is silent because it looks at nothing: in some drill each of them has something to compare.

Each oracle is made anew with marks in it: at every statement, at every operand of `and` and `or` behind the first, in
every comprehension. What stands beside the report of a breach needs no mark, for nobody commits one. A mark that no
drill passes is a witness who was never heard.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios import bundled, catalogue
from maildrill.scenarios.drill import Plan, rehearse
from maildrill.scenarios.event import Deed, Event
from maildrill.scenarios.oracles import INVARIANTS, Evidence, Invariant
from maildrill.scenarios.scenario import Scenario, listed, usual_campaign
from maildrill.scenarios.scenario_file import plan_of
from maildrill.sender.campaign_file import read_campaign

#: Scripts that are enough, with the bundled campaigns; one for a new oracle may be added.
SCRIPTS = (
    "auth-4yz",
    "auth-impostor",
    "banner-521-mx",
    "data-for-nobody",
    "data-too-many-again",
    "dns-trouble",
    "ehlo-lost",
    "ehlo-unknown",
    "idle-421",
    "local-smtputf8",
    "chunks-refused",
    "content-blocked-from-then-on",
    "dot-5yz",
    "mail-530",
    "overruled",
    "own-pace",
    "mail-552",
    "outage-of-six-hours",
    "rcpt-undecided",
    "auth-without-tls",
    "rough-week",
    "rset-refused",
    "says-when",
    "starttls-missing",
    "too-many-recipients-452",
)
#: What a server says to those to whom something happens, and what that is: there is more than one run.
TROUBLE = """
[[rule]]
at = "rcpt"
rcpt = ["ann@*", "bob@*"]
key = "rcpt"
attempt = "1-3"
reply = "450 4.2.1 busy"
[[rule]]
at = "rcpt"
rcpt = "cas@*"
reply = "552 5.2.2 mailbox full"
[[rule]]
at = "dot"
rcpt = "dan@*"
cut = "before"
"""
COURSES = (
    (Event(at=60, do=Deed.SETTLE, whom="dan@x.test"), Event(at=90, do=Deed.RETRY)),
    (Event(at=60, do=Deed.REMOVE, whom="ann@x.test"), Event(at=90, do=Deed.ADD, whom="ann@x.test")),
    (Event(at=60, do=Deed.REQUEUE), Event(at=7 * 86400, do=Deed.RETRY), Event(at=7 * 86400, do=Deed.REQUEUE)),
    (Event(at=60, do=Deed.CLOCK, by=-3600.0),),
    *((Event(at=0, do=Deed.KILL, number=number),) for number in range(8, 80, 3)),
    *((Event(at=at, do=Deed.STOP),) for at in (0.06, 0.1)),
)
#: The modules of all oracles that are asked after a drill.
#: Marks that are passed on the way to a breach alone: by what might still excuse it.
_NOT_AFTER = "of the log does not come after event {before.number}"
SPARED = {
    ("accounting.no_false_failure", "taken.session not in evidence.severed"): "the reply may have been lost",
    ("accounting.no_false_failure", "not told"): "an operator said so",
    (
        "keeping.one_outcome_each",
        "not was_broken_off(evidence, one.session, one.transaction)",
    ): "both ends went at once",
    ("caution.nothing_after_the_pause", "at"): "somebody resumed it",
    ("caution.refused_in_a_row", "before <= at < one.ended"): "somebody resumed it",
    ("caution.canary_alone", "one"): "the rest is another run's",
    ("caution.canary_alone", "one.at"): "the rest is another run's",
    ("caution.canary_alone", "chosen.at <= one.at < until"): "somebody else was sent to",
    ("dialogue.nothing_after_421", "mark == '->'"): "RFC 5321 allows a QUIT; we say nothing at all",
    ("dialogue.nothing_after_421", "text != 'QUIT'"): "RFC 5321 allows a QUIT; we say nothing at all",
    ("grammar._heads", "head not in seen"): "each header is told once",
    ("overriding._plainly_meant", "return None"): "no override is plainly meant",
    ("merging._other_values", "''"): "a tag without a default has a value",
    ("grammar.side_shows", "inside = evidence.transactions.get((one.session, one.transaction), ())"): "by RSET's words",
    ("grammar.side_shows", "said.stage in _SIDE"): "by RSET's words",
    ("grammar.side_shows", "said.reply != tried.reply or said.stage in _SIDE"): "by RSET's words",
    ("grammar.side_shows", "if all((said.reply != tried.reply or said.stage in _SIDE for said in inside)):"): "RSET",
    ("grammar.side_shows", "attempt.verdict not in (Verdict.RELEASED, Verdict.HELD)"): "nothing was decided",
    ("grammar._first_fault", "(last, stage) != (Stage.BODY, Stage.BDAT)"): "a chunk that crossed a reply",
    ("keeping._of_ledger", "''"): "what a crash left in doubt has neither reply nor fault",
    ("storms._in_cool_down", "if other.opened + GRAIN < evidence.end_of(one):"): "a second probe",
    ("limits._progress", "waited = float(str(event.fields['until'])) - event.at"): "nobody waits",
    ("limits._progress", "if waited > 1.0:"): "nobody waits",
    ("overriding._plainly_meant", "return one"): "it was ruled otherwise",
    ("overriding._ruled_otherwise", "_MEANT[meant.then] is not row.verdict"): "it was ruled otherwise",
    (
        "identity._read_once",
        "fault = f'event {event.number} of the log does not come after event {before.number}'",
    ): "so",
    ("identity._read_once", f"fault = f'event {{event.number}} {_NOT_AFTER}'"): "the moment of a breach",
    ("storms._in_cool_down", "until = min(until, following)"): "drawn scenarios came to it: test_found",
    ("storms._was_served", "_is_of_use(one)"): "drawn scenarios came to it: test_found",
    ("storms.breaker", "continue"): "no drill has a breaker for two accounts of one host",
    ("retrying.floor", "at"): "the moment of a breach",
    ("retrying.is_last_call", "0.0"): "a deferral has a moment",
    ("retrying.is_last_call", "rest <= band(policy, attempt.number)[1]"): "forced in place of one beyond the lifetime",
    ("secrecy.forms_of", "return frozenset()"): "drills have longer secrets",
    ("timing.transient_is_retried", "down_until[bisect_right(down_at, attempt.until)] < ended - _TICK"): "a breaker",
    ("timing.hint_is_a_lower_bound", "not is_last_call(evidence, attempt)"): "forced at the end of the lifetime",
}
MODULES = sorted({invariant.check.__module__ for invariant in INVARIANTS})

Mark = tuple[str, int, str]


class Marking(ast.NodeTransformer):
    """Puts marks into a module: `_seen(n)` before a statement, `_seen(n, value)` around an expression."""

    def __init__(self, name: str) -> None:
        self.marks: list[Mark] = []
        self._name = name.rpartition(".")[2]
        self._function = ""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Mark what is in it."""
        before, self._function = self._function, self._function or node.name
        node.body = self._block(node.body, outer=True)
        self._function = before
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        """Mark condition and branches."""
        node.test = self.visit(node.test)
        node.body, node.orelse = self._block(node.body), self._block(node.orelse)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        """Mark what is gone through, and what is done with each."""
        node.iter = self.visit(node.iter)
        node.body = self._block(node.body)
        return node

    def visit_While(self, node: ast.While) -> ast.AST:
        """Mark condition and body."""
        node.test = self.visit(node.test)
        node.body = self._block(node.body)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """Mark every operand that is looked at only if those before it do not decide."""
        words = [ast.unparse(value) for value in node.values]
        first, *others = (self.visit(value) for value in node.values)
        node.values = [first, *map(self._around, others, words[1:])]
        return node

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        """Mark what is made of each."""
        words = ast.unparse(node.elt)
        self.generic_visit(node)
        node.elt = self._around(node.elt, words)
        return node

    def _block(self, body: list[ast.stmt], *, outer: bool = False) -> list[ast.stmt]:
        if not self._function:
            return [self.visit(statement) for statement in body]
        if not outer and any(map(_reports, body)):
            return body
        marked: list[ast.stmt] = []
        for statement in body:
            words = ast.unparse(statement)
            done = statement if _reports(statement) else self.visit(statement)
            plain = _reports(statement) or (
                isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            )
            marked += [done] if plain else [ast.Expr(self._seen(statement, words)), done]
        return marked

    def _around(self, value: ast.expr, words: str) -> ast.expr:
        return self._seen(value, words, value)

    def _seen(self, node: ast.stmt | ast.expr, words: str, *given: ast.expr) -> ast.Call:
        self.marks.append((f"{self._name}.{self._function}", node.lineno, words.partition("\n")[0]))
        number = ast.Constant(len(self.marks) - 1)
        return ast.Call(ast.Name("_seen", ast.Load()), [number, *given], [])


def _reports(statement: ast.stmt) -> bool:
    """Whether a statement yields a breach, or says in words what one is."""
    if isinstance(statement, ast.Return):
        said = statement.value.elts[0] if isinstance(statement.value, ast.Tuple) else statement.value
        in_words = isinstance(said, ast.Constant) and isinstance(said.value, str) and said.value != ""
        return isinstance(said, ast.JoinedStr) or in_words
    made = statement.value.value if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield) else None
    return isinstance(made, ast.Call) and isinstance(made.func, ast.Name) and made.func.id == "Breach"


def marked(module: str, passed: set[Mark]) -> tuple[list[Mark], list[Invariant[Evidence]]]:
    """Return the marks of a module of oracles, and its oracles made anew, which note in `passed` what they pass."""
    original = import_module(module)
    marking = Marking(module)
    tree = marking.visit(ast.parse(Path(str(original.__file__)).read_text("utf-8")))

    def seen(number: int, value: Any = None) -> Any:
        passed.add(marking.marks[number])
        return value

    names: dict[str, Any] = {"__name__": module, "_seen": seen}
    exec(compile(ast.fix_missing_locations(tree), str(original.__file__), "exec"), names)  # noqa: S102 - our own code
    tables = (value for value in names.values() if isinstance(value, tuple))
    made = [one for table in tables for one in table if isinstance(one, Invariant)]
    return marking.marks, [one for one in made if one.number in {known.number for known in INVARIANTS}]


def plans() -> Iterator[Plan]:
    """Yield what is rehearsed."""
    yield from (plan_of(catalogue.load_script(name)) for name in SCRIPTS)
    for name, script in bundled.CAMPAIGNS.items():
        yield Plan(campaign=read_campaign(bundled.campaign_path(name)), script=catalogue.load_script(script))
    yield replace(plan_of(catalogue.load_script("own-pace")), canary=1, outcomes=())
    yield from map(course, COURSES)
    yield course((Event(at=600, do=Deed.STOP),), '[[rule]]\nat = "connect"\nduring = "..2h"\ncut = "refuse"\n')
    yield course((), '[server]\ncaps = "-PIPELINING"\n[[rule]]\nat = "mail"\ntimes = 1\nreply = "550 no"\n')
    yield course((Event(at=0.05, do=Deed.CLOCK, by=9.0), Event(at=0.05, do=Deed.SUPPRESS, whom="ann@x.test")))
    yield course((Event(at=0.05, do=Deed.CLOCK, by=-9.0), Event(at=0.05, do=Deed.SUPPRESS, whom="ann@x.test")))
    nobody, back = TROUBLE.replace("552 5.2.2 mailbox full", "550 5.1.1 nobody"), Event(at=60, do=Deed.CLOCK, by=-9.0)
    yield course((back,), nobody)
    yield course((back, Event(at=90, do=Deed.REQUEUE)), nobody)
    greeting = replace(usual_campaign(), text="Hi [Name|friend]\n")
    rows = "address,Name\nann@x.test,[Name]\n"
    yield Scenario(campaign=greeting, listed=rows, script=read_script("version = 1\n", "mx.toml")).plan()


def course(events: tuple[Event, ...], rules: str = TROUBLE) -> Plan:
    """Return a plan in which these events happen to four recipients, all of them in trouble."""
    people = listed(f"{name}@x.test" for name in ("ann", "bob", "cas", "dan"))
    return Scenario(listed=people, script=read_script(rules, "mx.toml"), events=events).plan()


@pytest.fixture(scope="module")
def evidence() -> list[Evidence]:
    """What all drills come to."""
    return [rehearse(plan).evidence for plan in plans()]


def never_passed(module: str, evidence: Iterable[Evidence]) -> list[Mark]:
    """Return the marks of a module of oracles that no evidence makes them pass."""
    passed: set[Mark] = set()
    marks, oracles = marked(module, passed)
    for one in evidence:
        for oracle in oracles:
            assert list(oracle.check(one)) == []
    return [mark for mark in dict.fromkeys(marks) if mark not in passed]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.rpartition(".")[2])
def test_each_oracle_has_looked_at_something(module: str, evidence: list[Evidence]) -> None:
    """Everything that it compares was there to be compared, in some drill."""
    assert [mark for mark in never_passed(module, evidence) if mark[::2] not in SPARED] == []
