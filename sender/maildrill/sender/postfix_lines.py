"""An attempt in Postfix's words: `to=<…>, relay=…, delay=…, dsn=…, status=… (…)`, for the tools that read them.

Pure. What a server said is escaped here, because this text is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from maildrill.sender.attempt import Fault, Verdict
from maildrill.sender.log_response import said
from maildrill.smtp import Reply, Stage, escape

#: Postfix has no word for the last two.
STATUS = {
    Verdict.DELIVERED: "sent",
    Verdict.DEFERRED: "deferred",
    Verdict.RELEASED: "deferred",
    Verdict.FAILED: "bounced",
    Verdict.UNKNOWN: "unknown",
    Verdict.HELD: "held",
}
_VERDICTS = {verdict.value: verdict for verdict in Verdict}
_CLASS = {Verdict.DELIVERED: 2, Verdict.FAILED: 5}  # all others: 4, not settled
_COMMANDS = {
    Stage.HELO: "HELO command",
    Stage.EHLO: "EHLO command",
    Stage.STARTTLS: "STARTTLS command",
    Stage.AUTH: "AUTH command",
    Stage.MAIL: "MAIL FROM command",
    Stage.RCPT: "RCPT TO command",
    Stage.DATA: "DATA command",
    Stage.BODY: "message content",
    Stage.DOT: "end of DATA command",
    Stage.BDAT: "BDAT command",
    Stage.RSET: "RSET command",
    Stage.QUIT: "QUIT command",
}
_DOING = {
    Stage.DNS: "looking for the host",
    Stage.CONNECT: "connecting",
    Stage.BANNER: "receiving the initial server greeting",
    Stage.HELO: "performing the HELO handshake",
    Stage.EHLO: "performing the EHLO handshake",
    Stage.STARTTLS: "asking for TLS",
    Stage.TLS: "performing the TLS handshake",
    Stage.AUTH: "logging in",
    Stage.MAIL: "sending MAIL FROM",
    Stage.RCPT: "sending RCPT TO",
    Stage.DATA: "sending DATA command",
    Stage.BODY: "sending message body",
    Stage.DOT: "sending end of data",
    Stage.BDAT: "sending BDAT command",
}
_FAULTS = {
    Fault.TIMEOUT: "conversation with {host} timed out while {doing}",
    Fault.EOF: "lost connection with {host} while {doing}",
    Fault.RESET: "connection reset by {host} while {doing}",
    Fault.GARBAGE: "malformed reply from {host} while {doing}",
    Fault.UNSOLICITED: "unsolicited reply from {host} while {doing}",
    Fault.OUT_OF_STEP: "{host} answered something else while {doing}",
    Fault.STOPPED: "stopped while {doing}",
    Fault.TOO_BIG: "message size exceeds size limit of server {host}",
    Fault.NO_8BITMIME: "8BITMIME is required, but was not offered by host {host}",
    Fault.NO_SMTPUTF8: "SMTPUTF8 is required, but was not offered by host {host}",
    Fault.NO_EHLO: "host {host} did not answer EHLO, which would tell if it takes this message",
    Fault.NXDOMAIN: "Host or domain name not found",
    Fault.NULL_MX: "Domain does not accept mail (nullMX)",
    Fault.NO_HOST: "Host or domain name not found",
    Fault.UNUSABLE: "no usable mail exchanger",
    Fault.LOOP: "mail loops back to myself",
    Fault.SERVFAIL: "Host or domain name look-up failed",
    Fault.NO_TLS: "TLS is required, but was not offered by host {host}",
    Fault.HANDSHAKE: "Cannot start TLS with host {host}",
    Fault.CERTIFICATE: "Server certificate of host {host} not trusted",
    Fault.POLICY: "TLS policy of the domain not met by host {host}",
    Fault.NO_AUTH: "SASL authentication failed; cannot authenticate to host {host}",
    Fault.IN_CLEAR: "SASL authentication needs TLS, which host {host} does not have",
    Fault.NO_SECRET: "SASL authentication failed; no secret for host {host}",
    Fault.IMPOSTOR: "SASL authentication failed; host {host} is not who it should be",
}
#: Detail of X.4 where a stage came to no reply; elsewhere a session broke: X.4.2 (RFC 3463 section 3.5).
_NETWORK = {Stage.DNS: 3, Stage.CONNECT: 1}
#: Subject and detail of what no reply said (RFC 3463, RFC 6531; X.7.4 and X.7.5 as Postfix has them).
_UNSAID = {
    Fault.TOO_BIG: "3.4",
    Fault.NO_8BITMIME: "6.3",
    Fault.NO_SMTPUTF8: "6.7",
    Fault.NXDOMAIN: "1.2",
    Fault.NULL_MX: "1.10",
    Fault.NO_HOST: "4.4",
    Fault.UNUSABLE: "4.4",
    Fault.LOOP: "4.6",
    Fault.SERVFAIL: "4.3",
    Fault.NO_TLS: "7.4",
    Fault.HANDSHAKE: "7.5",
    Fault.CERTIFICATE: "7.5",
    Fault.POLICY: "7.5",
    Fault.IN_CLEAR: "7.11",
    Fault.IMPOSTOR: "7.5",
}


def dsn(verdict: Verdict, stage: Stage, reply: Reply | None, fault: Fault | None) -> str:
    """Return the status for reports (RFC 3463): the server's own detail, in the class of the verdict.

    Without an enhanced code: X.0.0 for a reply, X.4.1 for no connection, X.4.2 for a session that broke,
    X.3.5 (system incorrectly configured) where the fault is ours; what was not even tried has codes of its own.
    """
    klass = _CLASS.get(verdict, 4)
    found = reply.enhanced if reply else None
    if found is not None:
        return _status(klass, found.subject, found.detail)
    own = _UNSAID.get(fault) if fault else None
    if own is not None:
        return f"{klass}.{own}"
    if verdict is Verdict.HELD:
        return f"{klass}.3.5"
    if reply is not None:
        return f"{klass}.0.0"
    if fault is None:
        return f"{klass}.0.0"
    return f"{klass}.4.{_NETWORK.get(stage, 2)}"


@lru_cache(maxsize=256)  # there are few
def _status(klass: int, subject: int, detail: int) -> str:
    return f"{klass}.{subject}.{detail}"


def attempt_line(fields: Mapping[str, object]) -> str:
    """Return the line of an `attempt` event, given its fields (see log_schema); nothing in it can forge a line."""
    word = str(fields["verdict"])
    verdict = _VERDICTS.get(word) or Verdict(word)  # an enumeration that is asked takes its time
    by = f" -- by your override, {escape(str(fields['override']))}" if fields.get("override") else ""
    return (
        f"to=<{escape(str(fields['recipient']))}>, relay={escape(str(fields['relay']))}, "
        f"delay={_seconds(fields['delay'])}, dsn={fields['dsn']}, status={STATUS[verdict]} "
        f"({_said(verdict, fields)}{by})"
    )


def reason(fields: Mapping[str, object]) -> str:
    """Say in Postfix's words why a session or an attempt did not go on, given the fields of its event."""
    stage, relay = Stage(str(fields["stage"])), escape(str(fields["relay"]))
    host = relay.rpartition(":")[0] or relay
    fault, detail = fields.get("fault"), fields.get("detail")
    reply = escape(said(fields))
    if reply:
        if stage is Stage.BANNER:
            return f"host {host} refused to talk to me: {reply}"
        command = _COMMANDS.get(stage)
        return f"host {host} said: {reply}" + (f" (in reply to {command})" if command else "")
    shown = f": {escape(str(detail))}" if detail else ""
    if fault is None:
        return escape(str(detail)) if detail else "no reply"
    if stage is Stage.CONNECT:
        return f"connect to {relay}{shown or f': {fault}'}"
    words = _FAULTS.get(Fault(str(fault)), str(fault))
    return words.format(host=host, doing=_DOING.get(stage, f"in stage {stage}")) + shown


def _said(verdict: Verdict, fields: Mapping[str, object]) -> str:
    if verdict is Verdict.DELIVERED:
        return escape(said(fields))
    words = reason(fields)
    return f"{words} -- message may have been delivered" if verdict is Verdict.UNKNOWN else words


def _seconds(value: object) -> str:
    """Write a delay as Postfix does: fractions below ten seconds, whole seconds above."""
    seconds = float(value) if isinstance(value, int | float) else 0.0
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2f}".rstrip("0").rstrip(".")
