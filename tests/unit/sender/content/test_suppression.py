"""Who is not to be written to: read, compared as lists compare, added to, and wrong lines said."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from maildrill.sender.lists.read import parse_list
from maildrill.sender.lists.rows import Reason
from maildrill.sender.lists.suppression import Suppressed, Suppressing, Suppression, read_suppressed
from maildrill.smtp import ConfigurationError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a suppression list."""
    path = tmp_path / "suppressed.txt"
    path.write_text(
        "# who left\nann@x.example unsubscribed\n\nBob@BÜCHER.example\tcomplained\ncyd@x.example\n", "utf-8"
    )
    return path


def test_a_suppressed_address_is_set_aside_however_it_is_written(file: Path) -> None:
    """Letter case and the form of the domain make no difference; the list and its line say why."""
    text = "Email\nANN@x.EXAMPLE\nbob@xn--bcher-kva.example\ndan@x.example\ncyd@x.example\n"
    with read_suppressed([file]) as suppressed:
        found = parse_list(text, "list.csv", "Email", suppressed)

    assert [row.address for row in found.recipients] == ["dan@x.example"]
    assert [(entry.number, entry.reason, entry.detail) for entry in found.set_aside] == [
        (2, Reason.SUPPRESSED, f"unsubscribed ({file}:2)"),
        (3, Reason.SUPPRESSED, f"complained ({file}:4)"),
        (5, Reason.SUPPRESSED, f"{file}:5"),
    ]


def test_the_first_list_that_has_an_address_says_why(file: Path, tmp_path: Path) -> None:
    """Lists are read in order."""
    other = tmp_path / "other.txt"
    other.write_text("cyd@x.example bounced\n", "utf-8")

    with read_suppressed([file, other]) as ours, read_suppressed([other, file]) as theirs:
        assert ours.get("cyd@x.example") == Suppressed("", f"{file}:5")
        assert theirs.get("cyd@x.example") == Suppressed("bounced", f"{other}:1")
        assert ours.get("dan@x.example") is None


def test_a_line_that_is_no_address_is_an_error(file: Path) -> None:
    """To pass over it could mean to write to somebody who is not to be written to."""
    file.write_text("ann@x.example\nann at x\n", "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_suppressed([file])

    assert caught.value.where == f"{file}:2"
    assert 'no address: "ann"' in str(caught.value)


def test_addresses_are_added_once(file: Path) -> None:
    """Those that are there are left out, in whatever spelling; a last line without an end gets one."""
    file.write_text("ann@x.example unsubscribed", "utf-8")
    with Suppressing(file) as listing:
        added = listing.add([("ANN@x.example", "a"), ("bob@x.example", "bounced\n550"), ("bob@X.example", "b")])

    assert added == ["bob@x.example"]
    assert file.read_text("utf-8") == "ann@x.example unsubscribed\nbob@x.example bounced\\n550\n"
    with Suppressing(file) as listing:
        assert listing.add([("ann@x.example", "")]) == []


def test_a_list_is_made_where_there_is_none(tmp_path: Path) -> None:
    """A folder that is not there is an error."""
    path = tmp_path / "new.txt"
    with Suppressing(path) as listing:
        listing.add([("ann@x.example", "")])

    assert path.read_text("utf-8") == "ann@x.example\n"
    with pytest.raises(ConfigurationError, match="cannot write suppression list"):
        Suppressing(tmp_path / "no" / "new.txt")


def test_what_is_no_text_is_said_with_its_line(file: Path) -> None:
    """Wherever it stands; and a file that is not there is said to be missing."""
    file.write_bytes(b"ann@x.example\r\nb\xfcrgen@x.example\r\n")
    with pytest.raises(ConfigurationError, match="byte 0xfc is not UTF-8 in suppression list") as caught:
        read_suppressed([file])

    assert caught.value.where == f"{file}:2"
    with pytest.raises(ConfigurationError, match="suppression list not found"):
        read_suppressed([file.with_name("none.txt")])


def test_who_is_suppressed_is_not_in_memory(file: Path) -> None:
    """An index on the disk: forty thousand addresses cost Python itself next to nothing."""
    file.write_text("".join(f"p{n}@{'x' * 60}.example {'gone ' * 20}\n" for n in range(40_000)), "utf-8")
    tracemalloc.start()
    try:
        with read_suppressed([file]) as suppressed:
            kept, peak = tracemalloc.get_traced_memory()
            assert suppressed.get(f"p39999@{'x' * 60}.example") is not None
    finally:
        tracemalloc.stop()

    assert kept < 400_000
    assert peak < 800_000


def test_a_full_disk_is_told_with_its_folder() -> None:
    """Nobody is taken for not suppressed because there was no room to remember it."""
    suppression = Suppression()
    suppression.close()

    with pytest.raises(ConfigurationError, match="cannot keep the recipient list"):
        suppression.get("ann@x.example")
