"""A maildir: whole files, names that differ, and errors that say where."""

from __future__ import annotations

from pathlib import Path

import pytest

from maildrill.fakeserver.journal.maildir import Maildir
from maildrill.smtp import ConfigurationError


def test_a_message_is_a_file_in_new(tmp_path: Path) -> None:
    """With the envelope before its header, and lines as files have them."""
    maildir = Maildir(tmp_path / "mail" / "box")
    path = maildir.deliver(b"A: b\r\n\r\nx\r\n", at=1234.5, reverse_path="", recipients=["ann@x.test", "jürgen@x.test"])

    assert path.parent == tmp_path / "mail" / "box" / "new"
    assert path.name.startswith("1234.M500000P")
    assert path.read_text("utf-8") == (
        "Return-Path: <>\nDelivered-To: ann@x.test\nDelivered-To: jürgen@x.test\nA: b\n\nx\n"
    )
    assert [list((tmp_path / "mail" / "box" / folder).iterdir()) for folder in ("tmp", "cur")] == [[], []]


def test_messages_of_one_moment_have_names_of_their_own(tmp_path: Path) -> None:
    """None replaces another."""
    maildir = Maildir(tmp_path)
    paths = {maildir.deliver(b"", at=1.0, reverse_path="a@b.test", recipients=[]) for _ in range(20)}

    assert len(paths) == len(list((tmp_path / "new").iterdir())) == 20


def test_a_maildir_that_is_there_is_used(tmp_path: Path) -> None:
    """What is in it stays."""
    first = Maildir(tmp_path).deliver(b"one", at=1.0, reverse_path="a@b.test", recipients=[])
    Maildir(tmp_path).deliver(b"two", at=2.0, reverse_path="a@b.test", recipients=[])

    assert first.read_bytes().endswith(b"one")


def test_where_no_maildir_can_be_that_is_told(tmp_path: Path) -> None:
    """A file is in the way."""
    (tmp_path / "mail").write_text("")
    with pytest.raises(ConfigurationError, match="cannot make a maildir"):
        Maildir(tmp_path / "mail")
