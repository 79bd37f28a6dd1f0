"""A DNS for drills, in the process: records and faults by name, as a table `[dns]` says, in virtual time.

Rule 1: a name that stands there exactly comes before a pattern. Rule 2: a name that nothing fits does not exist, but
for the hosts of the drill: each has an address of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from maildrill.fakeserver.language.span import During
from maildrill.sender.route.answers import AddressAnswer, Found, Mx, MxAnswer, TextAnswer
from maildrill.smtp import Clock, escape
from maildrill.smtp.document import Table, parse_document, read_text
from maildrill.smtp.quantity import format_duration

#: What a name may be told instead of records.
FAULTS = {"servfail": Found.TROUBLE, "timeout": Found.TIMEOUT, "nxdomain": Found.NXDOMAIN}
#: How long a question takes that nobody answers (seconds).
PATIENCE = 15.0
_TTL = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What one name, or every name of a pattern, has. fault: instead of it, `during` a part of the drill; None: none.

    wait: seconds that each answer takes.
    """

    mx: tuple[Mx, ...] = ()
    addresses: tuple[str, ...] = ()
    txt: tuple[str, ...] = ()
    tlsa: tuple[str, ...] = ()
    ttl: float = _TTL
    secure: bool = False
    fault: Found | None = None
    during: During = field(default_factory=lambda: During("0s.."))
    wait: float = 0.0


#: Records by name, or by a pattern such as `*.example`, in the order in which patterns are tried.
Zone = Mapping[str, Records]


class FakeResolver:
    """Answers from a zone. hosts: the names of the drill's servers. The drill began when this was made."""

    def __init__(self, zone: Zone, clock: Clock, hosts: Collection[str] = ()) -> None:
        self._zone = {name.lower(): records for name, records in zone.items()}
        self._clock = clock
        self._began = clock.now()
        self._hosts = {host: f"198.51.100.{number}" for number, host in enumerate(hosts, start=1)}
        self.asked: list[tuple[float, str, str]] = []  # when, which type, which name

    def addresses_of(self, host: str) -> tuple[str, ...]:
        """Return where a server of the drill must listen so that it is found; without faults."""
        records = self._records(host)
        return records.addresses if records is not None and records.addresses else (self._hosts[host],)

    def dead_ends(self, never: Collection[str], own: str = "[127.0.0.1]") -> frozenset[str]:
        """Return the names asked for whose mail has no host; never: hosts that take none, own: ourselves."""
        return frozenset(name for _, _, name in self.asked if self._leads_nowhere(name, {*never, own, ""}))

    def vouched(self, port: int) -> frozenset[str]:
        """Return the hosts that DNSSEC vouches for on every way to them, TLSA records included (RFC 7672)."""
        ways = {(mx.host, records.secure) for records in self._zone.values() for mx in records.mx}
        insecure = {host for host, secure in ways if not secure}
        named = {host for host, _ in ways} - insecure
        return frozenset(h for h in named if self._is_secure(h) and self._is_secure(f"_{port}._tcp.{h}", tlsa=True))

    def _is_secure(self, name: str, *, tlsa: bool = False) -> bool:
        records = self._records(name)
        return records is not None and records.secure and bool(records.tlsa or not tlsa)

    def _leads_nowhere(self, name: str, closed: Collection[str]) -> bool:
        records = self._records(name)
        if records is None or not records.mx:
            return not self._address(name) or name in closed
        nxdomain = records.fault is Found.NXDOMAIN
        return nxdomain or all(mx.host in closed or not self._address(mx.host) for mx in records.mx)

    def _address(self, name: str) -> bool:
        records = self._records(name)
        if records is None:
            return name in self._hosts
        return records.fault is not Found.NXDOMAIN and bool(records.addresses or name in self._hosts)

    async def mx(self, domain: str) -> MxAnswer:
        """Return the MX records of a domain."""
        found, records = await self._ask("MX", domain)
        mx = records.mx if found is Found.ANSWER else ()
        found = Found.NOTHING if found is Found.ANSWER and not mx else found
        return MxAnswer(found=found, records=mx, ttl=records.ttl, secure=records.secure)

    async def addresses(self, host: str) -> AddressAnswer:
        """Return the addresses of a host."""
        found, records = await self._ask("A", host)
        known = records.addresses or ((self._hosts[host],) if host in self._hosts else ())
        addresses = known if found is Found.ANSWER else ()
        found = Found.NOTHING if found is Found.ANSWER and not addresses else found
        return AddressAnswer(found=found, addresses=addresses, ttl=records.ttl, secure=records.secure)

    async def tlsa(self, host: str, port: int) -> TextAnswer:
        """Return the TLSA records of a service."""
        found, records = await self._ask("TLSA", f"_{port}._tcp.{host}")
        return _texts(found, records, records.tlsa)

    async def txt(self, name: str) -> TextAnswer:
        """Return the TXT records of a name."""
        found, records = await self._ask("TXT", name)
        return _texts(found, records, records.txt)

    async def _ask(self, kind: str, name: str) -> tuple[Found, Records]:
        self.asked.append((self._clock.now(), kind, name))
        records = self._records(name)
        if records is None:
            return (Found.ANSWER if name in self._hosts else Found.NXDOMAIN), Records()
        if records.fault is not None and self._clock.now() - self._began in records.during:
            await self._clock.sleep(PATIENCE if records.fault is Found.TIMEOUT else records.wait)
            return records.fault, records
        await self._clock.sleep(records.wait)
        return Found.ANSWER, records

    def _records(self, name: str) -> Records | None:
        name = name.lower().rstrip(".")
        if name in self._zone:
            return self._zone[name]
        if name in self._hosts:
            return None
        return next((records for pattern, records in self._zone.items() if fnmatchcase(name, pattern)), None)


