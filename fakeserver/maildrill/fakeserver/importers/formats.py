"""All formats that can be imported, and the door to them: `import_text`.

Rule: what a format is called here is what `maildrill import` and docs/compatibility.md call it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from maildrill.fakeserver.importers import exim, james, kumomta, logs, mailhog, mailpit, postfix, smtp_sink
from maildrill.fakeserver.importers.dialogue import Who, transcript_of
from maildrill.fakeserver.importers.source import Source
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.language.steps import Transcript
from maildrill.fakeserver.text.rulebook import Rulebook
from maildrill.fakeserver.text.script_file import read_script
from maildrill.fakeserver.text.transcript.reader import is_transcript, read_transcript
from maildrill.fakeserver.text.transcript.rules import rules_of
from maildrill.fakeserver.text.transcript.writer import transcript_text
from maildrill.smtp import ConfigurationError, did_you_mean, escape
from maildrill.smtp.stage import VERBS

_VERBS = (*VERBS, ".", "SEND")  # SEND FROM: RFC 821
Reader = Callable[[str, str], Rulebook | Transcript]


@dataclass(frozen=True, slots=True)
class Format:
    """What another program is told or says. what: in a few words. detects: whether a text looks like it."""

    what: str
    read: Reader
    detects: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of it. format: what it was read as. text: TOML, or a transcript."""

    name: str
    format: str
    text: str

    @property
    def script(self) -> Script:
        """The script that the text is."""
        return read_script(self.text, self.name)


def _log(read: logs.Reader) -> Reader:
    def transcript(text: str, name: str) -> Transcript:
        source = Source(text, name)
        found = transcript_of(read(source.lines), name)
        if not found.sessions:
            source.fail(1, "nobody says anything in this log", expected="lines of a dialogue")
        return found

    return transcript


def _speaks(read: logs.Reader) -> Callable[[str], bool]:
    """Whether a text has a reply and a command when it is read as this."""

    def detects(text: str) -> bool:
        said = list(read(Source(text, "").lines))
        replies = any(one.text[:3].isdigit() for one in said if one.who is Who.SERVER)
        return replies and any(one.text.partition(" ")[0].upper() in _VERBS for one in said if one.who is Who.CLIENT)

    return detects


#: Each format, in the order in which a text is tried.
FORMATS: dict[str, Format] = {
    "transcript": Format("a transcript of ours: rules are made of it", read_transcript, is_transcript),
    "mailpit": Format("Mailpit's chaos triggers, as JSON or flag", mailpit.read_mailpit, mailpit.detects),
    "mailhog": Format("the settings of MailHog's Jim, as JSON or flags", mailhog.read_mailhog, mailhog.detects),
    "james": Format("behaviours of Apache James' mock SMTP server, as JSON", james.read_james, james.detects),
    "smtp-sink": Format("a command line of Postfix' smtp-sink", smtp_sink.read_smtp_sink, smtp_sink.detects),
    "kumomta": Format("the responses.toml of KumoMTA's smart sink", kumomta.read_kumomta, kumomta.detects),
    "connection-log": Format("a log of maildrill's", _log(logs.connection_log), _speaks(logs.connection_log)),
    "postfix": Format("lines of Postfix' log, with what hosts said", postfix.read_postfix, postfix.detects),
    "swaks": Format("the output of swaks", _log(logs.swaks), _speaks(logs.swaks)),
    "smtplib": Format("what smtplib prints with set_debuglevel", _log(logs.smtplib), _speaks(logs.smtplib)),
    "maxbulk": Format("a connection log of MaxBulk Mailer", _log(logs.maxbulk), _speaks(logs.maxbulk)),
    "curl": Format("what curl -v prints", _log(logs.curl), _speaks(logs.curl)),
    "labelled": Format("a log with S: and C:, or SERVER -> CLIENT:", _log(logs.labelled), _speaks(logs.labelled)),
    "exim": Format("a server script of Exim's test suite", exim.read_exim, exim.detects),
    "telnet": Format("a session typed by hand", _log(logs.telnet), _speaks(logs.telnet)),
}


def detect(text: str) -> str | None:
    """Return the format that a text looks like, None for none."""
    return next((name for name, one in FORMATS.items() if one.detects(text)), None)


def import_text(text: str, name: str, format: str | None = None, *, as_rules: bool = False) -> Imported:  # noqa: A002
    """Return a text of another program as a script; `name` is what errors call it. Raises ConfigurationError.

    format: one of FORMATS; None finds out. as_rules: rules also where it would be a transcript.
    """
    known = format or detect(text)
    if known is None:
        raise ConfigurationError(
            "cannot tell what this is", where=name, expected="one of: " + " ".join(FORMATS), hint="name the format"
        )
    if known not in FORMATS:
        raise ConfigurationError(
            f'unknown format "{escape(known)}"',
            expected="one of: " + " ".join(FORMATS),
            hint=did_you_mean(known, FORMATS),
        )
    read = FORMATS[known].read(text, name)
    if isinstance(read, Transcript) and (as_rules or known == "transcript"):
        read = rules_of(read, f"from {escape(name)}")
    imported = Imported(name, known, read.text if isinstance(read, Rulebook) else transcript_text(read))
    try:
        imported.script  # noqa: B018 - what it says may be more than a script can say
    except ConfigurationError as error:
        what = f"this cannot be said in a script: {error.what}"
        raise ConfigurationError(what, where=name, expected=error.expected, hint=error.hint) from None
    return imported
