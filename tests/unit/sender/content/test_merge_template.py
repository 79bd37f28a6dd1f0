"""Templates: tags, defaults, brackets, and the HTML that only looks like tags."""

from __future__ import annotations

import pytest

from maildrill.sender.merge import Tag, Template
from maildrill.smtp import ConfigurationError

ANN = {"Name": "Ann", "City": "", "Blank": "  ", "First Name": "Ann", "Mark": '<b>"&"</b>'}


def rendered(text: str, *, html: bool = False) -> str:
    """Parse and fill a template with Ann's row."""
    return Template.parse(text, "letter.txt", html=html).render(ANN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("no tags", "no tags"),
        ("Dear [Name],", "Dear Ann,"),
        ("[Name][Name]", "AnnAnn"),
        ("[ Name ]", "Ann"),
        ("[First Name]", "Ann"),
        ("[Name|friend]", "Ann"),
        ("[City|far away]", "far away"),
        ("[City|]", ""),
        ("[Blank|nothing]", "nothing"),
        ("[Nobody|a|b]", "a|b"),
        ("[Nobody| kept ]", " kept "),
        ("[[Name]]", "[Name]"),
        ("[[[Name]]]", "[Ann]"),
        ("[Name]]]", "Ann]"),
        ("a ] b", "a ] b"),
        ("[[ and ]]", "[ and ]"),
    ],
)
def test_tags_are_filled(text: str, expected: str) -> None:
    """A tag is the value, or its default; doubled brackets are brackets."""
    assert rendered(text) == expected


def test_rendering_is_total() -> None:
    """A tag that nothing fills renders as nothing: stopping before that is preflight's work."""
    assert Template.parse("a[Nobody]b", "letter.txt").render({}) == "ab"


def test_values_are_escaped_in_html_and_defaults_are_not() -> None:
    """A value is a stranger's text; a default is the author's and may be markup."""
    assert rendered("[Mark]", html=True) == "&lt;b&gt;&quot;&amp;&quot;&lt;/b&gt;"
    assert rendered("[City|<i>far</i>]", html=True) == "<i>far</i>"
    assert rendered("[Mark]") == '<b>"&"</b>'


@pytest.mark.parametrize(
    "text",
    [
        "<style>a[href] { color: red } td[class=x]{}</style>",
        "<STYLE type='text/css'>\na[href^=http] {}\n</STYLE >",
        "<!--[if mso]><table><![endif]-->",
        "<!--[if !mso]><!--><p><!--<![endif]-->",
    ],
)
def test_brackets_of_style_sheets_and_outlook_comments_are_no_tags(text: str) -> None:
    """Letters in HTML are full of them."""
    assert rendered(text, html=True) == text


def test_tags_inside_outlook_comments_are_filled() -> None:
    """What Outlook shows is part of the letter."""
    text = "<!--[if mso]><p>[Name]</p><![endif]-->"

    assert rendered(text, html=True) == "<!--[if mso]><p>Ann</p><![endif]-->"


def test_tags_know_name_default_and_line() -> None:
    """What preflight needs to say where it hurts."""
    template = Template.parse("Dear [Name],\n\nin [City|town]", "letter.txt")

    assert template.tags == (Tag("Name"), Tag("City", "town"))
    assert [tag.line for tag in template.tags] == [1, 3]
    assert [str(tag) for tag in template.tags] == ["[Name]", "[City|town]"]


def test_names_meet_however_they_were_typed() -> None:
    """A column name typed with a combining accent is the same name."""
    assert Template.parse("[Pre\u0301nom]", "t").tags == (Tag("Pr\u00e9nom"),)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Dear [Name,\n]", 'letter.txt:1: "[Name,\\n]" opens a tag that is not closed'),
        ("a\nb\n[", 'letter.txt:3: "[" opens a tag that is not closed'),
        ("a\n[]", 'letter.txt:2: "[]" is a tag without a name'),
        ("[ |friend]", 'letter.txt:1: "[ |friend]" is a tag without a name'),
        ("[a[b]", 'letter.txt:1: "[a[b]" opens a tag that is not closed'),
    ],
)
def test_a_broken_tag_is_a_located_error(text: str, what: str) -> None:
    """The error quotes the tag, names its line and says how to write a bracket."""
    with pytest.raises(ConfigurationError) as caught:
        Template.parse(text, "letter.txt")

    assert str(caught.value) == (
        f"{what}\n  expected [Column] or [Column|default]\n  write [[ where a bracket is meant"
    )
