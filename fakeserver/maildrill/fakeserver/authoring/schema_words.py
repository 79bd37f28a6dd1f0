"""The words of a script, table by table, with what each means: what the JSON Schema is made of.

Rule: a word that a reader takes is here, and no other; docs/script-language.md has the same meanings. Pure.
"""

from __future__ import annotations

from maildrill.fakeserver.authoring.schema_kinds import (
    DRIP,
    FLAG,
    NAME,
    PAUSE,
    SHARE,
    TEASE,
    TEXT,
    Schema,
    Word,
    known,
    one_of,
    one_or_more,
    text,
    whole,
)
from maildrill.fakeserver.language.injection import Action, Feedback, Kind
from maildrill.fakeserver.language.scenario import ENDS
from maildrill.fakeserver.language.script_words import Cut, Handshake, Mangle, Then
from maildrill.fakeserver.language.settings import Unmatched

_PATTERNS = known("patterns")
_STAGES: Schema = {"anyOf": [{"const": "*"}, one_or_more(known("stage"))]}
_BY_NAME: Schema = {"type": "object", "additionalProperties": _PATTERNS, "minProperties": 1}
_HOSTNAME: Schema = {"type": "string", "pattern": "^[!-~]{1,255}$"}

RULE: tuple[Word, ...] = (
    Word("at", "required: where the rule may act", _STAGES, ("rcpt", ["mail", "rcpt"], "*")),
    Word("from", "the reverse-path", _PATTERNS, ("news@*",)),
    Word("rcpt", "the recipient", _PATTERNS, ("bob@*", r"~\+shop@")),
    Word("domain", "the recipient's domain", _PATTERNS, (["busy.test", "!vip.busy.test"],)),
    Word("ehlo", "the name given with EHLO or HELO", _PATTERNS, ("*.dynamic.example",)),
    Word("client", "the client's address", _PATTERNS, ("192.0.2.*",)),
    Word("user", "who is logged in, at AUTH who wants to be", _PATTERNS, ("ann",)),
    Word("command", "what the client said, verb and all", _PATTERNS, ("XCLIENT *",)),
    Word("pipelined", "whether the client said it without waiting for the reply before", FLAG, (True,)),
    Word("header", "any field of the message's header", _BY_NAME, ({"X-Campaign": "spring*"},)),
    Word("subject", "the message's Subject field", _PATTERNS, ("*lottery*",)),
    Word("body", "the message's text", _PATTERNS, ("*unsubscribe*",)),
    Word("size", "octets", known("numbers"), (">1MB",)),
    Word("tls", "whether TLS is spoken, or which version", {"anyOf": [FLAG, _PATTERNS]}, (False, "TLSv1.2")),
    Word("param", "a parameter of MAIL or RCPT", _BY_NAME, ({"SIZE": ">1000"},)),
    Word("key", "what is counted; without it the whole run counts as one", known("key"), (["client", "from", "rcpt"],)),
    Word("attempt", "which events of the key: the nth", known("attempts"), ("1-2",)),
    Word("times", "fires so often for each key, then never again", whole(1), (1,)),
    Word("age", "time since the key was first seen; at idle since the last reply", known("age"), ("<5m",)),
    Word("over", "when more than that would go through within that time", known("rate"), ("100/1h",)),
    Word("open", "sessions that are open now", known("numbers"), (">2",)),
    Word("during", "time since the server started", known("during"), ("10m..20m",)),
    Word("chance", "drawn by hash: repeatable, and independent of order", SHARE, (0.1,)),
    Word("state", "in which state the run, or the key, is", one_or_more(NAME), ("start",)),
    Word("set", "in which state it is from then on", NAME, ("down",)),
    Word("priority", "1 is asked first, 5 is usual", whole(1), (1,)),
    Word("reply", "a code and a text, said in the server's place", known("reply"), ("451 4.7.1 later, {rcpt}",)),
    Word("replies", "one after the other for each key; the last stays", one_or_more(known("reply"))),
    Word("then", "what comes after the last of them", one_of(Then)),
    Word("raw", "said as they are, in place of a reply", TEXT, (r"250 ok\n",)),
    Word("mangle", "what is wrong with the octets of the reply", one_of(Mangle)),
    Word("drip", "so many octets of the reply at a time", text(DRIP), ("1B/500ms",)),
    Word("tease", "so many lines that go on, before the reply", text(TEASE), ("30s x 20",)),
    Word("wait", "time that passes before anything else is done", text(PAUSE), ("30s", "{n}m")),
    Word("after", "at `body`: after so many octets", known("size"), ("4096B",)),
    Word("sip", "at `body`: so many octets of the message are read at a time", text(DRIP), ("512B/1s",)),
    Word("cut", "how the connection ends, or does not", one_of(Cut)),
    Word("commit", "whether the message is taken, whatever is replied", FLAG),
    Word("caps", "change what EHLO advertises", known("caps"), (["-8BITMIME", "SIZE 1000"],)),
    Word("handshake", "at `tls`: what goes wrong", one_of(Handshake)),
    Word(
        "to", "the SMTP server that does what was asked for, and whose reply is said", TEXT, ("smtp://127.0.0.1:2526",)
    ),
    Word("outside", "whether `to` may be another machine", FLAG),
    Word("lint", "whether a reply must be one that a server may give", FLAG),
    Word("name", "what logs call the rule; without it `file:line`", NAME),
)

