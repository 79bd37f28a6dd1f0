"""TOML whose errors name file, line, what was expected and what was meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from maildrill.smtp import ConfigurationError
from maildrill.smtp.document import Table, parse_document, read_text, table_of
from maildrill.smtp.quantity import Rate

Read = Callable[[Table], object]


def _error(text: str, read: Read) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(parse_document(text, "a.toml"))
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "read", "result"),
    [
        ('"x"', lambda t: t.text("k"), "x"),
        ("3", lambda t: t.number("k"), 3),
        ("0.5", lambda t: t.fraction("k"), 0.5),
        ("1", lambda t: t.fraction("k"), 1.0),
        ("true", lambda t: t.flag("k"), True),
        ('"5m"', lambda t: t.duration("k"), 300.0),
        ('"100/1m"', lambda t: t.rate("k"), Rate(100, 60)),
        ('"10MB"', lambda t: t.size("k"), 10_000_000),
        ('"b"', lambda t: t.choice("k", ["a", "b"]), "b"),
        ('"x"', lambda t: t.texts("k"), ("x",)),
        ('["x", "y"]', lambda t: t.texts("k"), ("x", "y")),
        ("[1, 2]", lambda t: t.raw("k"), [1, 2]),
        ("{ a = 1 }", lambda t: t.table("k").number("a"), 1),
        ("[{ a = 1 }, { a = 2 }]", lambda t: [r.number("a") for r in t.tables("k")], [1, 2]),
        ("1", lambda t: t.has("k"), True),
        ("1", lambda t: "k" in t, True),
    ],
)
def test_a_value_of_the_right_type_is_returned(value: str, read: Read, result: object) -> None:
    """Each reader gives what its name says."""
    assert read(parse_document(f"k = {value}", "a.toml")) == result


@pytest.mark.parametrize(
    ("read", "result"),
    [
        (lambda t: t.text("k", "x"), "x"),
        (lambda t: t.number("k", 3), 3),
        (lambda t: t.fraction("k", 0.5), 0.5),
        (lambda t: t.flag("k", False), False),
        (lambda t: t.duration("k", 0.0), 0.0),
        (lambda t: t.rate("k"), None),
        (lambda t: t.choice("k", ["a", "b"], "a"), "a"),
        (lambda t: t.texts("k", ()), ()),
        (lambda t: t.raw("k"), None),
        (lambda t: t.table("k").has("a"), False),
        (lambda t: t.tables("k"), []),
        (lambda t: t.has("k"), False),
        (lambda t: "k" in t, False),
    ],
)
def test_an_absent_key_has_its_default(read: Read, result: object) -> None:
    """Falsy defaults are defaults too."""
    assert read(parse_document("", "a.toml")) == result


@pytest.mark.parametrize(
    "read",
    [
        lambda t: t.text("k"),
        lambda t: t.number("k"),
        lambda t: t.fraction("k"),
        lambda t: t.flag("k"),
        lambda t: t.duration("k"),
        lambda t: t.size("k"),
        lambda t: t.choice("k", ["a"]),
        lambda t: t.texts("k"),
    ],
)
def test_a_required_key_that_is_absent_is_an_error_at_its_table(read: Read) -> None:
    """The line of the header is where the key belongs."""
    assert _error("\n[[r]]\na = 1\n[[r]]\n", lambda t: read(t.tables("r")[1])) == 'a.toml:4: "k" is missing in [r]'


def test_a_required_key_absent_from_the_top_is_an_error_at_line_1() -> None:
    """The top of a document has no name."""
    assert _error("\na = 1", lambda t: t.text("k")) == 'a.toml:1: "k" is missing'


@pytest.mark.parametrize(
    ("value", "read", "message"),
    [
        ("1", lambda t: t.text("k"), "is 1\n  expected text in quotes"),
        ('"1"', lambda t: t.number("k"), 'is "1"\n  expected a whole number'),
        ("true", lambda t: t.number("k"), "is true\n  expected a whole number"),
        ("0", lambda t: t.number("k", least=1), "is 0\n  expected a whole number, 1 or more"),
        ("1.5", lambda t: t.fraction("k"), "is 1.5\n  expected a number from 0 to 1"),
        ("nan", lambda t: t.fraction("k"), "is nan\n  expected a number from 0 to 1"),
        ("true", lambda t: t.fraction("k"), "is true\n  expected a number from 0 to 1"),
        ('"x"', lambda t: t.fraction("k"), 'is "x"\n  expected a number from 0 to 1'),
        ("1", lambda t: t.flag("k"), "is 1\n  expected true or false"),
        ("30", lambda t: t.duration("k"), 'is 30\n  expected a duration such as "30s", "5m", "1h30m" or "5d"'),
        ('"often"', lambda t: t.rate("k"), 'is "often"\n  expected a rate such as "100/1m" (count / duration)'),
        ('"big"', lambda t: t.size("k"), 'is "big"\n  expected a size such as "512", "4096B", "10MB" or "1MiB"'),
        (
            '"rctp"',
            lambda t: t.choice("k", ["mail", "rcpt"]),
            'is "rctp"\n  expected one of: mail rcpt\n  did you mean "rcpt"?',
        ),
        ("1", lambda t: t.texts("k"), "is 1\n  expected text in quotes, or a list of such"),
        ('["a", 1]', lambda t: t.texts("k"), "is a list\n  expected text in quotes, or a list of such"),
        ("1", lambda t: t.table("k"), "is 1\n  expected a table: [r.k]"),
        ("{ a = 1 }", lambda t: t.tables("k"), "is a table\n  expected tables: [[r.k]]"),
        ("[1]", lambda t: t.tables("k"), "is a list\n  expected tables: [[r.k]]"),
        ('"\\u001b[2J"', lambda t: t.number("k"), 'is "\\x1b[2J"\n  expected a whole number'),
    ],
)
def test_a_wrong_value_is_an_error_at_its_line(value: str, read: Read, message: str) -> None:
    """It shows what was read and what was expected."""
    shown = _error(f"[r]\n\nk = {value}", lambda t: read(t.table("r")))

    assert shown == f"a.toml:3: r.k {message}"


def test_an_unknown_key_is_refused_with_the_keys_that_are_known() -> None:
    """Every key that a reader asked for is known, defaults included."""

    def read(top: Table) -> None:
        rule = top.table("rule")
        rule.text("reply", "")
        rule.duration("wait", 0.0)
        rule.raw("at")
        rule.finish()

    assert _error("[rule]\nat = 1\nrepyl = 2", read) == (
        'a.toml:3: unknown key "repyl" in [rule]\n  expected one of: reply wait at\n  did you mean "reply"?'
    )


def test_an_unknown_table_is_refused_at_its_header() -> None:
    """At the top of the document there is no table to name."""

    def finish_after_a(top: Table) -> None:
        top.number("a")
        top.finish()

    assert _error("a = 1\n[zebra]", finish_after_a) == ('a.toml:2: unknown key "zebra"\n  expected one of: a')


def test_a_table_whose_keys_are_all_known_is_finished() -> None:
    """Nothing is left over, nothing is said."""
    top = parse_document("a = 1\n[b]\n[[c]]", "a.toml")
    top.number("a")
    top.table("b")
    top.tables("c")
    top.finish()

    assert (top.line, top.table("b").line, top.tables("c")[0].line) == (1, 2, 3)


def test_what_stands_in_an_inline_table_has_the_line_of_its_key() -> None:
    """The scan does not look into values; the nearest line that is known is shown."""
    shown = _error('a = 1\nr = [{ k = 1 }, { k = "x" }]', lambda t: t.tables("r")[1].number("k"))

    assert shown == 'a.toml:2: r.k is "x"\n  expected a whole number'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb =\nc = 2", ":2"),
        ("a = 1\nb = [1,\n\n", ":2"),
        ("a = 1\na = 2\nb = 3", ":2"),
        ("a = \0", ":1"),
        ("=", ":1"),
        ("a = 1" + "0" * 5000, ""),
    ],
)
def test_what_is_not_toml_is_an_error_at_its_line(text: str, line: str) -> None:
    """The parser's own complaint, in our form; a number too long to be read has no line."""
    shown = _error(text, lambda t: t)

    assert shown.startswith(f"a.toml{line}: not TOML: ")
    assert shown.endswith("\n  expected key = value, or a [table]")


