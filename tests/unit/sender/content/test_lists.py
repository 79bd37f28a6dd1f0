"""Recipient lists: the dialects people have, the rows they break, the addresses they mistype."""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from maildrill.sender.campaign import Campaign, Mailbox
from maildrill.sender.lists import Reason, Row, SetAside, parse_list, read_list, spool_list
from maildrill.sender.lists.addresses import parse_address, parse_mailbox
from maildrill.sender.lists.seen import Seen
from maildrill.smtp import ConfigurationError, Envelope

MakeCampaign = Callable[..., Campaign]
TWO = [
    ("ann@x.example", {"Email": "ann@x.example", "Name": "Bee, Ann"}),
    ("bob@x.example", {"Email": "bob@x.example", "Name": "Bob"}),
]


def read(text: str, email: str = "Email") -> list[tuple[str, dict[str, str]]]:
    """Return address and fields of each recipient."""
    return [(row.address, dict(row.fields)) for row in parse_list(text, "list.csv", email).recipients]


def refusal(text: str, email: str = "Email") -> str:
    """Return what is said of a list that must be refused."""
    with pytest.raises(ConfigurationError) as caught:
        parse_list(text, "list.csv", email)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        'Email,Name\nann@x.example,"Bee, Ann"\nbob@x.example,Bob\n',
        'Name,Email\r\n"Bee, Ann",ann@x.example\r\nBob,bob@x.example\r\n',
        "Email;Name\nann@x.example;Bee, Ann\nbob@x.example;Bob",
        "Email\tName\nann@x.example\tBee, Ann\nbob@x.example\tBob\n",
        "Email|Name\nann@x.example|Bee, Ann\nbob@x.example|Bob\n",
        "sep=;\r\nEmail;Name\r\nann@x.example;Bee, Ann\r\nbob@x.example;Bob\r\n",
        '"sep=|"\nEmail|Name\nann@x.example|Bee, Ann\nbob@x.example|Bob\n',
        'Email,Name\rann@x.example,"Bee, Ann"\rbob@x.example,Bob\r',
        '"Email", "Name"\n ann@x.example , "Bee, Ann"\nbob@x.example,Bob\n',
        "\n\nEmail;Name\n\nann@x.example;Bee, Ann\n;\nbob@x.example;Bob\n;\n",
    ],
)
def test_the_dialect_is_found(text: str) -> None:
    """Comma, semicolon, tab, bar, Excel's declaration, any line end, blanks, empty lines."""
    assert sorted((address, sorted(fields.items())) for address, fields in read(text)) == sorted(
        (address, sorted(fields.items())) for address, fields in TWO
    )


@pytest.mark.parametrize("text", ["Email\nann@x.example\n", "Email\r\nann@x.example", '"Email"\n"ann@x.example"\n'])
def test_a_list_of_one_column_is_a_list(text: str) -> None:
    """No delimiter is no problem."""
    assert read(text) == [("ann@x.example", {"Email": "ann@x.example"})]


def test_a_delimiter_inside_values_is_not_taken_for_the_delimiter() -> None:
    """Every row has more commas than semicolons, but only the semicolon shows the address column."""
    text = "Email;Wish, or wishes\nann@x.example;a, b, c\nbob@x.example;d, e, f\n"

    assert [fields["Wish, or wishes"] for _, fields in read(text)] == ["a, b, c", "d, e, f"]


def test_quoted_fields_may_hold_quotes_and_line_breaks() -> None:
    """Numbers stay the lines of the file, whatever a field holds."""
    text = 'Email,Note\nann@x.example,"says ""hi""\nand more"\nbob@x.example,x\n'
    rows = parse_list(text, "list.csv", "Email").recipients

    assert rows[0].fields["Note"] == 'says "hi"\nand more'
    assert [row.number for row in rows] == [2, 4]


def test_numbers_count_the_line_that_excel_adds() -> None:
    """An editor shows the line that an error names."""
    assert parse_list("sep=;\nEmail;Name\nann@x.example;Ann\n", "list.csv", "Email").recipients[0].number == 3


def test_unnamed_columns_are_left_out() -> None:
    """Spreadsheets leave them behind; no tag can name them."""
    found = parse_list("Email,,Name,\nann@x.example,x,Ann,\n", "list.csv", "Email")

    assert found.columns == ("Email", "Name")
    assert found.recipients == (Row(2, "ann@x.example", {"Email": "ann@x.example", "Name": "Ann"}),)


