"""The log's dialogue, line by line, without making events of the lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from maildrill.scenarios.oracles.packed import Events


def lines(log: Events) -> Iterator[tuple[float, tuple[object, str, str]]]:
    """Yield the time of each line, and of which session it is, its mark and text.

    Of a later run than the first a session is known by run and number.
    """
    if "line" not in log.kinds:
        return
    run, dialogue = 0, log.kinds["line"]
    said = dialogue.pick("session", "mark", "text")
    if len(log.kinds.get("run.started", ())) < 2:
        yield from zip(dialogue.moments, said, strict=True)
        return
    for _, at, kind in log.order():
        run += kind == "run.started"
        if kind == "line":
            session, mark, text = next(said)
            yield at, ((session if run < 2 else (run, session)), mark, text)
