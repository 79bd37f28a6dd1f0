"""Postfix, a private one: what its log says of each try, until the letter is sent or has come back."""

from __future__ import annotations

import re
import shutil
import smtplib
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

LIMIT = 60.0  # seconds until the last letter must be off the queue
#: Every fault has a domain of its own, and with it a next hop; what fails is tried again after a second or two.
MAIN = """
myhostname = client.test
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_sasl_password_maps = inline:{{ {logins} }}
smtp_sasl_security_options = noanonymous
transport_maps = inline:{{ {routes} }}
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
default_destination_concurrency_failed_cohort_limit = 100
"""
MASTER = """
{port} inet n - n - - smtpd
flush unix n - n 1000? 0 flush
discard unix - - n - - discard
patient unix - - n - - smtp -o smtp_sasl_auth_enable=no
login unix - - n - - smtp -o smtp_sasl_auth_enable=yes
hasty unix - - n - - smtp -o smtp_data_done_timeout=1s -o smtp_mail_timeout=1s -o smtp_helo_timeout=1s
  -o smtp_rcpt_timeout=1s -o smtp_data_init_timeout=1s
secure unix - - n - - smtp -o smtp_tls_security_level=secure -o smtp_tls_CAfile={authority}
  -o smtp_tls_secure_cert_match=localhost -o smtp_starttls_timeout=1s
"""
_STATUS = re.compile(r"postfix/\w+\[\d+\]: \w+: to=<([^@]*)@([a-z0-9-]+)\.test>.* dsn=(\S+), status=(\w+)")


def _outcomes(log: str) -> dict[str, dict[str, list[str]]]:
    """Return for each domain and recipient what came of each try: status and enhanced status code."""
    found: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for local, domain, dsn, status in _STATUS.findall(log):
        found[domain][local].append(f"{status} {dsn}")
    return {domain: dict(tries) for domain, tries in found.items()}


def test_postfix_does_what_the_table_says(
    faults: list[Any],
    serving: Callable[..., Any],
    new_postfix: Callable[[], Any],
    free_port: Callable[[], int],
    authority: Path,
    taken: Callable[..., str],
    sender: str,
    letter: str,
) -> None:
    """All faults in one run: each is met once, and the tries after it go well."""
    servers = {f"fault-{number}": (serving(fault), fault) for number, fault in enumerate(faults)}
    with ExitStack() as running:
        for server, _ in servers.values():
            running.enter_context(server)
        hops = {domain: (_transport(fault), server.port) for domain, (server, fault) in servers.items()}
        routed = [f"{{ {domain}.test = {how}:[127.0.0.1]:{port} }}" for domain, (how, port) in hops.items()]
        logins = [f"{{ [127.0.0.1]:{port} = ann:secret }}" for how, port in hops.values() if how == "login"]
        private = running.enter_context(new_postfix())
        shutil.copy(authority, private.folder / "ca.pem")
        routes = ", ".join([*routed, "{ shop.test = discard: }"])
        port = free_port()
        private.start(
            MAIN.format(folder=private.folder, routes=routes, logins=", ".join(logins)),
            MASTER.format(port=port, authority=private.folder / "ca.pem"),
        )
        with smtplib.SMTP("127.0.0.1", port, "client.test", timeout=LIMIT) as client:
            for domain, (_, fault) in servers.items():
                client.sendmail(sender, [f"{to.partition('@')[0]}@{domain}.test" for to in fault.to], letter)
        outcomes = _wait(private, {domain: len(fault.to) for domain, (_, fault) in servers.items()})
    did = {
        fault.name: f"{_told(outcomes.get(domain, {}))} | {taken(server)}"
        for domain, (server, fault) in servers.items()
    }

    wrong = {fault.name: did[fault.name] for fault in faults if did[fault.name] not in fault.does["postfix"]}

    assert wrong == {}


def _wait(private: Any, letters: dict[str, int]) -> dict[str, dict[str, list[str]]]:
    """Return what came of each letter, once all of them are sent or bounced."""
    end = time.monotonic() + LIMIT
    while True:
        outcomes = _outcomes(private.log())
        ended = {
            domain: sum(not tries[-1].startswith("deferred") for tries in outcomes.get(domain, {}).values())
            for domain in letters
        }
        if ended == letters or time.monotonic() > end:
            return outcomes
        time.sleep(0.2)


def _transport(fault: Any) -> str:
    """Return the line of master.cf for a fault."""
    return "secure" if fault.tls else "login" if fault.login else "hasty" if fault.patience < 5 else "patient"


def _told(tries: dict[str, list[str]]) -> str:
    return "; ".join(", ".join(tries[recipient]) for recipient in sorted(tries))
