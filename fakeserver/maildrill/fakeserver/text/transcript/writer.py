"""Transcripts as text: written. `read_transcript(transcript_text(t), t.name) == t`. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from maildrill.fakeserver.language.span import Duration
from maildrill.fakeserver.language.steps import (
    ClientGoesOn,
    ClientSays,
    ClientSends,
    ServerLeaves,
    ServerReads,
    ServerSays,
    ServerShakes,
    ServerTakes,
    Session,
    Step,
    Transcript,
)
from maildrill.fakeserver.language.toml_text import quoted
from maildrill.fakeserver.text.transcript.octets import write_octets
from maildrill.fakeserver.text.transcript.reader import is_plain


def transcript_text(transcript: Transcript) -> str:
    """Return the text of a transcript."""
    return "".join(f"{line}\n" for line in _lines(transcript))


def step_text(step: Step) -> str:  # noqa: PLR0911 - one for each kind of step
    """Return the line of one step, as errors show it too."""
    match step:
        case ServerSays():
            return _said(step)
        case ServerLeaves(how, wait):
            return f"!cut {how}" + _waiting(wait)
        case ServerShakes(fault):
            return f"!tls {fault}" if fault else "!tls"
        case ServerTakes(taken):
            return f"!commit {str(taken).lower()}"
        case ServerReads(count):
            return f"!read {count}B"
        case ClientSays(pattern):
            return f"C: {pattern.text}".rstrip()
        case ClientSends(octets):
            return f"C>: {write_octets(octets)}"
        case ClientGoesOn():
            return "C: …"
        case _:
            return "(client closes)"


def _said(step: ServerSays) -> str:
    text = step.octets.removesuffix(b"\r\n").decode("utf-8", "surrogateescape")
    plain = step.octets.endswith(b"\r\n") and is_plain(text)
    return (f"S: {text}".rstrip() if plain else f"S>: {write_octets(step.octets)}") + _waiting(step.wait)


def _lines(transcript: Transcript) -> Iterator[str]:
    settings = list(_settings(transcript))
    yield from settings
    if settings:
        yield ""
    for n, session in enumerate(transcript.sessions):
        if n:
            yield ""
        if n or session.later:
            yield _beginning(session)
        yield from map(step_text, session.steps)


def _settings(transcript: Transcript) -> Iterator[str]:
    if transcript.hostname is not None:
        yield f"hostname = {quoted(transcript.hostname)}"
    if transcript.strict:
        yield "strict = true"
    if transcript.repeat:
        yield "repeat = true"


def _beginning(session: Session) -> str:
    return f"(new connection, {session.later.text} later)" if session.later else "(new connection)"


def _waiting(wait: Duration | None) -> str:
    return f"  # +{wait.text}" if wait else ""
