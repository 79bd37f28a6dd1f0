"""nodemailer, from npm: the code of the error that a program sees."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

VERSION = "10.6.1"
SCRIPT = Path(__file__).with_name("nodemailer.mjs")


@pytest.fixture(scope="session")
def nodemailer(npm_package: Callable[[str, str], tuple[Path, Path]]) -> Iterator[Callable[[dict[str, Any]], str]]:
    """Return a function that sends a letter; nodemailer is installed into a folder of this run."""
    where, folder = npm_package("nodemailer", VERSION)
    with subprocess.Popen(  # noqa: S603 - our own script
        [where, SCRIPT, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as node:

        def send(letter: dict[str, Any]) -> str:
            assert node.stdin is not None
            assert node.stdout is not None
            node.stdin.write(f"{json.dumps(letter)}\n")
            node.stdin.flush()
            return node.stdout.readline().strip()

        yield send
        node.kill()


def test_nodemailer_does_what_the_table_says(
    fault: Any,
    meet: Callable[..., str],
    nodemailer: Callable[[dict[str, Any]], str],
    letter: str,
    sender: str,
    authority: Path,
) -> None:
    """Whoever was refused while others were served is in the value that it resolves to."""

    def send(host: str, port: int, fault: Any) -> str:
        envelope = {"host": host, "port": port, "from": sender, "to": fault.to, "letter": letter}
        how = {"patience": fault.patience, "login": fault.login, "ca": authority.read_text() if fault.tls else None}
        return nodemailer({**envelope, **how})

    assert meet(send) in fault.does["nodemailer"]