ITEM: tuple[Word, ...] = (
    Word("weight", "so many of all that the mix weighs", {"type": "number", "exclusiveMinimum": 0}, (5,)),
    Word("at", "where the item may act; without it the attempt is let through", one_or_more(known("stage")), ("rcpt",)),
    *(word for word in RULE if word.name != "at"),
)

PROFILE: tuple[Word, ...] = (
    Word("name", "what it is called, and part of every draw; without it `file:line`", NAME),
    Word("domain", "for whose recipients it is; without it for all", _PATTERNS, (["gmail.com", "googlemail.com"],)),
    Word(
        "mix",
        '`weight`, and all words of a rule but `"*"`',
        {"type": "array", "items": known("item"), "minItems": 1},
    ),
)

EXPECT: tuple[Word, ...] = (
    Word("rcpt", "whom it is about: the recipient", _PATTERNS, ("ann@example.com",)),
    Word("domain", "whom it is about: the recipient's domain", _PATTERNS),
    Word("from", "whom it is about: the reverse-path", _PATTERNS),
    Word("subject", "whom it is about: the message's Subject field", _PATTERNS),
    Word("client", "whom it is about: the client's address", _PATTERNS),
    Word("committed", "messages that the server took, for each recipient", known("count"), (1,)),
    Word("acknowledged", "messages that it said to have taken", known("count"), (1,)),
    Word("attempts", "RCPT commands that named the recipient", known("count"), ("2-3",)),
    Word("gap", "time between two attempts, any two that follow one another", known("age"), (">=5m",)),
    Word("age", "time from the first attempt to any other", known("age"), ("<=5d",)),
    Word("messages", "messages that came whole, taken or not", known("count")),
    Word("recipients", "different recipients that were named", known("count")),
    Word("sessions", "connections", known("count")),
    Word("open", "connections at the same time, at most", known("count"), ("<=5",)),
    Word("at", "commands at this stage", one_or_more(known("stage")), ("rcpt",)),
    Word("reply", 'what was answered: `"4*"`, `"550 5.1.1*"`', _PATTERNS, ("4*",)),
    Word("rule", "which rule answered", _PATTERNS),
    Word("count", "so many of these events", known("count"), ("1-",)),
    Word("rate", "never more of these events in any such time", known("rate"), ("100/1h",)),
    Word("name", "what a failure calls it", NAME),
)

ON_COMMIT: tuple[Word, ...] = (
    Word("rcpt", "the recipient", _PATTERNS, ("bounce@*",)),
    Word("domain", "the recipient's domain", _PATTERNS),
    Word("from", "the reverse-path", _PATTERNS),
    Word("subject", "the message's Subject field", _PATTERNS),
)

_ON_COMMIT: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {word.name: word.to_schema() for word in ON_COMMIT},
}

INJECT: tuple[Word, ...] = (
    Word("on_commit", "which messages: patterns as in a rule; `{}` is all", _ON_COMMIT, ({"rcpt": "bounce@*"},)),
    Word(
        "kind",
        "a delivery status notification (RFC 3464), a feedback report (RFC 5965), an automatic reply (RFC 3834)",
        one_of(Kind),
    ),
    Word("wait", "how long after the message was taken", known("duration"), ("2h",)),
    Word("times", "so often in all, then never again", whole(1)),
    Word("chance", "drawn by hash of the recipient and the message", SHARE),
    Word(
        "to", "the SMTP server to which it is delivered; without it it stays in the journal", TEXT, ("127.0.0.1:2526",)
    ),
    Word("outside", "whether `to` may be another machine", FLAG),
    Word("address", "for whom it is; without it the reverse-path of the message", TEXT),
    Word("text", "what a person reads in it", TEXT),
    Word(
        "action",
        "of a `dsn`: what has become of the message; `failed` if nothing is said",
        one_of(Action),
    ),
    Word(
        "status",
        "of a `dsn`: the enhanced status code",
        {"type": "string", "pattern": r"^[245]\.\d{1,3}\.\d{1,3}$"},
        ("5.1.1",),
    ),
    Word("diagnostic", "of a `dsn`: the reply that the server got where it tried to deliver", TEXT),
    Word("feedback", "of a `complaint`: what it is about; `abuse` if nothing is said", one_of(Feedback)),
    Word("name", "what logs call it", NAME),
)

