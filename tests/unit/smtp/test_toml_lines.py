"""The line of every key."""

from __future__ import annotations

import pytest

from maildrill.smtp.toml_lines import Where, line_map


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", {}),
        ("# only a comment", {}),
        ("a = 1", {("a",): 1}),
        ("a = 1\n\n# b = 2\nc = 3 # d = 4\n", {("a",): 1, ("c",): 4}),
        ("a = 1\r\nb = 2\r\n", {("a",): 1, ("b",): 2}),
        ("[t]\na = 1", {("t",): 1, ("t", "a"): 2}),
        ("[t.u]\na = 1", {("t",): 1, ("t", "u"): 1, ("t", "u", "a"): 2}),
        ("[t.u]\n[t]\na = 1", {("t",): 2, ("t", "u"): 1, ("t", "a"): 3}),
        ("a.b.c = 1\na.d = 2", {("a",): 1, ("a", "b"): 1, ("a", "b", "c"): 1, ("a", "d"): 2}),
        ("'a.b' = 1\n\"c = d\" = 2", {("a.b",): 1, ("c = d",): 2}),
        ('["]"]\n"#" = 1', {("]",): 1, ("]", "#"): 2}),
        ("[[r]]\na = 1\n[[r]]\na = 2", {("r",): 1, ("r", 0): 1, ("r", 0, "a"): 2, ("r", 1): 3, ("r", 1, "a"): 4}),
        ("[[r]]\n[r.s]\na = 1\n", {("r",): 1, ("r", 0): 1, ("r", 0, "s"): 2, ("r", 0, "s", "a"): 3}),
    ],
)
def test_each_key_and_header_has_its_line(text: str, lines: dict[Where, int]) -> None:
    """Comments and blank lines count as lines and hold no keys."""
    assert line_map(text) == lines


@pytest.mark.parametrize(
    "value",
    [
        '"""\nx = 1\n[t]\n"""',
        "'''\nx = 1\n[t]\n'''",
        '"""a\\"""\nx = 1\n"""',
        '"""\n""\n"""""',
        "'''\n''\n'''''",
        "[\n1,\n[2, 3], # x = 1\n]",
        "[\n { x = 1 },\n { x = [\n2] },\n]",
        '"a # b = [" # [',
        "'a\\'",
        "{ x = 1, y = { z = 2 } }",
        "1979-05-27 07:32:00",
    ],
)
def test_no_value_hides_the_key_behind_it(value: str) -> None:
    """Strings, arrays, inline tables and comments may hold anything that looks like a key."""
    below = value.count("\n") + 2
    lines = line_map(f"a = {value}\nb = 1")

    assert {where: line for where, line in lines.items() if len(where) == 1} == {("a",): 1, ("b",): below}


def test_each_table_in_a_list_has_its_line() -> None:
    """However the list is broken; what is in lists within it has none."""
    text = "a = [{ x = 1 }, { y = [{ z = 1 }] },\n # { comment }\n { x = '{' },\n\n {\n}\n]\n[[t]]\nb = [\n{},\n]"

    assert line_map(text) == {
        ("a",): 1,
        ("a", 0): 1,
        ("a", 1): 1,
        ("a", 2): 3,
        ("a", 3): 5,
        ("t",): 8,
        ("t", 0): 8,
        ("t", 0, "b"): 9,
        ("t", 0, "b", 0): 10,
    }
