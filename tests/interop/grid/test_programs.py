"""swaks, curl and msmtp: the exit status that a shell script sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Run = Callable[..., str]
Program = Callable[[str], str]


def test_swaks_does_what_the_table_says(
    fault: Any, meet: Callable[..., str], run: Run, program: Program, sender: str
) -> None:
    """Its manual lists what each exit status means."""
    swaks = program("swaks")

    def send(host: str, port: int, fault: Any) -> str:
        login = ["--auth", "PLAIN", "--auth-user", "ann", "--auth-password", "secret"] if fault.login else []
        return run(
            swaks,
            *("--server", host, "--port", str(port), "--helo", "client.test", "--timeout", f"{fault.patience}s"),
            *("--from", sender, "--to", ",".join(fault.to), "--data", "-", *login),
        )

    assert meet(send) in fault.does["swaks"]


def test_curl_does_what_the_table_says(
    fault: Any, meet: Callable[..., str], run: Run, program: Program, sender: str
) -> None:
    """Its exit status says what went wrong, rather than where."""
    curl = program("curl")

    def send(host: str, port: int, fault: Any) -> str:
        login = ["--user", "ann:secret", "--login-options", "AUTH=PLAIN"] if fault.login else []
        to = [word for rcpt in fault.to for word in ("--mail-rcpt", rcpt)]
        return run(
            curl,
            *("-q", "--silent", "--show-error", "--max-time", str(fault.patience), *login),
            *("--mail-from", sender, *to, "--upload-file", "-", f"smtp://{host}:{port}/client.test"),
        )

    assert meet(send) in fault.does["curl"]


def test_msmtp_does_what_the_table_says(
    fault: Any, meet: Callable[..., str], run: Run, program: Program, sender: str
) -> None:
    """It has an exit status of sysexits.h for each kind of failure."""
    msmtp = program("msmtp")

    def send(host: str, port: int, fault: Any) -> str:
        login = ["--auth=plain", "--user=ann", "--passwordeval=echo secret"] if fault.login else ["--auth=off"]
        return run(
            msmtp,
            *(f"--host={host}", f"--port={port}", "--domain=client.test", f"--timeout={fault.patience}"),
            *("--tls=off", *login, f"--from={sender}", "--", *fault.to),
        )

    assert meet(send) in fault.does["msmtp"]