#: Limits by name: `[server.limits]`; see settings.Limits.
LIMITS: tuple[Word, ...] = (
    Word("message", "octets of a message that are kept, and that SIZE says at most", known("size"), ("10MB",)),
    Word("memory", "octets of all messages that are being received at the same time", known("size"), ("1GB",)),
    Word("line", "octets of a command line, CRLF included", known("size"), (512,)),
    Word("recipients", "in a transaction", whole(1)),
    Word("commands", "in a session", whole(1)),
    Word("errors", "commands in a session that were malformed, out of place or unknown", whole(1)),
    Word("connections", "at the same time", whole(1)),
    Word("silence", "between two commands, or without an octet within one", known("duration"), ("5m",)),
    Word("command", "for one command line from its first octet", known("duration")),
    Word("session", "for a session", known("duration"), ("1d",)),
)

SERVER: tuple[Word, ...] = (
    Word("hostname", "what the server calls itself; `mx.test` if nothing is said", _HOSTNAME, ("mx.test",)),
    Word("seed", "makes the draws", whole(), (42,)),
    Word("unmatched", "what becomes of an event that no rule answers", one_of(Unmatched)),
    Word("lint", "false lets replies stand that no server may give", FLAG),
    Word("strict", "whether commands must keep to the grammar of RFC 5321 to the letter", FLAG),
    Word("tls", "whether STARTTLS is offered", FLAG),
    Word(
        "users",
        "who may log in, each with a password; without users everybody may",
        {"type": "object", "additionalProperties": NAME},
        ({"ann": "secret"},),
    ),
    Word("anonymous", "whether who has not logged in may send; without it unless there are users", FLAG),
    Word("auth", "the mechanisms of AUTH that are offered", known("mechanisms"), (["PLAIN", "LOGIN"],)),
    Word("caps", "change what EHLO advertises, in every session", known("caps"), ("-CHUNKING",)),
    Word("limits", "how much clients may ask of the server", known("limits")),
)

SCENARIO: tuple[Word, ...] = (
    Word("purpose", "required: what it is for, in one sentence", NAME),
    Word("source", "required: an RFC's section, a provider's page, an incident", one_or_more(NAME)),
    Word(
        "recipients", "who is written to; `{1..30}` stands for thirty", one_or_more(NAME), ("guest{1..30}@full.test",)
    ),
    Word("list", "who is written to instead, as the text of a CSV file", TEXT, ("address,Name\nann@full.test,Ann\n",)),
    Word("size", "how long the letter is made, in octets", known("size"), ("300KB",)),
    Word("seed", "chooses every draw: of the sender, of the servers, of the network", whole(0), (3,)),
    Word("campaign", "what the campaign is like, in the words of campaign files", {"type": "object"}),
    Word("dns", "what a direct campaign is told of domains, as in the file of `--dns`", {"type": "object"}),
    Word("hosts", "what servers say that are not this one, each a script", {"type": "object"}),
    Word("network", "how octets travel: `latency`, `jitter`, `segment`, `cuts`", {"type": "object"}),
    Word(
        "event",
        "what happens meanwhile: the sender stops or dies, operators and lists change their minds",
        {"type": "array", "items": {"type": "object"}},
    ),
    Word("expect", "what the server should have seen, as in `[[expect]]`", {"type": "array", "items": known("expect")}),
    Word("outcome", "what the sender should say of them", {"type": "array", "items": known("outcome")}),
)

OUTCOME: tuple[Word, ...] = (
    Word("rcpt", "of whom: the recipient; without it and `domain` of everybody", _PATTERNS, ("ann@*",)),
    Word("domain", "of whom: the recipient's domain", _PATTERNS),
    Word("state", "where each of them ends", one_of(ENDS)),
    Word("attempts", "the tries of each that counted", known("count"), (2, "2-3")),
    Word("row", "which [row](dispositions.md) ruled a try of each", one_or_more(NAME), ("rcpt-4yz",)),
    Word("within", "how long after the beginning the last try of each ended", known("age"), ("<5m",)),
    *(Word(end, "how many of them end so", known("count"), (1,)) for end in ENDS),
    Word("name", "what a failure calls it", NAME),
)

TOP: tuple[Word, ...] = (
    Word("version", "of this language; there is only one so far", {"const": 1}),
    Word(
        "use",
        "other scripts behind this one: packs, and files relative to this one",
        one_or_more(NAME),
        ("profiles/gmail",),
    ),
    Word(
        "clock",
        "whether time passes as everybody's, jumps when everybody waits, or passes so many times as fast",
        {"type": "string", "pattern": r"^(real|virtual|scaled:\d{1,7}(\.\d{1,3})?)$"},
        ("real", "virtual", "scaled:60"),
    ),
    Word("scenario", "what the script is for, and what comes of it", known("scenario")),
    Word("server", "what the server is like apart from its rules", known("server")),
    Word("rule", "what it does: the first rule that matches answers", {"type": "array", "items": known("rule")}),
    Word("profile", "what it does to so many of a hundred", {"type": "array", "items": known("profile")}),
    Word("expect", "what the client should have done when all is over", {"type": "array", "items": known("expect")}),
    Word("inject", "what the server sends by itself later", {"type": "array", "items": known("inject")}),
)
