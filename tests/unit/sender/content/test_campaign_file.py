"""The campaign file: every key, every default, and every mistake with its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from maildrill.sender.campaign import (
    Account,
    Campaign,
    Limits,
    Mailbox,
    Mode,
    RetryPolicy,
    UnknownPolicy,
)
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.dsn import DsnRequest, Notify, Ret
from maildrill.sender.retry import PRESETS
from maildrill.smtp import ConfigurationError
from maildrill.smtp.quantity import Rate

Write = Callable[[str], Path]

LEAST = """\
[campaign]
name = "spring"
from = "ann@sender.example"
subject = "Hello [Name|friend]"
[account]
host = "mx.example"
[list]
file = "list.csv"
email = "Email"
[message]
text = "letter.txt"
"""

FULL = """\
[campaign]
name = "Spring, première"
from = '"Bee, Ann" <ann@sender.example>'
reply_to = "Desk <desk@BÜRO.example>"
subject = "Hello"
mode = "batch"
seed = 42

[account]
host = "::1"
port = 2525

[list]
file = "list.csv"
email = "Email"

[message]
text = '''
Hi [Name|friend],

C:\\temp
'''
html = "letter.html"
attachments = ["one.pdf", "two.pdf"]

[retry]
schedule = ["5m", "5m", "1h"]
cap = "30m"
jitter = 0.5
lifetime = "2d"
unknown = "at-least-once"

[limits]
connections = 2
messages_per_connection = 3
recipients_per_transaction = 4
rate = "100/1m"
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a writer of campaign files into a folder with a list, letters and attachments."""
    for name, content in {
        "list.csv": "Email\nann@x.example\n",
        "letter.txt": "Dear [Name|friend],\n",
        "letter.html": "<p>Dear [Name|friend],</p>\n",
        "broken.txt": "Dear\n[Name,\n",
        "one.pdf": "1",
        "two.pdf": "2",
    }.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes(b"Dear\nZo\xeb\n")

    def written(text: str) -> Path:
        path = tmp_path / "campaign.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_a_full_campaign_is_read(write: Write, tmp_path: Path) -> None:
    """Every key ends up where it belongs, in seconds, absolute paths and the envelope's addresses."""
    assert read_campaign(write(FULL)) == Campaign(
        name="Spring, première",
        sender=Mailbox("Bee, Ann", "ann@sender.example"),
        reply_to=Mailbox("Desk", "desk@xn--bro-hoa.example"),
        subject="Hello",
        mode=Mode.BATCH,
        seed=42,
        account=Account(host="::1", port=2525),
        list_file=tmp_path / "list.csv",
        email="Email",
        text="Hi [Name|friend],\n\nC:\\temp\n",
        html="<p>Dear [Name|friend],</p>\n",
        attachments=(tmp_path / "one.pdf", tmp_path / "two.pdf"),
        retry=RetryPolicy(
            schedule=(300.0, 300.0, 3600.0),
            cap=1800.0,
            jitter=0.5,
            lifetime=172800.0,
            unknown=UnknownPolicy.AT_LEAST_ONCE,
        ),
        limits=Limits(
            connections=2, messages_per_connection=3, recipients_per_transaction=4, rate=Rate(count=100, seconds=60.0)
        ),
        file=tmp_path / "campaign.toml",
    )


def test_the_least_campaign_has_good_defaults(write: Write) -> None:
    """Merge mode, port 25, RFC 5321's schedule, at most once."""
    campaign = read_campaign(write(LEAST))

    assert (campaign.mode, campaign.seed, campaign.reply_to, campaign.html) == (Mode.MERGE, 0, None, None)
    assert campaign.text == "Dear [Name|friend],\n"
    assert campaign.account == Account(host="mx.example", port=25)
    assert campaign.retry == PRESETS["rfc5321"]
    assert campaign.retry.unknown is UnknownPolicy.AT_MOST_ONCE
    assert campaign.limits == Limits()


def test_keys_override_a_preset(write: Write) -> None:
    """A preset's schedule stays; cap, jitter, lifetime and the policy for Unknown are one's own."""
    lines = 'preset = "postfix"\ncap = "10m"\njitter = 0.9\nlifetime = "1d"\nunknown = "at-least-once"\n'
    retry = read_campaign(write(f"{LEAST}[retry]\n{lines}")).retry

    assert retry == RetryPolicy(
        schedule=PRESETS["postfix"].schedule,
        cap=600.0,
        jitter=0.9,
        lifetime=86400.0,
        unknown=UnknownPolicy.AT_LEAST_ONCE,
    )