def test_toml_nested_too_deeply_is_an_error() -> None:
    """A stranger's script cannot crash the reader."""
    assert _error("a = " + "[" * 100_000, lambda t: t) == "a.toml: not TOML that can be read: nested too deeply"


def test_text_is_read_as_utf_8_and_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    """Windows editors write the mark."""
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbfname = '\xc3\xbc'")

    assert read_text(path, "script") == "name = 'ü'"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With what it should have been."""
    path = tmp_path / "no.toml"

    with pytest.raises(ConfigurationError) as caught:
        read_text(path, "script")
    assert str(caught.value) == f"{path}: script not found\n  check the path"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """The system's own word says why."""
    with pytest.raises(ConfigurationError) as caught:
        read_text(tmp_path, "campaign")
    assert str(caught.value) == f"{tmp_path}: cannot read campaign: Is a directory"


def test_a_path_that_no_system_has_is_refused() -> None:
    """NUL cannot be in a path, but it can be in a TOML text."""
    with pytest.raises(ConfigurationError) as caught:
        read_text(Path("a\0b"), "list")
    assert str(caught.value) == r'cannot read list: "a\x00b" is not a path'


@pytest.mark.parametrize(
    ("octets", "byte", "line", "shown"),
    [
        (b"a = 1\nb = '\xfcber'\nc", "0xfc", 2, "b = 'über'"),
        (b"\xff\xfea\0", "0xff", 1, r"ÿþa\x00"),
        (b"a\n\xfc", "0xfc", 2, "ü"),
    ],
)
def test_text_that_is_not_utf_8_shows_byte_and_line(
    tmp_path: Path, octets: bytes, byte: str, line: int, shown: str
) -> None:
    """And the line as an old Windows or Unix would read it."""
    path = tmp_path / "a.toml"
    path.write_bytes(octets)

    with pytest.raises(ConfigurationError) as caught:
        read_text(path, "script")
    assert str(caught.value) == (
        f"{path}:{line}: byte {byte} is not UTF-8 in script\n  expected UTF-8 text\n"
        f'  the line reads "{shown}"; save the file as UTF-8'
    )


def test_what_was_said_is_read_elsewhere_with_its_lines() -> None:
    """Whoever reads the values later, and as often as wanted, says where they stand."""
    said = parse_document("[a.b]\nc = 1\nd = 2\n", "a.toml").table("a").table("b").said()

    assert said == {"c": 1, "d": 2}
    assert table_of(said, "other").number("c") == 1
    assert table_of(said, "other").where("d") == "a.toml:3"
    assert table_of({"c": 1}, "other").where("c") == "other:/c"


def test_other_values_may_stand_in_its_place() -> None:
    """What is laid over a table is said where the table stands."""
    said = parse_document("[a]\nb = 1\n", "a.toml").table("a").said({"b": 1, "c": True})
    table = table_of(said, "other")

    assert table.where("c") == "a.toml:1"
    assert table.flag("c")
    with pytest.raises(ConfigurationError, match=r'a\.toml:2: unknown key "b" in \[a\]'):
        table.finish()
