"""The end of docs/mutation.md: the score of each target, and why each survivor may live. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mutants import Entry

#: What stands behind it is made by `tox -e mutation -- --record`.
MARK = "## What the last run found\n"


def renew(page: str, scores: Mapping[str, Mapping[str, int]], survivors: Mapping[str, Sequence[Entry]]) -> str:
    """Return the page with these numbers and reasons at its end."""
    head, _, _ = page.partition(MARK)
    return head + MARK + "\n" + _scores(scores) + "".join(_reasons(name, survivors[name]) for name in survivors)


def _scores(scores: Mapping[str, Mapping[str, int]]) -> str:
    figures = ("mutants", "survived", "seconds")
    of_all = {figure: sum(one[figure] for one in scores.values()) for figure in figures}
    head = "| Target | Mutants | Killed | Score | Processor |\n|---|---|---|---|---|\n"
    return head + "".join(
        _score(name, *map(one.__getitem__, figures)) for name, one in (*scores.items(), ("all", of_all))
    )


def _score(name: str, mutants: int, survived: int, seconds: int) -> str:
    killed = mutants - survived
    return f"| {name} | {mutants} | {killed} | {100 * killed / mutants:.1f} % | {seconds} s |\n"


def _reasons(target: str, entries: Sequence[Entry]) -> str:
    head = f"\n### {target}\n\n| In | The line | Becomes | Why it may live |\n|---|---|---|---|\n"
    return head + "".join(
        f"| `{_short(entry['function'])}` | {_code(entry['line'])} | {_code(entry['becomes'])} | {entry['why']} |\n"
        for entry in entries
    )


def _short(function: str) -> str:
    module, _, name = function.partition(":")
    return f"{module.rpartition('.')[2]}.{name}"


def _code(line: str) -> str:
    return "`" + line.replace("|", "\\|") + "`"
