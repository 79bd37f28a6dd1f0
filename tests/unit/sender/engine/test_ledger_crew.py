"""The file of a crew: a ledger is theirs until the last of them is gone, and they write in turns."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from maildrill.sender.campaign import Campaign
from maildrill.sender.ledger import is_leased, open_ledger
from maildrill.sender.ledger.crew import CrewFile, check_crew, is_crewed
from maildrill.smtp import ConfigurationError

HAND = """
import sys
from pathlib import Path
from maildrill.sender.ledger.crew import CrewFile
file = CrewFile(Path(sys.argv[1]), int(sys.argv[2]))
print("there", flush=True)
for word in sys.stdin:
    if word == "turn\\n":
        with file.turn():
            print("mine", flush=True)
            sys.stdin.readline()
        print("over", flush=True)
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there no process can fork, and there is no crew")


class Hand:
    """A process of a crew, which does as it is told."""

    def __init__(self, ledger: Path, place: int) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", HAND, str(ledger), str(place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.hear("there")

    def say(self, word: str) -> None:
        """Tell it something."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")

    def hear(self, word: str) -> None:
        """Wait for it to say this."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"{word}\n"

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.process.kill()
        self.process.communicate()


Begin = Callable[[int], Hand]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Where a ledger is, or will be."""
    return tmp_path / "club.ledger"


@pytest.fixture
def begin(ledger: Path) -> Iterator[Begin]:
    """Begin a process of the crew of `ledger`."""
    begun: list[Hand] = []

    def hand(place: int) -> Hand:
        begun.append(Hand(ledger, place))
        return begun[-1]

    yield hand
    for one in begun:
        one.kill()


def test_a_ledger_is_a_crews_until_its_last_process_is_gone(
    ledger: Path, begin: Begin, campaign: Callable[..., Campaign]
) -> None:
    """Whoever began them is dead: nobody held the lease itself. No new sender beside them, however they end."""
    open_ledger(ledger, campaign(), at=0.0).close()
    assert not is_leased(ledger)
    first, second = begin(0), begin(1)
    for killed in (first, second):
        assert is_crewed(ledger)
        assert is_leased(ledger)
        with pytest.raises(ConfigurationError, match="the ledger is in use by another maildrill") as refused:
            open_ledger(ledger, campaign(), at=1.0)
        why = "the process that began its crew is gone, and the others come to their end"
        assert refused.value.what == f"the ledger is in use by another maildrill: {why}"
        end = "run again when they have: they end by themselves, each with the reply to what it has under way"
        assert refused.value.hint == end
        killed.kill()

    assert not is_leased(ledger)
    check_crew(ledger)
    open_ledger(ledger, campaign(), at=1.0).close()


def test_a_refused_sender_leaves_the_lease_free(ledger: Path, begin: Begin, campaign: Callable[..., Campaign]) -> None:
    """Who asked too early may ask again."""
    hand = begin(3)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="in use"):
            open_ledger(ledger, campaign(), at=0.0)
    hand.kill()

    open_ledger(ledger, campaign(), at=0.0).close()


def test_they_write_in_turns(begin: Begin) -> None:
    """Who is next waits until the turn is over, and has it at once where whoever had it is killed."""
    first, second = begin(0), begin(1)
    first.say("turn")
    first.hear("mine")
    second.say("turn")
    assert is_silent(second)
    first.say("over")
    first.hear("over")
    second.hear("mine")
    first.say("turn")
    second.kill()
    first.hear("mine")


def is_silent(hand: Hand) -> bool:
    """Whether a process has said nothing in a tenth of a second."""
    import select  # noqa: PLC0415 - not on Windows

    assert hand.process.stdout is not None
    return select.select([hand.process.stdout], [], [], 0.1) == ([], [], [])


def test_where_no_crew_ever_was_no_file_is_made(ledger: Path) -> None:
    """To look is not to write."""
    assert not is_crewed(ledger)
    assert list(ledger.parent.iterdir()) == []


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """Said as for the lease."""
    ledger = tmp_path / "gone" / "club.ledger"
    with pytest.raises(ConfigurationError, match="the crew's file cannot be opened: No such file") as refused:
        CrewFile(ledger, 0)
    assert refused.value.where == f"{ledger}-crew"
    assert refused.value.expected == "a file in a folder, both of which this user may write"
    assert refused.value.hint == "check folder and permissions; where nobody is sending, the file may be removed"


def test_whoever_is_there_leaves_the_turn_to_others(ledger: Path, begin: Begin) -> None:
    """To be of the crew is one thing, to write another; and nobody else may open the file."""
    with closing(CrewFile(ledger, 1)):
        hand = begin(0)
        hand.say("turn")
        hand.hear("mine")

    assert stat.S_IMODE(ledger.with_name(f"{ledger.name}-crew").stat().st_mode) == 0o600


def test_it_is_given_back(ledger: Path, begin: Begin) -> None:
    """Closed, it is nobody's; this process never sees its own."""
    with closing(CrewFile(ledger, 0)) as file, file.turn():
        pass
    hand = begin(0)
    assert is_crewed(ledger)
    hand.kill()
    assert not is_crewed(ledger)
