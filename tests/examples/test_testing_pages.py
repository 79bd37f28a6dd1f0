"""The pages about testing show the tests that are run here, whole, and leave nothing of the fixtures out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from maildrill.fakeserver import ScriptedServer
from maildrill.fakeserver.authoring.rule_builder import RuleBuilder
from maildrill.fakeserver.harness.complaints import Kind
from maildrill.pytest_plugin.virtual import ScriptedWorld

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
GUIDE = (DOCS / "testing.md").read_text(encoding="utf-8")
SHOWN = {
    "testing-smtplib.md": "test_smtplib.py",
    "testing-django.md": "test_django.py",
    "testing-aiosmtplib.md": "test_aiosmtplib.py",
    "testing-unittest.md": "test_unittest.py",
    "testing-other-languages.md": "test_other_languages.py",
}


def code_of(page: str, file: str) -> str:
    """Return what the blocks of a page make of a file."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return "\n\n".join(re.findall(rf"^```\w+ {re.escape(file)}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize(("page", "file"), [*SHOWN.items(), ("testing-other-languages.md", "send.js")])
def test_a_page_shows_the_file_that_is_tested(page: str, file: str) -> None:
    """Octet for octet: whoever changes one must change the other."""
    assert code_of(page, file) == (HERE / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", SHOWN)
def test_the_guide_leads_to_each_page(page: str) -> None:
    """And each page exists."""
    assert f"]({page})" in GUIDE
    assert (DOCS / page).is_file()


def public(*classes: type) -> list[str]:
    return sorted({name for one in classes for name in dir(one) if not name.startswith("_")})


@pytest.mark.parametrize("name", public(ScriptedServer, ScriptedWorld, RuleBuilder))
def test_the_guide_has_every_word_that_a_test_can_say(name: str) -> None:
    """What is not there nobody finds."""
    assert re.search(rf"\b{name}\b", GUIDE)


@pytest.mark.parametrize("kind", Kind)
def test_the_guide_has_every_kind_of_complaint(kind: Kind) -> None:
    """With the name by which it is allowed."""
    assert f"| `{kind}` |" in GUIDE