def test_a_list_with_a_header_alone_has_no_recipients() -> None:
    """Nobody to write to is no error of the list's."""
    assert parse_list("Email,Name\n", "list.csv", "Email").recipients == ()


def test_names_of_columns_meet_however_they_were_typed() -> None:
    """Composed and decomposed accents are one name, in the campaign and in the list."""
    assert len(read("Adre\u0301sse;x\nann@x.example;1\n", "Adr\u00e9sse")) == 1


def test_a_ragged_row_is_named() -> None:
    """Line, found and expected width, the row itself and the way out."""
    assert refusal("Email,Name\nann@x.example,Ann\nbob@x.example,Bob, Bonn\n") == (
        'list.csv:3: row has 3 fields, the header has 2: "bob@x.example,Bob,Bonn"\n'
        "  expected the columns Email, Name\n"
        "  put a field that holds a comma in quotes"
    )


def test_a_short_row_is_named() -> None:
    """Too few fields are as wrong as too many."""
    assert refusal("Email;Name\nann@x.example\n").startswith("list.csv:2: row has 1 field, the header has 2")


def test_a_ragged_row_of_a_list_without_names_is_named() -> None:
    """A column without a name is called so."""
    assert "expected the columns Email, (unnamed)" in refusal("Email,\nann@x.example,1,2\n")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('Email,Name\nann@x.example,Ann\nbob@x.example,"Bob\ncid@x.example,Cid\n', 3),
        ('Email,Name\nann@x.example,"Ann" Bee\n', 2),
        ('"Email,Name\nann@x.example,Ann\n', 1),
        ("Email,Name\nann@x.example," + "x" * 140_000 + "\n", 2),
    ],
)
def test_a_broken_quote_is_located(text: str, line: int) -> None:
    """The error names the line on which the record begins, not the end of the file."""
    said = refusal(text)

    assert said.startswith(f"list.csv:{line}: not CSV: ")
    assert "quotes closed" in said


def test_a_declared_delimiter_that_is_no_usual_one_is_used() -> None:
    """Excel may declare any character."""
    assert read("sep=#\nEmail#Name\nann@x.example#Ann\n")[0][1]["Name"] == "Ann"
    assert "between delimiters" in refusal('sep=#\nEmail#Name\nann@x.example#"Ann\n')


@pytest.mark.parametrize("text", ["", "\n\n", " \n", ",,,\n"])
def test_an_empty_list_is_refused(text: str) -> None:
    """There is not even a header."""
    assert refusal(text) == (
        "list.csv:1: recipient list is empty\n  expected a first line with the names of the columns"
    )


def test_two_columns_of_one_name_are_refused() -> None:
    """A tag could mean either."""
    assert refusal("\nEmail,Name,Name\n").startswith('list.csv:2: two columns are called "Name"')


def test_a_missing_address_column_names_the_nearest_one() -> None:
    """The campaign's word and the list's differ by a letter or so."""
    assert refusal("E-Mail,Name\nann@x.example,Ann\n") == (
        'list.csv:1: recipient list has no column "Email"\n  expected one of: E-Mail, Name\n  did you mean "E-Mail"?'
    )


def test_a_list_without_a_header_is_recognised() -> None:
    """A first line with an address in it is no header."""
    assert refusal("ann@x.example,Ann\nbob@x.example,Bob\n").endswith("the first line must name the columns")


def test_bad_and_double_addresses_are_set_aside() -> None:
    """Each with its line, its text, the reason, and the evidence."""
    found = parse_list(
        "Email\nann@x.example\nnobody\nANN@X.example\nann..bee@x.example\n\nBob <bob@x.example>\n", "list.csv", "Email"
    )

    assert [row.address for row in found.recipients] == ["ann@x.example", "bob@x.example"]
    assert found.set_aside == (
        SetAside(3, "nobody", Reason.INVALID, "it has no @-sign"),
        SetAside(4, "ANN@X.example", Reason.DUPLICATE, "same address as line 2"),
        SetAside(5, "ann..bee@x.example", Reason.INVALID, "An email address cannot have two periods in a row"),
    )