def test_a_schedule_caps_at_its_last_delay(write: Write) -> None:
    """Nothing else is said, so nothing longer is meant."""
    retry = read_campaign(write(f'{LEAST}[retry]\nschedule = ["1m", "2h"]\n')).retry

    assert retry == RetryPolicy(schedule=(60.0, 7200.0), cap=7200.0)


def test_one_delay_need_not_be_a_list(write: Write) -> None:
    """A schedule of one delay repeats it."""
    assert read_campaign(write(f'{LEAST}[retry]\nschedule = "15m"\n')).retry.schedule == (900.0,)


def test_html_alone_is_a_message(write: Write) -> None:
    """A text part is good manners, not a must."""
    campaign = read_campaign(write(LEAST.replace('text = "letter.txt"', 'html = "letter.html"')))

    assert (campaign.text, campaign.html) == (None, "<p>Dear [Name|friend],</p>\n")


def test_paths_are_relative_to_the_campaign(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the command was started does not matter."""
    path = write(LEAST)
    monkeypatch.chdir(path.parent)
    campaign = read_campaign(Path("campaign.toml"))

    assert campaign.list_file == path.parent / "list.csv"
    assert campaign.file == path


MISTAKES = [
    # (old line, new line, line of the error, what is said)
    ('name = "spring"', 'nam = "spring"', 1, '"name" is missing in [campaign]'),
    ('name = "spring"', 'name = "spring"\nnome = 1', 3, 'unknown key "nome" in [campaign]'),
    ('name = "spring"', "name = 5", 2, "campaign.name is 5"),
    ('name = "spring"', 'name = " "', 2, '"name" is " "'),
    ('name = "spring"', 'name = "a\\nb"', 2, '"name" is "a\\nb"'),
    ('from = "ann@sender.example"', 'from = "ann"', 3, '"from" is "ann": it has no @-sign'),
    ('from = "ann@sender.example"', 'from = "Ann <ann@x..example>"', 3, "an email address cannot have two periods"),
    ('from = "ann@sender.example"', 'from = "a@x.example"\nreply_to = ""', 4, '"reply_to" is "": it is empty'),
    ('subject = "Hello [Name|friend]"', 'subject = "Hello [Name"', 4, '"[Name" opens a tag that is not closed'),
    ('subject = "Hello [Name|friend]"', 'subject = "x"\nmode = "bach"', 5, 'campaign.mode is "bach"'),
    ('subject = "Hello [Name|friend]"', 'subject = "x"\nseed = -1', 5, "campaign.seed is -1"),
    ('host = "mx.example"', 'host = "mx.example:25"', 6, 'account.host is "mx.example:25"'),
    ('host = "mx.example"', 'host = "mx example"', 6, 'account.host is "mx example"'),
    ('host = "mx.example"', 'host = ""', 6, '"host" is ""'),
    ('host = "mx.example"', 'host = "h"\nport = 0', 7, "account.port is 0"),
    ('host = "mx.example"', 'host = "h"\nport = 65536', 7, "account.port is 65536"),
    ('host = "mx.example"', 'host = "h"\nport = true', 7, "account.port is true"),
    ('host = "mx.example"', 'host = "h"\nuzer = "u"', 7, 'unknown key "uzer" in [account]'),
    ('file = "list.csv"', 'file = "lost.csv"', 8, 'file "lost.csv" not found'),
    ('file = "list.csv"', 'file = ""', 8, 'file "" not found'),
    ('email = "Email"', "", 7, '"email" is missing in [list]'),
    ('email = "Email"', 'email = "Email"\nnames = 1', 10, 'unknown key "names" in [list]'),
    ('text = "letter.txt"', "", 10, "message has neither text nor html"),
    ('text = "letter.txt"', 'text = "lost.txt"', 11, 'file "lost.txt" not found'),
    ('text = "letter.txt"', 'text = """\nDear\n[Name,\n"""', 11, '"[Name,\\n" opens a tag that is not closed (line 2'),
    ('text = "letter.txt"', "text = 'letter.txt'\nhtml = '''\n[]\n'''", 12, '"[]" is a tag without a name (line 1'),
    ('text = "letter.txt"', 'text = "letter.txt"\nattachments = ["one.pdf", "3.pdf"]', 12, 'file "3.pdf" not found'),
    ('text = "letter.txt"', 'text = "letter.txt"\nattachments = [1]', 12, "message.attachments is a list"),
    ('text = "letter.txt"', 'text = "letter.txt"\nbody = "x"', 12, 'unknown key "body" in [message]'),
    ('text = "letter.txt"', 'text = "letter.txt"\n[retries]', 12, 'unknown key "retries"'),
    ("[list]", "[message]", 10, "not TOML: cannot declare"),
]

DSN_MISTAKES = [
    ('notify = "sucess"', '"sucess" in dsn.notify', 'did you mean "success"?'),
    (
        'notify = ["never", "delay"]',
        "dsn.notify has never beside delay",
        "RFC 3461 section 4.1; leave out never, or delay",
    ),
    ("notify = []", "dsn.notify is empty", "leave the key out to have what the server does unasked"),
    ("notify = 1", "dsn.notify is 1", ""),
    ('ret = "headers"', 'dsn.ret is "headers"', 'did you mean "hdrs"?'),
    ('envid = "QQ314159"', 'dsn.envid is "QQ314159"', ""),
    ("orcpt = 0", "dsn.orcpt is 0", ""),
    ('notfy = "never"', 'unknown key "notfy" in [dsn]', 'did you mean "notify"?'),
]


@pytest.mark.parametrize(("line", "what", "hint"), DSN_MISTAKES)
def test_a_mistake_in_dsn_is_located(write: Write, line: str, what: str, hint: str) -> None:
    """File, line, what was expected, and what was probably meant."""
    path = write(f"{LEAST}[dsn]\n{line}\n")
    error = said(path)

    assert (error.what, error.hint) == (what, hint)
    assert error.where == f"{path}:{LEAST.count(chr(10)) + 2}"
    assert error.expected


@pytest.mark.parametrize(
    ("lines", "wishes"),
    [
        ("", DsnRequest()),
        ('notify = ["delay", "failure", "delay"]', DsnRequest(notify=(Notify.FAILURE, Notify.DELAY))),
        ('notify = "never"\nret = "full"', DsnRequest(notify=(Notify.NEVER,), ret=Ret.FULL)),
        ('ret = "hdrs"\nenvid = false\norcpt = false', DsnRequest(ret=Ret.HDRS, envid=False, orcpt=False)),
    ],
)
def test_reports_are_asked_for_by_a_table(write: Write, lines: str, wishes: DsnRequest) -> None:
    """An empty one asks for ENVID and ORCPT; without it nothing is asked for."""
    assert read_campaign(write(f"{LEAST}[dsn]\n{lines}\n")).dsn == wishes
    assert read_campaign(write(LEAST)).dsn is None


@pytest.mark.parametrize(
    ("lines", "chunk"),
    [("", 0), ('chunking = "off"', 0), ('chunking = "auto"', 2**20), ('chunking = "auto"\nchunk = "64KiB"', 65536)],
)
def test_chunking_is_asked_for_with_the_message(write: Write, lines: str, chunk: int) -> None:
    """Off unless the campaign says so; a chunk has a size."""
    assert read_campaign(write(f"{LEAST}{lines}\n")).chunk == chunk


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ('chunking = "on"', 'message.chunking is "on"'),
        ('chunk = "1MiB"', "message.chunk without chunking"),
        ('chunking = "auto"\nchunk = "1000"', "message.chunk is 1000 octets"),
        ('chunking = "auto"\nchunk = "big"', 'message.chunk is "big"'),
        ('chunking = "auto"\nchunk = 4096', "message.chunk is 4096"),
    ],
)
def test_a_mistake_in_chunking_is_located(write: Write, lines: str, what: str) -> None:
    """File and line, and what was expected."""
    path = write(f"{LEAST}{lines}\n")
    error = said(path)

    assert error.what == what
    assert error.where == f"{path}:{LEAST.count(chr(10)) + lines.count(chr(10)) + 1}"
    assert error.expected


RETRY_MISTAKES = [
    ('preset = "exim"', 'retry.preset is "exim"'),
    ('preset = "postfix"\nschedule = ["5m"]', "retry has a preset and a schedule"),
    ("schedule = []", "retry.schedule is empty"),
    ('schedule = ["5 minutes"]', '"schedule" holds "5 minutes"'),
    ('schedule = ["0s"]', '"0s" in retry.schedule is no time at all'),
    ('schedule = ["1h", "5m"]', '"5m" in retry.schedule is shorter than the delay before it'),
    ('cap = "0s"', "retry.cap is no time at all"),
    ("lifetime = 5", "retry.lifetime is 5"),
    ("jitter = 1.5", "retry.jitter is 1.5"),
    ("jitter = 1", "retry.jitter is 1"),
    ('unknown = "never"', 'retry.unknown is "never"'),
    ("attempts = 3", 'unknown key "attempts" in [retry]'),
]

LIMIT_MISTAKES = [
    ("connections = 0", "limits.connections is 0"),
    ("messages_per_connection = 0", "limits.messages_per_connection is 0"),
    ('recipients_per_transaction = "many"', 'limits.recipients_per_transaction is "many"'),
    ('rate = "fast"', 'limits.rate is "fast"'),
    ("conections = 2", 'unknown key "conections" in [limits]'),
]


def said(path: Path) -> ConfigurationError:
    """Return the error of a campaign that must be refused."""
    with pytest.raises(ConfigurationError) as caught:
        read_campaign(path)
    return caught.value


@pytest.mark.parametrize(("old", "new", "line", "what"), MISTAKES)
def test_a_mistake_is_located(write: Write, old: str, new: str, line: int, what: str) -> None:
    """The error names the file and the line of the key, or of the table that lacks it."""
    path = write(LEAST.replace(old, new))
    error = said(path)

    assert what in error.what
    assert error.where == f"{path}:{line}"


@pytest.mark.parametrize(
    ("text", "what"),
    [(f"[retry]\n{lines}", what) for lines, what in RETRY_MISTAKES]
    + [(f"[limits]\n{lines}", what) for lines, what in LIMIT_MISTAKES],
)
def test_a_mistake_in_retry_or_limits_is_located(write: Write, text: str, what: str) -> None:
    """Each is on the last line."""
    path = write(LEAST + text + "\n")
    error = said(path)

    assert what in error.what
    assert error.where == f"{path}:{(LEAST + text).count(chr(10)) + 1}"
    assert error.expected


def test_a_misspelt_key_is_guessed(write: Write) -> None:
    """The nearest known key is offered, optional ones included."""
    error = said(write(f'{LEAST}[retry]\nlife_time = "1d"\n'))

    assert error.hint == 'did you mean "lifetime"?'


@pytest.mark.parametrize("table", ["campaign", "account", "list", "message", "retry", "limits", "dsn"])
def test_every_key_is_documented(write: Write, table: str) -> None:
    """What the reader takes is what docs/campaigns.md lists: its rows for a table, in the same order."""
    text = LEAST if f"[{table}]" in LEAST else f"{LEAST}[{table}]\n"
    keys = said(write(text.replace(f"[{table}]", f"[{table}]\nno_such_key = 1"))).expected.removeprefix("one of: ")
    page = (Path(__file__).parents[4] / "docs" / "campaigns.md").read_text(encoding="utf-8")
    section = page.partition(f"| `[{table}]` |")[2].partition("\n| `[")[0].partition("\n\n")[0]
    documented = [row.split("|")[1].strip(" `") for row in ("|" + section).replace("\n| |", "\n|").split("\n")]

    assert sorted(documented) == sorted(keys.split())


def test_a_broken_letter_is_located_in_its_own_file(write: Write, tmp_path: Path) -> None:
    """The tag stands in the letter, so the letter's line counts."""
    assert said(write(LEAST.replace("letter.txt", "broken.txt"))).where == f"{tmp_path / 'broken.txt'}:2"


def test_a_letter_that_is_not_utf8_is_located(write: Write, tmp_path: Path) -> None:
    """File, line and octet are named."""
    error = said(write(LEAST.replace("letter.txt", "latin.txt")))

    assert error.where == f"{tmp_path / 'latin.txt'}:2"
    assert "byte 0xeb is not UTF-8 in message.text" in error.what


def test_a_missing_campaign_and_a_broken_one_are_located(write: Write, tmp_path: Path) -> None:
    """No file, and no TOML."""
    assert said(tmp_path / "gone.toml").where == str(tmp_path / "gone.toml")
    assert said(write("[campaign]\nname = spring\n")).where.endswith("campaign.toml:2")
