"""A strict transcript at play: its sessions in order, and what is said of the first difference."""

from __future__ import annotations

from maildrill.fakeserver.text.transcript.reader import read_transcript
from maildrill.fakeserver.transcript.play import Difference, Part, Play

TWO = "strict = true\nS: 220 one\nC: QUIT\n(new connection, 5m later)\nS: 220 two\nC: QUIT\n"


def begun(play: Play, now: float = 0.0) -> Part:
    part = play.begin(now)
    assert isinstance(part, Part)
    return part


def test_each_connection_plays_the_next_session() -> None:
    """In the order of connecting; then there are no more."""
    play = Play(read_transcript(TWO, "t.txt"))
    parts = [begun(play), begun(play)]
    difference = play.begin(0.0)

    assert [part.session for part in parts] == list(play.transcript.sessions)
    assert difference == Difference("t.txt", "no more connections", "one more")
    play.begin(0.0)
    assert play.differences == [difference]


def test_a_transcript_that_repeats_begins_again() -> None:
    """As often as clients connect."""
    play = Play(read_transcript("repeat = true\n" + TWO, "t.txt"))
    parts = [begun(play) for _ in range(3)]

    assert parts[2].session is parts[0].session


def test_a_session_may_have_to_come_later() -> None:
    """Counted from the end of the one before; earlier is a difference."""
    play = Play(read_transcript(TWO, "t.txt"))
    begun(play)
    play.end(100.0)
    early = play.begin(399.0)

    assert str(early) == "t.txt:4: expected a connection 5m later, got one after 4m59s"


def test_a_session_that_comes_late_enough_is_as_written() -> None:
    """The time said, or more."""
    play = Play(read_transcript(TWO, "t.txt"))
    begun(play)
    play.end(100.0)

    assert begun(play, 400.0).session.later is not None


def test_what_no_client_did_is_unmet() -> None:
    """Sessions that wait for the client, and those that never began; what the server has yet to do is its own."""
    play = Play(read_transcript(TWO, "t.txt"))
    part = begun(play)

    assert play.unmet() == (
        "t.txt:3: expected C: QUIT, got nothing so far",
        "t.txt:4: expected a connection, got none",
    )
    part.place = 2
    assert play.unmet() == ("t.txt:4: expected a connection, got none",)


def test_the_first_difference_of_a_session_counts() -> None:
    """It is over with that."""
    play = Play(read_transcript(TWO, "t.txt"))
    part = begun(play)
    play.fail(part, part.differs(part.step, "C: NOOP"))
    play.fail(part, part.differs(None, "more"))

    assert play.unmet()[0] == "t.txt:2: expected S: 220 one, got C: NOOP"
    assert len(play.differences) == 1


def test_a_difference_is_told_to_the_client() -> None:
    """Three lines, none too long for a reply, whatever stands there."""
    reply = Difference("t.txt:3", "C: " + "é" * 600, "C: NOOP").reply

    assert reply.code == 554
    assert reply.lines[0] == "5.3.0 t.txt:3: the transcript says otherwise"
    assert all(len(line) <= 512 for line in reply.render().splitlines(keepends=True))


def test_a_part_that_is_none_is_over() -> None:
    """What a connection plays that has no session."""
    assert (Part.none().waits, Part.none().refused) == (None, False)


def test_a_refused_connection_is_all_of_its_session() -> None:
    """Nothing is left of it then."""
    play = Play(read_transcript("!cut refuse", "t.txt"))

    assert begun(play).refused
    assert play.unmet() == ()


def test_a_part_knows_what_comes() -> None:
    """Where it is, and what is behind."""
    part = begun(Play(read_transcript(TWO, "t.txt")))

    assert (len(part.at), len(part.coming), part.where(part.step), part.where(None)) == (2, 1, "t.txt:2", "t.txt:2")
    assert [part.before, part.place] == [None, 0]
    part.place = 1
    assert part.before is part.session.steps[0]
    assert part.differs(None, "more").expected == "the end"
