"""swaks, curl and msmtp: the exit status that a shell script sees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., str]
Program = Callable[[str], str]


def test_swaks_does_what_the_table_says(
    fault: Any, meet: Callable[..., str], run: Run, program: Program, sender: str, authority: Path
) -> None:
    """Its manual lists what each exit status means."""
    swaks = program("swaks")

    def send(host: str, port: int, fault: Any) -> str:
        login = ["--auth", "PLAIN", "--auth-user", "ann", "--auth-password", "secret"] if fault.login else []
        tls = ["--tls", "--tls-verify", "--tls-ca-path", str(authority)] if fault.tls else []
        return run(
            fault,
            swaks,
            *("--server", host, "--port", str(port), "--helo", "client.test", "--timeout", f"{fault.patience}s"),
            *("--from", sender, "--to", ",".join(fault.to), "--data", "-", *login, *tls),
        )

    assert meet(send) in fault.does["swaks"]


def test_curl_does_what_the_table_says(
    fault: Any, meet: Callable[..., str], run: Run, program: Program, sender: str, authority: Path
) -> None:
    """Its exit status says what went wrong, rather than where."""
    curl = program("curl")

    def send(host: str, port: int, fault: Any) -> str:
        login = ["--user", "ann:secret", "--login-options", "AUTH=PLAIN"] if fault.login else []
        tls = ["--ssl-reqd", "--cacert", str(authority)] if fault.tls else []
        to = [word for rcpt in fault.to for word in ("--mail-rcpt", rcpt)]
        return run(
            fault,
            curl,
            *("-q", "--silent", "--show-error", "--max-time", str(fault.patience), *login, *tls),
            *("--mail-from", sender, *to, "--upload-file", "-", f"smtp://{host}:{port}/client.test"),
        )

    assert meet(send) in fault.does["curl"]


def test_msmtp_does_what_the_table_says(
    fault: Any, meet: Callable[..., str], run: Run, program: Program, sender: str, authority: Path
) -> None:
    """It has an exit status of sysexits.h for each kind of failure."""
    msmtp = program("msmtp")

    def send(host: str, port: int, fault: Any) -> str:
        login = ["--auth=plain", "--user=ann", "--passwordeval=echo secret"] if fault.login else ["--auth=off"]
        tls = ["--tls=on", f"--tls-trust-file={authority}"] if fault.tls else ["--tls=off"]
        return run(
            fault,
            msmtp,
            *(f"--host={host}", f"--port={port}", "--domain=client.test", f"--timeout={fault.patience}"),
            *(*tls, *login, f"--from={sender}", "--", *fault.to),
        )

    assert meet(send) in fault.does["msmtp"]
