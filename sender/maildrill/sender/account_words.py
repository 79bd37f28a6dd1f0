"""An account for people: everything but its secret, of which only the source is told. Pure."""

from __future__ import annotations

from maildrill.sender.campaign import Account


def described(account: Account) -> dict[str, object]:
    """Return an account as JSON has it; what does not apply is left out."""
    security, auth = account.security, account.auth
    said: dict[str, object] = {
        "name": account.name,
        "host": account.host,
        "port": account.port,
        "tls": security.mode.value,
        "proof": security.proof.value,
    }
    if security.name:
        said["tls_name"] = security.name
    if security.authorities:
        said["authorities"] = "those of ca_file alone"
    if security.pins:
        said["pins"] = [str(pin) for pin in security.pins]
    if auth is not None:
        said |= {
            "user": auth.user,
            "secret": auth.secret.source,
            "auth": [mechanism.value for mechanism in auth.mechanisms],
            "plaintext": auth.plaintext,
        }
    return said


def summary(account: Account) -> str:
    """Return one line: name, server, TLS, who logs in."""
    who = f"as {account.auth.user}" if account.auth else "without AUTH"
    return f"{account.label:15} {account.relay:30} tls {account.security.mode:14} {who}"