def read_zone(path: Path) -> tuple[Zone, Mapping[str, str]]:
    """Return the zone of a TOML file, and its `[hosts]`: a script (a file or a name) for each.

    Raises ConfigurationError with file and line.
    """
    document = parse_document(read_text(path, "DNS"), str(path))
    zone = zone_of(document.table("dns"))
    hosts = document.table("hosts")
    scripts = {name: hosts.text(name) for name in hosts}
    document.finish()
    return zone, scripts


def zone_of(table: Table) -> Zone:
    """Return the zone that a table `[dns]` says; raises ConfigurationError."""
    return {name: _records(table.table(name)) for name in table}


def zone_words(zone: Zone) -> dict[str, object]:
    """Return the table `[dns]` that says a zone: what zone_of reads, without what is usual."""
    return {name: _words(records) for name, records in zone.items()}


def _words(records: Records) -> dict[str, object]:
    plain = Records()
    faults = {found: word for word, found in FAULTS.items()}
    words = {
        "mx": [f"{mx.preference} {mx.host or '.'}" for mx in records.mx],
        "aaaa": [one for one in records.addresses if ":" in one],
        "a": [one for one in records.addresses if ":" not in one],
        "txt": list(records.txt),
        "tlsa": list(records.tlsa),
        "ttl": format_duration(records.ttl) if records.ttl != plain.ttl else None,
        "secure": records.secure,
        "fault": faults[records.fault] if records.fault is not None else None,
        "during": records.during.text if records.during != plain.during else None,
        "wait": format_duration(records.wait) if records.wait else None,
    }
    return {word: said for word, said in words.items() if said}


def _records(table: Table) -> Records:
    plain = Records()
    fault = table.choice("fault", FAULTS) if table.has("fault") else None
    records = Records(
        mx=tuple(_mx(table, text) for text in table.texts("mx", ())),
        addresses=(*table.texts("aaaa", ()), *table.texts("a", ())),
        txt=table.texts("txt", ()),
        tlsa=table.texts("tlsa", ()),
        ttl=table.duration("ttl", plain.ttl),
        secure=table.flag("secure", plain.secure),
        fault=None if fault is None else FAULTS[fault],
        during=_during(table),
        wait=table.duration("wait", plain.wait),
    )
    table.finish()
    return records


def _mx(table: Table, text: str) -> Mx:
    """`10 mx1.example`; the preference may be left out; `0 .` is the null MX (RFC 7505)."""
    preference, _, host = text.strip().rpartition(" ")
    if (preference and not preference.strip().isascii()) or (preference and not preference.strip().isdigit()):
        table.fail("mx", f'{table.label("mx")} holds "{escape(text)}"', expected='a host, as "10 mx1.example" or "0 ."')
    if not host or " " in host:
        table.fail("mx", f'{table.label("mx")} holds "{escape(text)}"', expected='a host, as "10 mx1.example" or "0 ."')
    return Mx(int(preference) if preference else 10, host.rstrip("."))


def _during(table: Table) -> During:
    text = table.text("during", "0s..")
    try:
        return During(text)
    except ValueError as error:
        table.fail("during", f'{table.label("during")} is "{escape(text)}"', expected=str(error))


def _texts(found: Found, records: Records, texts: tuple[str, ...]) -> TextAnswer:
    known = texts if found is Found.ANSWER else ()
    found = Found.NOTHING if found is Found.ANSWER and not known else found
    return TextAnswer(found=found, records=known, ttl=records.ttl, secure=records.secure)
