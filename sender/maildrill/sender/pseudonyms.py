"""A log that can be shown to strangers: names become keyed hashes, and everything else stays as it was.

Rule 1: one name, one pseudonym, whatever its letter case, so that the log can still be replayed. Rule 2: a field that
is not known to hold a word of ours is text, and text is scrubbed. Pure: the key is an argument.
"""

from __future__ import annotations

import re
from base64 import b32encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import blake2b

from maildrill.sender.dsn import original_recipient
from maildrill.sender.log_event import LogEvent
from maildrill.sender.review.located import Located
from maildrill.smtp import EnhancedStatus, Stage

#: Behind every domain's pseudonym: reserved (RFC 2606), and taken for a domain by whoever rehearses with it.
SUFFIX = ".test"

#: Fields whose text is a word of ours.
_WORDS = frozenset(
    {
        "mark",
        "verdict",
        "state",
        "scope",
        "stage",
        "fault",
        "dsn",
        "row",
        "override",
        "type",
        "before",
        "by",
        "mode",
        "limit",
        "command",
        "kind",
    }
)
#: Extensions that anybody may offer.
_NAMES = frozenset(
    {
        "PIPELINING",
        "SIZE",
        "8BITMIME",
        "SMTPUTF8",
        "ENHANCEDSTATUSCODES",
        "CHUNKING",
        "BINARYMIME",
        "DSN",
        "STARTTLS",
        "AUTH",
        "HELP",
        "VRFY",
        "EXPN",
        "ETRN",
        "LIMITS",
        "REQUIRETLS",
        "DELIVERBY",
        "MT-PRIORITY",
        "FUTURERELEASE",
        "CHECKPOINT",
        "XCLIENT",
        "XFORWARD",
        "BURL",
        "RRVS",
        "TURN",
        "ATRN",
        "OK",
    }
)
_KEPT = frozenset({"127.0.0.1", "::1"})
_TEXT = r"""
    (?P<url>https?://[^\s<>"]+)
  | (?P<address>[^\s<>()\[\],;:"'@]+@(?:\[[^\]]*\]|[^\s<>()\[\],;:"'@=]+))
  | (?P<ip>(?<![\w:.])(?:ipv6:)?
      (?:(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}|[0-9a-f:]*::[0-9a-f:]*|\d{1,3}(?:\.\d{1,3}){3})(?![\w:]))
  | (?P<domain>(?:[\w-]+\.)+[^\W\d_][\w-]*[^\W_])
  | (?P<token>\w[\w+-]*)
"""
_IP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|(?:ipv6:)?[0-9a-f:]*:[0-9a-f:]*:[0-9a-f:.]*", re.IGNORECASE)
_HOST = re.compile(r"(?P<host>.+?)(?P<port>:\d+)?", re.DOTALL)
_GREETED = re.compile(
    r"(?P<code>\d\d\d[ -])(?P<name>\S+)(?P<rest>.*)|(?P<verb>(?:EHLO|HELO|LHLO) )(?P<us>\S+)", re.IGNORECASE | re.DOTALL
)
_OPAQUE = re.compile(r"(?=.*\d)(?=.*[a-z])\w{10,}", re.IGNORECASE)
_SETUP = frozenset({Stage.BANNER, Stage.EHLO, Stage.HELO})
_QUOTED = re.compile(r'"[^"]*"|\'[^\']*\'')
_SHORTEST_NAME = 3  # letters of a local part that is looked for in what servers say


