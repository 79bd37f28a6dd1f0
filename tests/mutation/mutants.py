"""What became of the mutants of a target, and which of those that live survivors.toml explains. Pure.

A mutant is known by its function, the line that it changes and what that becomes: its number in the function changes
with each edit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

#: Per cent of its mutants that tests must kill, in each target.
LEAST = 90.0
#: What survivors.toml says of a mutant: function, line, becomes, why.
Entry = dict[str, str]


@dataclass(frozen=True, slots=True, order=True)
class Mutant:
    """A mutant: `module:Class.function`, the line as it was, and what it becomes."""

    function: str
    line: str
    becomes: str

    @classmethod
    def read(cls, name: str, diff: str) -> Mutant:
        """Return what mutmut calls `name` and shows as a unified diff."""
        module, _, mangled = name.rpartition(".")
        function = mangled.rpartition("__mutmut_")[0].removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
        lines = diff.partition("@@")[2].splitlines()[1:]
        line, becomes = (_joined(lines, sign) for sign in "-+")
        return cls(f"{module}:{function}", line, becomes)

    @classmethod
    def of(cls, entry: Entry) -> Mutant:
        """Return the one that an entry speaks of."""
        return cls(entry["function"], entry["line"], entry["becomes"])

    def entry(self, target: str) -> str:
        """Return the entry for survivors.toml, without its reason."""
        words = (f"{name} = '''{getattr(self, name)}'''" for name in ("function", "line", "becomes"))
        return "\n".join((f"[[{target}]]", *words, 'why = ""'))


def _joined(lines: Sequence[str], sign: str) -> str:
    """Return the lines of a diff with this sign as one, without the comment behind them."""
    return " ".join(line[1:].partition("  # ")[0].strip() for line in lines if line.startswith(sign))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many mutants there were, those that no test noticed, and the processor's seconds that it took."""

    total: int
    survivors: Sequence[Mutant]
    seconds: float

    @property
    def score(self) -> float:
        """How many of a hundred were killed."""
        return 100 * (self.total - len(self.survivors)) / self.total

    def figures(self) -> dict[str, int]:
        """Return what is recorded of it."""
        return {"mutants": self.total, "survived": len(self.survivors), "seconds": round(self.seconds)}

    def __str__(self) -> str:
        killed = self.total - len(self.survivors)
        return f"{killed} of {self.total} mutants killed, {self.score:.1f} %, in {self.seconds:.0f} s of the processor"


def complaints(target: str, outcome: Outcome, known: Sequence[Entry]) -> list[str]:
    """Return what is wrong with how a target ended, with what to do about it; nothing: it is as it should be."""
    alive, explained = Counter(outcome.survivors), Counter(map(Mutant.of, known))
    said = [
        f"  survived: kill it with a test, or say in survivors.toml why it may live\n{mutant.entry(target)}"
        for mutant in (alive - explained).elements()
    ]
    said += [
        f"  killed, or gone with an edit: take it out of survivors.toml\n{mutant.entry(target)}"
        for mutant in (explained - alive).elements()
    ]
    said += [f"  no reason is given in survivors.toml: {entry['becomes']}" for entry in known if not entry["why"]]
    if outcome.score < LEAST:
        said.append(f"  {outcome.score:.1f} % is less than {LEAST:.0f} %: write tests for what survived")
    return said