def test_a_row_without_an_address_is_set_aside() -> None:
    """It has a name, so it is a row; it has no address, so it is nobody to write to."""
    found = parse_list("Email,Name\n,Ann\n", "list.csv", "Email")

    assert found.set_aside == (SetAside(2, "", Reason.INVALID, "it is empty"),)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ann@x.example", "ann@x.example"),
        ("Ann.Bee+tag@X.EXAMPLE", "Ann.Bee+tag@x.example"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        ("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("иван@почта.рф", "иван@xn--80a1acny.xn--p1ai"),
        ("ann@rehearsal.test", "ann@rehearsal.test"),
    ],
)
def test_an_address_takes_the_form_that_the_envelope_needs(text: str, address: str) -> None:
    """The local part as it is, the domain in lower-case A-labels."""
    parsed = parse_address(text)

    assert parsed.text == address
    assert Envelope("", (parsed.text,)).recipients == (address,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "ann@",
        "@x.example",
        "ann@localhost",
        "ann@x..example",
        "ann bee@x.example",
        "ann@x.example\r\nRCPT TO:<eve@x.example>",
        "ann@x.example>",
        "a@b@x.example",
        "ann@[127.0.0.1]",
        '"ann bee"@x.example',
        "ann@x.invalid",
        "a" * 250 + "@x.example",
        "ann@" + "a" * 64 + ".example",
        "ann@" + ".".join(["a" * 60] * 5) + ".example",
        "é" * 125 + "@x.example",
        "ann\0@x.example",
        "ann@x\u200b.example",
    ],
)
def test_what_is_no_address_is_refused_in_words(text: str) -> None:
    """Nothing that could break a command line or a header passes."""
    with pytest.raises(ValueError, match=r"\w"):
        parse_address(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ann@x.example", "ann@X.example", True),
        ("ann@bücher.example", "ann@xn--bcher-kva.example", True),
        ("ÄNN@x.example", "änn@x.example", True),
        ("ann+a@x.example", "ann@x.example", False),
        ("a.nn@x.example", "ann@x.example", False),
    ],
)
def test_who_is_the_same_recipient(one: str, other: str, same: bool) -> None:
    """Letter case and the domain's spelling do not count; dots and plus tags do."""
    assert (parse_address(one).identity == parse_address(other).identity) is same


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        ("ann@x.example", Mailbox("", "ann@x.example")),
        (" <ann@x.example> ", Mailbox("", "ann@x.example")),
        ("Ann Bee <ann@x.example>", Mailbox("Ann Bee", "ann@x.example")),
        ('"Bee, Ann" <ann@x.example>', Mailbox("Bee, Ann", "ann@x.example")),
        ('"Ann \\"Bee\\"" <ann@x.example>', Mailbox('Ann "Bee"', "ann@x.example")),
        ("Bee, Ann <ann@x.example>", Mailbox("Bee, Ann", "ann@x.example")),
        ("Жанна < ann@X.example >", Mailbox("Жанна", "ann@x.example")),
    ],
)
def test_a_mailbox_is_read_with_and_without_a_name(text: str, mailbox: Mailbox) -> None:
    """The name may be quoted and need not be."""
    assert parse_mailbox(text) == mailbox


@pytest.mark.parametrize(
    "octets",
    [
        "Email;Name\nann@x.example;Zoë\n".encode(),
        "Email;Name\nann@x.example;Zoë\n".encode("utf-8-sig"),
        "Email;Name\nann@x.example;Zoë\n".encode("utf-16"),
        b"\xfe\xff" + "Email;Name\nann@x.example;Zoë\n".encode("utf-16-be"),
    ],
)
def test_byte_order_marks_are_understood(make_campaign: MakeCampaign, octets: bytes) -> None:
    """UTF-8 with and without its mark, and UTF-16 of either order, as spreadsheets save it."""
    campaign = make_campaign()
    campaign.list_file.write_bytes(octets)

    assert [row.fields["Name"] for row in read_list(campaign).recipients] == ["Zoë"]


