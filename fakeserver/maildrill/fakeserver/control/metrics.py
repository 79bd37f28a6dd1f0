"""Prometheus' text format, version 0.0.4, of what a journal has counted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from maildrill.fakeserver.journal.books import Books

_Sample = tuple[Mapping[str, str], float]


def metrics_of(journal: Books, fired: Mapping[str, int], seconds: float) -> str:
    """Return all metrics; fired: how often each rule has. seconds: since the server started, of its own clock."""
    totals = journal.totals
    commands = [({"stage": str(stage)}, count) for stage, count in totals.commands.items() if count]
    replies = [({"class": f"{klass}yz"}, totals.replies[klass]) for klass in range(2, 6)]
    rules = [({"rule": rule}, count) for rule, count in fired.items()]
    families = (
        _family("sessions_total", "counter", "Connections that clients made.", journal.sessions_opened),
        _family("sessions_open", "gauge", "Connections that are open now.", journal.sessions_open),
        _family("commands_total", "counter", "Commands that clients gave, also refused ones.", commands),
        _family("replies_total", "counter", "Replies that were said in full, by their first digit.", replies),
        _family("unmatched_total", "counter", "Events that a strict script had no rule for.", totals.unmatched),
        _family("messages_total", "counter", "Messages that came whole.", journal.messages_received),
        _family("committed_total", "counter", "Messages taken, once for each recipient.", totals.committed),
        _family(
            "acknowledged_total", "counter", "Of which clients were told, once for each recipient.", totals.acknowledged
        ),
        _family("rule_fired_total", "counter", "How often each rule has fired.", rules),
        _family("clock_seconds", "gauge", "Seconds since the server started, of its own clock.", seconds),
    )
    return "".join(line for family in families for line in family)


def _family(name: str, kind: str, help_text: str, samples: float | Iterable[_Sample]) -> Iterator[str]:
    yield f"# HELP maildrill_{name} {help_text}\n"
    yield f"# TYPE maildrill_{name} {kind}\n"
    for labels, value in [({}, samples)] if isinstance(samples, int | float) else samples:
        said = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"maildrill_{name}{{{said}}} {value:g}\n" if said else f"maildrill_{name} {value!r}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
