"""The rows of dispositions before there is a host to talk to: what the DNS says of a recipient's domain. Values only.

These are about recipients, not about a host: a domain that does not exist is as final as a 550.
"""

from __future__ import annotations

from maildrill.sender.attempt import Broken, Fault, Scope, Verdict
from maildrill.sender.disposition_row import Row, rows_at
from maildrill.smtp import Stage

_R = Scope.RECIPIENT
_DEFERRED, _FAILED = Verdict.DEFERRED, Verdict.FAILED
_MX = "RFC 5321 section 5.1"

DNS: tuple[Row, ...] = (
    *rows_at(
        Stage.DNS,
        ("dns-nxdomain", "(no such domain)", _R, _FAILED, _MX, "5.1.2: the DNS says so for good"),
        ("dns-null-mx", "(null MX)", _R, _FAILED, "RFC 7505 section 4.2", "5.1.10: the domain accepts no mail"),
        ("dns-no-host", "(neither MX nor address)", _R, _FAILED, "RFC 3463 section 3.5", "5.4.4: no way leads there"),
        ("dns-loop", "(the best MX is ourselves)", _R, _FAILED, _MX, "5.4.6: it would come back to us for ever"),
        ("dns-trouble", "(SERVFAIL, timeout)", _R, _DEFERRED, _MX, "4.4.3: the DNS may know later"),
        ("dns-unusable", "(MX, none with an address)", _R, _DEFERRED, _MX, "4.4.4: often mended within hours"),
        ("dns-unusable-final", "(the same, where that is to fail)", _R, _FAILED, "maildrill", "5.4.4: `unusable_mx`"),
    ),
)

_ROWS = {
    Fault.NXDOMAIN: "dns-nxdomain",
    Fault.NULL_MX: "dns-null-mx",
    Fault.NO_HOST: "dns-no-host",
    Fault.LOOP: "dns-loop",
    Fault.UNUSABLE: "dns-unusable",
    Fault.SERVFAIL: "dns-trouble",
    Fault.TIMEOUT: "dns-trouble",
}


def row_of(broken: Broken, *, unusable_fails: bool) -> str:
    """Return the id of the row for a look-up that led nowhere; unusable_fails: hosts without an address are final."""
    name = _ROWS[broken.fault] if broken.fault is not None else "dns-trouble"
    return "dns-unusable-final" if unusable_fails and name == "dns-unusable" else name