@pytest.mark.parametrize(
    ("octets", "line", "what"),
    [
        (b"Email;Name\nann@x.example;Zo\xeb\n", ":2", "byte 0xeb is not UTF-8 in recipient list"),
        (b"Email\n\0\n", ":2", "recipient list holds a NUL character"),
        (b"\xff\xfeE\0m\0\n\0\x00\xd8x\0", ":2", "is not UTF-16 at octet 8"),
        (b"PK\x03\x04\x14\x00", "", "recipient list is a workbook or a ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "", "recipient list is an old Excel workbook"),
        (b"%PDF-1.7", "", "recipient list is a PDF"),
    ],
)
def test_a_file_that_is_no_text_is_a_located_error(
    make_campaign: MakeCampaign, octets: bytes, line: str, what: str
) -> None:
    """The error says what the file is, where it stops being text, and how to save it."""
    campaign = make_campaign()
    campaign.list_file.write_bytes(octets)
    with pytest.raises(ConfigurationError) as caught:
        read_list(campaign)

    assert caught.value.where == f"{campaign.list_file}{line}"
    assert what in caught.value.what


def test_a_missing_list_is_a_located_error(make_campaign: MakeCampaign, tmp_path: Path) -> None:
    """The list may vanish between reading the campaign and reading the list."""
    with pytest.raises(ConfigurationError, match=r"recipient list not found"):
        read_list(make_campaign(list_file=tmp_path / "gone.csv"))


def test_a_long_list_is_told_by_its_beginning_and_read_to_its_end(make_campaign: MakeCampaign) -> None:
    """More than what the delimiter is told from; what is wrong behind that is located all the same."""
    campaign = make_campaign()
    rows = [f"p{n}@x.example;{'n' * 300}" for n in range(5000)]
    campaign.list_file.write_text("Email;Name\n" + "\n".join(rows) + "\n")
    listing = spool_list(campaign)

    assert [row.number for row in listing.recipients] == list(range(2, 5002))
    for octets, what in [(b"z\xeb", "byte 0xeb is not UTF-8"), (b"\0", "NUL"), (b"a;b;c", "row has 3 fields")]:
        with campaign.list_file.open("ab") as file:
            file.truncate(campaign.list_file.read_bytes().rindex(b"\n") + 1)
            file.write(octets)
        with pytest.raises(ConfigurationError, match=what) as caught:
            spool_list(campaign)
        assert caught.value.where == f"{campaign.list_file}:5002"


def test_a_listing_is_the_list_in_memory(make_campaign: MakeCampaign) -> None:
    """Rows and what was set aside, however often it is gone through, and by two at a time."""
    campaign = make_campaign(email="Email")
    campaign.list_file.write_text(
        'Email,,Name\nann@x.example,x,"Zo\u00eb\nB."\nnobody,,\nANN@x.example,,\nbob@x.example,,\n'
    )
    whole, listing = read_list(campaign), spool_list(campaign)
    campaign.list_file.write_text("Email\n")  # what changes later changes nothing

    assert (tuple(listing.columns), tuple(listing.recipients)) == (whole.columns, whole.recipients)
    assert tuple(listing.set_aside) == whole.set_aside
    assert list(zip(listing.recipients, listing.recipients, strict=True)) == [(row, row) for row in whole.recipients]


def test_a_listing_that_is_long_is_in_a_file(make_campaign: MakeCampaign) -> None:
    """Of a million octets and more; memory holds a block of it."""
    campaign = make_campaign()
    rows = "".join(f"p{n}@x.example,{'n' * 500}\n" for n in range(4000))
    campaign.list_file.write_text("Email,Name\n" + rows)
    parse_address("warm@up.example")
    tracemalloc.start()
    try:
        listing = spool_list(campaign)
        assert sum(len(row.fields["Name"]) for row in listing.recipients) == 2_000_000
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 400_000
    assert peak < 1_500_000 + 4 * 2**20  # the delimiter is told from a mebicharacter


def test_a_full_disk_is_told_with_its_folder(make_campaign: MakeCampaign, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the list cannot be kept, or which addresses it had."""
    campaign = make_campaign()
    campaign.list_file.write_text("Email\nann@x.example\n")
    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", lambda _: Path("/dev/full").open("wb", buffering=0))  # noqa: SIM115
    with pytest.raises(ConfigurationError, match="cannot keep the recipient list: No space left") as caught:
        spool_list(campaign)
    assert (caught.value.where, "TMPDIR" in caught.value.hint) == (tempfile.gettempdir(), True)

    with Seen() as seen:
        seen._database.execute("PRAGMA max_page_count = 3")
        with pytest.raises(ConfigurationError, match="cannot keep the recipient list: database or disk is full"):
            sum(seen.first(f"p{n}", n) for n in range(10_000))
