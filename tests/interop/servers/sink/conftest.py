"""Postfix' smtp-sink, which writes down each message whose final dot it heard, taken or not."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

_RECIPIENT = re.compile(r"^X-Rcpt-Args: <([^>]*)>", re.MULTILINE)


class Sink:
    """A running smtp-sink."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self.port = port

    def texts(self) -> list[str]:
        """Return the messages, each below its envelope."""
        return [file.read_text(encoding="utf-8") for file in self._folder.iterdir()]

    def heard(self) -> Counter[str]:
        """Return for each recipient how many messages were there to the last octet."""
        return Counter(address for text in self.texts() for address in _RECIPIENT.findall(text))


@pytest.fixture
def sink(
    program: Callable[[str], str], free_port: Callable[[], int], listening: Callable[[int], None]
) -> Iterator[Callable[..., Sink]]:
    """Return a function that starts smtp-sink with these options; it ends with the test."""
    where = program("smtp-sink")
    # It does not run as root.
    identity: dict[str, Any] = {} if os.geteuid() else {"user": "nobody", "group": "nogroup", "extra_groups": []}
    with ExitStack() as running:

        def start(*options: str) -> Sink:
            folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="sink-")))
            folder.chmod(0o777)
            port = free_port()
            command = [where, *options, "-d", f"{folder}/", f"127.0.0.1:{port}", "100"]
            process = running.enter_context(subprocess.Popen(command, cwd="/", **identity))  # noqa: S603 - Postfix' own
            running.callback(process.kill)
            listening(port)
            return Sink(folder, port)

        yield start