class Pseudonyms:
    """Gives each name its pseudonym under `key`, and learns from each event which names there are."""

    def __init__(self, key: bytes) -> None:
        self._key = blake2b(key, digest_size=32).digest()
        self._locals: set[str] = set()
        self._odd: set[str] = set()  # addresses and domains that no pattern finds
        self._pattern = _compiled(())
        self._by_kind: dict[str, Callable[[str], str]] = {
            "odd": self._odd_one,
            "url": lambda url: f"https://{self._hash('d', url)}{SUFFIX}/",
            "address": self.address,
            "ip": self._ip,
            "domain": self.domain,
            "token": self._token,
        }
        self._by_field: dict[str, Callable[[str], str]] = {
            "recipient": self.address,
            "sender": self.address,
            "message_id": self._message_id,
            "relay": self._relay,
            "host": self._relay,
            "campaign": lambda name: self._hash("c", name),
            "body_hash": lambda digest: self._hash("b", digest),
            "value": self._value,
            "account": self._account,
        }

    def of(self, one: Located) -> Located:
        """Return the same event without a name in it."""
        event = one.event
        self.learn(one)
        if event.kind == "recipient.set_aside":
            fields = {name: self._aside(name, value) for name, value in event.fields.items()}
        elif event.kind == "line" and one.stage in _SETUP:
            fields = {**event.fields, "text": self._greeting(str(event.fields["text"]))}
        else:
            fields = {name: self._field(name, value) for name, value in event.fields.items()}
        return replace(
            one,
            event=LogEvent(event.number, event.at, event.kind, fields),
            recipients=tuple(map(self.address, one.recipients)),
        )

    def address(self, address: str) -> str:
        """Return the pseudonym of an address; of what has no domain, that of a local part."""
        local, at, domain = address.rpartition("@")
        if not at:
            return self._hash("u", address)
        return f"{self._hash('u', local)}@{self.domain(domain)}"

    def domain(self, domain: str) -> str:
        """Return the pseudonym of a domain, a host or an address literal."""
        bare = domain.strip("[]")
        if _is_ip(bare):
            return domain.replace(bare, self._ip(bare))
        return self._hash("d", domain.rstrip(".")) + SUFFIX

    def text(self, text: str) -> str:
        """Return `text` without addresses, domains, hosts, IP addresses, links, local parts and opaque words."""
        return self._pattern.sub(self._found, text)

    def _found(self, match: re.Match[str]) -> str:
        return self._by_kind[match.lastgroup or ""](match[0])

    def _odd_one(self, name: str) -> str:
        return self.address(name) if "@" in name else self.domain(name)

    def _token(self, said: str) -> str:
        """A word: a local part that is known, or a queue id and the like; else it is a word."""
        if said.casefold() in self._locals:
            return self._hash("u", said)
        return self._hash("q", said) if _OPAQUE.fullmatch(said) and said.upper() not in _NAMES else said

    def _field(self, name: str, value: object) -> object:
        if isinstance(value, str):
            return value if name in _WORDS else self._by_field.get(name, self.text)(value)
        if isinstance(value, list | tuple):
            return [self._item(name, item) for item in value]
        if isinstance(value, Mapping):
            return {key: self._field(key, item) for key, item in value.items()}
        return value

    def _item(self, name: str, item: object) -> object:
        if name == "recipients":
            return self.address(str(item))
        if name == "capabilities":
            return item if str(item).upper() in _NAMES else self._hash("X", str(item))
        return self._field(name, item)

    def _aside(self, name: str, value: object) -> object:
        """What stands in a list is anything; what was wrong with it may quote it."""
        if name == "detail":
            return self.text(_QUOTED.sub('"…"', str(value)))
        return value if name == "reason" else self._field(name, value)

    def _greeting(self, text: str) -> str:
        """Hosts name themselves first, in one word that need not look like a host's name."""
        match = _GREETED.fullmatch(text)
        if match is None:
            return self.text(text)
        if match["verb"]:
            return match["verb"] + self.domain(match["us"])
        name = match["name"]
        kept = name.partition("=")[0].upper() in _NAMES or EnhancedStatus.leading(name) is not None
        named = name if kept else self.domain(name)
        return match["code"] + named + self.text(match["rest"])

    def _value(self, value: str) -> str:
        return self.address(value) if re.fullmatch(r"[^\s<>\"]+@[^\s<>\"]+", value) else self._hash("u", value)

    def _message_id(self, message_id: str) -> str:
        return f"<{self._hash('m', message_id)}@{SUFFIX[1:]}>"

    def _relay(self, relay: str) -> str:
        return ", ".join(self._one_relay(one) for one in relay.split(", "))

    def _one_relay(self, relay: str) -> str:
        if relay == "direct":
            return relay
        match = _HOST.fullmatch(relay)
        return relay if match is None else self.domain(match["host"]) + (match["port"] or "")

    def _account(self, account: str) -> str:
        scrubbed = self.text(account)
        return scrubbed if scrubbed != account else self._hash("a", account)

    def _ip(self, ip: str) -> str:
        if ip in _KEPT:
            return ip
        digest = self._digest("i", ip)
        if ":" in ip:
            return f"2001:db8::{digest[0]:x}{digest[1]:02x}:{digest[2]:x}{digest[3]:02x}"  # RFC 3849
        return f"198.{18 + digest[0] % 2}.{digest[1]}.{digest[2]}"  # RFC 2544

    def learn(self, one: Located) -> Located:
        """Take note of the names in an event, to find them in what is said later; return the event as it is."""
        fields = one.event.fields
        names = [fields.get("recipient"), fields.get("sender")]
        several = fields.get("recipients")
        names += several if isinstance(several, list | tuple) else []
        for name in names:
            if isinstance(name, str):
                self._know(name)
        relay = fields.get("relay")
        if isinstance(relay, str):
            for host in relay.split(", "):
                self._know_odd(host.rpartition(":")[0] or host)
        return one

    def _know(self, address: str) -> None:
        local, _, domain = address.rpartition("@")
        if len(local) >= _SHORTEST_NAME and not local.isdigit():
            self._locals.add(local.casefold())
        self._know_odd(address)
        self._know_odd(original_recipient(address).partition(";")[2])  # ORCPT spells some addresses otherwise
        self._know_odd(domain)

    def _know_odd(self, name: str) -> None:
        """Remember a name that the patterns would not find whole."""
        folded = name.casefold()
        if not name or folded in self._odd:
            return
        match = self._pattern.fullmatch(name)
        if match is None or match.lastgroup not in ("address", "domain", "ip", "odd"):
            self._odd.add(folded)
            self._pattern = _compiled(self._odd)

    def _hash(self, kind: str, name: str) -> str:
        """Return a pseudonym of 60 bits: a million names have two alike once in two million logs."""
        return kind + b32encode(self._digest(kind, name)).decode("ascii").lower()[:12]

    def _digest(self, kind: str, name: str) -> bytes:
        octets = f"{kind}|{name.casefold()}".encode("utf-8", "surrogatepass")
        return blake2b(octets, key=self._key, digest_size=8).digest()


def _compiled(odd: frozenset[str] | set[str] | tuple[str, ...]) -> re.Pattern[str]:
    first = "|".join(map(re.escape, sorted(odd, key=len, reverse=True)))
    known = f"(?P<odd>(?<!\\w)(?:{first})(?!\\w)) | " if odd else ""
    return re.compile(known + _TEXT, re.IGNORECASE | re.VERBOSE)


def _is_ip(text: str) -> bool:
    return (
        re.fullmatch(r"\d{1,3}(?:\.\d{1,3}){3}|(?:IPv6:)?[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*", text) is not None
    )
