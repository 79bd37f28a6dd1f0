"""Turn a transcript into rules: the same replies to the same commands, in the same order.

Commands that are said more than once get one reply after the other; the last one stays. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import PurePath

from maildrill.fakeserver.language.steps import StepError, Transcript
from maildrill.fakeserver.text.rulebook import Rulebook, Word, exactly
from maildrill.fakeserver.text.transcript.acts import Act, acts_of
from maildrill.smtp import ConfigurationError, Stage, escape

#: What happens by itself: it would happen again and again.
_ONCE = (Stage.IDLE, Stage.BODY)


def rules_of(transcript: Transcript, *remarks: str) -> Rulebook:
    """Return the rules that a transcript comes to; raises ConfigurationError for what no rule can do."""
    book = Rulebook(*remarks)
    book.server(hostname=transcript.hostname)
    add_rules(book, _acts(transcript), escape(PurePath(transcript.name).name))
    return book


def add_rules(
    book: Rulebook, acts: Sequence[Act], file: str, *, passes: Callable[[Act], bool] = lambda _: False
) -> None:
    """Add the rules that do these acts in order, called `file:line`.

    passes: whether what is about the same as an act goes well once its acts are used up; else the last act stays.
    """
    for group in _groups(acts):
        first = group[0]
        for number, words in enumerate(_rules(group, stays=not passes(first))):
            who = {key: exactly(text) for key, text in first.who.items()}
            name = f"{file}:{first.line}" + (f"#{number + 1}" if number else "")
            book.rule("", name=name, at=first.stage.value, **who, **words)
        if first.stage in (Stage.STARTTLS, Stage.TLS):
            book.server(tls=True)


def _acts(transcript: Transcript) -> list[Act]:
    acts: list[Act] = []
    for number, session in enumerate(transcript.sessions, 1):
        try:
            found = acts_of(session)
        except StepError as error:
            where = f"{transcript.name}:{error.line}"
            raise ConfigurationError(error.what, where=where, expected=error.expected, hint=error.hint) from None
        for act in found:
            if act.stage is Stage.CONNECT:
                act.words["attempt"] = str(number)
        acts += found
    return acts


def _groups(acts: Sequence[Act]) -> list[list[Act]]:
    """Return acts about the same, together, in the order of the session.

    Of one stage, what is about somebody stands before what is about anybody.
    """
    groups: dict[tuple[Stage, tuple[tuple[str, str], ...]], list[Act]] = {}
    for act in acts:
        groups.setdefault((act.stage, tuple(act.who.items())), []).append(act)
    stages = list(dict.fromkeys(stage for stage, _ in groups))
    return sorted(groups.values(), key=lambda group: (stages.index(group[0].stage), _vagueness(group[0])))


def _vagueness(act: Act) -> int:
    if not act.who:
        return 2
    return int(any(mark in text for text in act.who.values() for mark in "*?"))


def _rules(group: Sequence[Act], *, stays: bool) -> Iterator[dict[str, Word]]:
    """Return the words of the rules that do these acts in order."""
    replies = [act.words.get("reply") for act in group]
    besides = [{key: word for key, word in act.words.items() if key != "reply"} for act in group]
    stage = group[0].stage
    if stage in _ONCE or stage is Stage.CONNECT or None in replies or any(one != besides[0] for one in besides):
        yield from _one_after_the_other(group, stays=stays)
        return
    times = {} if stays else {"times": len(group)}
    while len(replies) > 1 and replies[-1] == replies[-2]:
        replies.pop()
    said = {"reply": replies[0]} if len(replies) == 1 else {"replies": [str(reply) for reply in replies]}
    yield {**said, **besides[0], **times}


def _one_after_the_other(group: Sequence[Act], *, stays: bool) -> Iterator[dict[str, Word]]:
    runs = [(words, len(list(same))) for words, same in groupby(act.words for act in group)]
    stays = stays and group[0].stage not in _ONCE
    for number, (words, count) in enumerate(runs, 1):
        last = stays and number == len(runs)
        yield words if last or group[0].stage is Stage.CONNECT else {**words, "times": count}
