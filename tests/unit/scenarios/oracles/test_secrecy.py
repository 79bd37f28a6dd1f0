"""A secret is known in whatever form it turns up, and nothing innocent is taken for one."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from dataclasses import replace
from html import escape
from json import dumps
from urllib.parse import quote

import pytest

from maildrill.scenarios.mutants.lies_of_record import logs_in_in_clear
from maildrill.scenarios.mutants.told import good_drill
from maildrill.scenarios.oracles import judge_drill
from maildrill.scenarios.oracles.secrecy import forms_of, texts_in

SECRET = 'säsame "<\\>" 7f3a/+%'  # noqa: S105 - of nobody
OCTETS = SECRET.encode()


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        quote(SECRET, safe=""),
        escape(SECRET),
        dumps(SECRET),
        OCTETS.hex(),
        b64encode(OCTETS).decode(),
        urlsafe_b64encode(b"\0an\0" + OCTETS).decode(),
        b64encode(b"\0ann\0" + OCTETS).decode(),
        b64encode(b"\0anna\0" + OCTETS + b"and more").decode(),
    ],
)
def test_a_secret_is_known_in_every_form(text: str) -> None:
    """As others would write it down, behind a name and before other octets."""
    assert any(form in f"we said {text} to it" for form in forms_of(SECRET))


def test_a_short_secret_is_not_looked_for_in_innocent_words() -> None:
    """An address may well have three letters in a row."""
    assert forms_of("ann") == frozenset()


def test_every_text_of_a_report_is_looked_at() -> None:
    """Keys, values, and what is inside."""
    assert list(texts_in({"a": [1, ("b", {"c": None})]})) == ["a", "1", "b", "c", "None"]


def test_an_account_may_say_its_password_in_clear_if_its_owner_wants_it_so() -> None:
    """I35: `plaintext = true` is an order."""
    said = logs_in_in_clear(good_drill())

    assert "I35" in {violation.invariant for violation in judge_drill(said)}
    assert judge_drill(replace(said, plaintext=frozenset({"mx.test"}))) == ()
