"""TOML documents of any shape: every key has its line, and no text does more than raise our own error."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from maildrill.smtp import ConfigurationError
from maildrill.smtp.document import Table, parse_document
from maildrill.smtp.toml_lines import Where

_PRINTABLE = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\"'\\")
_NAMES = st.one_of(
    st.text("abcXYZ019_-", min_size=1, max_size=4),
    st.sampled_from(["a.b", "a = 1", "#", "[t]", "", "]]", "{", "ü", " "]),
)
_PLAIN = st.sampled_from(["1", "-2.5", "true", "1979-05-27 07:32:00", "inf", '""', "''", "'\\'"])
_QUOTED = st.text(_PRINTABLE, max_size=12).map(lambda text: f'"{text}"')
_LINES = st.lists(st.sampled_from(["x = 1", "[t]", "# no", "", "]", '""', "'", "\\\\"]), max_size=4).map("\n".join)
_BLOCKS = st.one_of(_LINES.map(lambda text: f'"""\n{text}\n"""'), _LINES.map(lambda text: f"'''\n{text}\n'''"))
_VALUES = st.recursive(
    st.one_of(_PLAIN, _QUOTED, _BLOCKS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[ # [\n" + " ,\n".join(items) + "\n]"),
        st.lists(inner, max_size=3).map(lambda items: f"{{{', '.join(f'k{n} = {v}' for n, v in enumerate(items))}}}"),
    ),
    max_leaves=5,
)
_FILLING = st.lists(st.sampled_from(["", "# a = 1", "  ", "\t# [t]", '# "']), max_size=2)
_BODIES = st.dictionaries(_NAMES, st.tuples(_FILLING, _VALUES), max_size=3)


def _quoted(name: str) -> str:
    return name if name.isascii() and name.replace("-", "").replace("_", "").isalnum() else f'"{name}"'


@st.composite
def _documents(draw: st.DrawFn) -> tuple[str, dict[Where, int]]:
    """Draw a text and the line at which each of its keys and headers was written."""
    text, lines = "", {}

    def put(path: Where, statement: str) -> None:
        nonlocal text
        lines[path] = text.count("\n") + 1
        text += statement + draw(st.sampled_from(["\n", " # x = 1\n", "\n\n"]))

    names = draw(st.lists(_NAMES, max_size=6, unique=True))
    for name in names[:2]:
        put((name,), f"{_quoted(name)} = {draw(_VALUES)}")
    for name in names[2:]:
        count = draw(st.integers(0, 2))
        for number in range(max(count, 1)):
            path: Where = (name, number) if count else (name,)
            put(path, f"[[ {_quoted(name)} ]]" if count else f"[{_quoted(name)}]")
            for key, (filling, value) in draw(_BODIES).items():
                text += "".join(f"{line}\n" for line in filling)
                put((*path, key), f"{_quoted(key)} = {value}")
    return text, lines


def _place(top: Table, path: Where) -> str:
    """Return what an error at this path would name."""
    match path:
        case (str(key),):
            return top.where(key)
        case (str(name), int(number), *rest):
            table = top.tables(name)[number]
        case (str(name), *rest):
            table = top.table(name)
        case _:
            raise AssertionError(path)
    return table.where(str(rest[0]) if rest else None)


@given(_documents())
def test_every_key_has_the_line_on_which_it_was_written(document: tuple[str, dict[Where, int]]) -> None:
    """Whatever strings, brackets, comments and blank lines stand around it."""
    text, lines = document
    top = parse_document(text, "a.toml")

    assert {path: _place(top, path) for path in lines} == {path: f"a.toml:{line}" for path, line in lines.items()}


@given(st.one_of(st.text(), st.text("ab=[]{}\"'#\n\\.,1 ")))
@example("a = 1" + "0" * 5000)
def test_any_text_is_a_document_or_our_own_error(text: str) -> None:
    """Scripts come from strangers: no other exception leaves the reader."""
    place = "a.toml:1"
    try:
        parse_document(text, "a.toml").finish()
    except ConfigurationError as error:
        place = error.where

    assert place.partition(":")[0] == "a.toml"
