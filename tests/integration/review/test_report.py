"""`maildrill report` on a campaign that was sent: four parts, and who did not get it, in four forms."""

from __future__ import annotations

import csv
import json
from html.parser import HTMLParser
from typing import Any

import pytest

VOID = {"meta", "br", "hr", "img", "link"}


class Page(HTMLParser):
    """Reads a page strictly: every element is closed; keeps tables, tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open) and not {"svg", "title"} & set(self.open):
            self.rows[-1][-1] += data
        elif "style" not in self.open:
            self.text += data

    def row(self, name: str) -> list[str]:
        return next([cell.strip() for cell in row] for row in self.rows if row[0] == name)


@pytest.fixture
def page(sent: Any) -> Page:
    """Return the HTML report, read."""
    return Page(sent.told("report", "--format", "html"))


def test_the_page_has_maxbulks_four_parts(sent: Any) -> None:
    """Program, delivery, timing and results, message: with what the campaign says and what was used."""
    text = sent.told("report")

    for words in (
        "1. Program\n   maildrill: ",
        "connections: 2 at once set, 1 at once used",
        "server: mx.relay.example:25",
        "group: none\n   interval: none",
        "delivered: to a total of: 2 recipients",
        "not delivered: 3 (1 failed, 1 expired, 1 unknown)",
        "still to be sent: [0 of 5]",
        "set aside from the list: 1 invalid, 1 duplicate",
        "charset: utf-8\n   encoding: 7bit\n   parts: text/plain\n   size: 272 to 274 octets",
        "failed: <cyd@two.example> 550 5.1.1 <script>alert(1)</script> =cmd|' /C calc'!A0 \\u202eevil\n",
        "unknown: <eve@three.example> eof\n",
    ):
        assert words in text


def test_json_adds_up(sent: Any) -> None:
    """The states are the recipients (I51); who did not get it stands there with its tries."""
    found = json.loads(sent.told("report", "--format", "json"))
    results = found["results"]
    states = ("delivered", "failed", "expired", "unknown", "deferred", "held", "suppressed", "pending")

    assert sum(results[state] for state in states) == results["recipients"] == 5
    assert results["set_aside"] == {"invalid": 1, "duplicate": 1}
    assert {one["address"][:3]: len(one["timeline"]) for one in found["not_delivered"]} == {
        "cyd": 1,
        "dan": 6,
        "eve": 1,
    }
    assert found["delivery"]["servers"] == ["mx.relay.example:25"]


def test_csv_has_the_servers_words_and_no_formula(sent: Any) -> None:
    """One row for each who did not get it, for a spreadsheet that computes nothing."""
    sent.told("report", "--out", str(sent.folder / "failed.csv"))
    with (sent.folder / "failed.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    assert [(row["address"], row["state"], row["code"]) for row in rows] == [
        ("cyd@two.example", "failed", "550"),
        ("dan@two.example", "expired", "450"),
        ("eve@three.example", "unknown", ""),
    ]
    assert rows[0]["words"] == "550 5.1.1 <script>alert(1)</script> =cmd|' /C calc'!A0  evil"
    assert [row["Email"] for row in rows] == ["cyd@two.example", "dan@two.example", "eve@three.example"]
    assert (rows[0]["line"], rows[0]["source"], rows[1]["tries"]) == ("4", "RFC 5321 section 4.2.1", "6")


def test_the_html_page_says_the_same(page: Page) -> None:
    """Facts by their rows, not by their looks."""
    assert page.row("delivered")[1] == "to a total of: 2 recipients"
    assert page.row("two.example") == ["two.example", "2", "0", "1", "1", "0", "7"]
    assert page.row("cyd@two.example")[:4] == ["cyd@two.example", "4", "failed", "1"]
    assert "When" in page.text


def test_the_html_page_stands_alone(page: Page, sent: Any) -> None:
    """No script, nothing that is loaded, nothing that a server said is markup."""
    tags = [tag for tag, _ in page.tags]
    named = [value for _, attributes in page.tags for name, value in attributes.items() if name in ("src", "href")]

    assert ("script" in tags, "link" in tags, "img" in tags, named) == (False, False, False, [])
    assert "550 5.1.1 <script>alert(1)</script>" in page.row("cyd@two.example")[4]
    assert "\u202e" not in sent.told("report", "--format", "html")


def test_the_html_page_can_be_read_without_seeing_it(page: Page) -> None:
    """A language, a title, headings, captions, scopes; each picture says in words what it shows."""
    assert page.tags[0] == ("html", {"lang": "en"})
    tags = [tag for tag, _ in page.tags]
    pictures = [attributes for tag, attributes in page.tags if tag == "svg" and "aria-hidden" not in attributes]

    assert ("title" in tags, "h1" in tags, tags.count("caption")) == (True, True, 3)
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in pictures)
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    strips = [str(one["aria-label"]) for one in pictures if "deferred" in str(one["aria-label"])]
    assert any(strip.count("deferred") == 6 and ";" in strip for strip in strips)


@pytest.mark.parametrize(
    ("name", "begins"), [("r.html", "<!DOCTYPE"), ("r.json", "{"), ("r.csv", "address,"), ("r.txt", "Delivery")]
)
def test_a_file_has_the_form_that_its_name_says(name: str, begins: str, sent: Any) -> None:
    """Without --format."""
    sent.told("report", "--out", str(sent.folder / name))

    assert (sent.folder / name).read_text("utf-8").startswith(begins)


def test_a_file_that_cannot_be_written_is_told(sent: Any) -> None:
    """78, with what to do."""
    result = sent.run("report", "--out", str(sent.folder / "no" / "r.html"))

    assert (result.exit_code, "cannot write: No such file" in result.stderr) == (78, True)


def test_a_ledger_is_enough_for_a_report(sent: Any) -> None:
    """What only the campaign knows is said not to be known; so is a letter that is gone."""
    ledger = sent.told("report", "--ledger", str(sent.folder / "spring.ledger"), campaign=False)
    assert "subject: not known without the campaign file" in ledger
    assert "connections: 1 at once used" in ledger

    text = (sent.folder / "spring.toml").read_text()
    (sent.folder / "spring.toml").write_text(text.replace("'''\nHello.\n'''", '"[Name]\\n"'))
    assert "subject: Hello" in sent.told("report")


def test_what_was_requeued_is_counted(sent: Any) -> None:
    """A report hides no hand."""
    sent.told("requeue", "--state", "failed", "--yes")

    assert "requeued by an operator: 1\n" in sent.told("report")
    assert "still to be sent: [1 of 5]" in sent.told("report")
