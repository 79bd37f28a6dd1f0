"""What a server of its own costs a test: listener, journal and script begun, checked at the end, and stopped.

The thread that they run in is begun once, as in a run of pytest. Prints milliseconds beside what an empty test costs.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from maildrill.fakeserver.testing import ScriptedServer, ServerThread

BATCHES = 20
LIVES = 50
MOST = 2.0  # milliseconds
#: A run of pytest whose tests do nothing: what any test costs.
TESTS = 500
EMPTY = f"import pytest\n\n@pytest.mark.parametrize('n', range({TESTS}))\ndef test_nothing(n{{fixture}}):\n    pass\n"


def life(thread: ServerThread) -> None:
    """Begin, check and stop a server."""
    server = ScriptedServer(thread=thread)
    server.start()
    server.check()
    server.stop()


def milliseconds(done: Callable[[], None], times: int) -> float:
    """Return how long something takes, at the median."""
    costs = []
    for _ in range(times):
        began = time.perf_counter()
        done()
        costs.append(time.perf_counter() - began)
    return statistics.median(costs) * 1000


def whole_run(fixture: str) -> float:
    """Return the milliseconds of a test in a run of pytest, with the fixture or without."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test_empty.py"
        path.write_text(EMPTY.format(fixture=fixture), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        return (time.perf_counter() - began) / TESTS * 1000


def main() -> int:
    """Print what it costs; 1 where it is more than it may be."""
    with ServerThread() as thread:
        alone = min(milliseconds(lambda: life(thread), LIVES) for _ in range(BATCHES))
    without, beside = whole_run(""), whole_run(", smtp_server")
    print(f"a server begun, checked and stopped: {alone:.2f} ms")
    print(f"a test in a run of {TESTS}: {without:.2f} ms without the fixture, {beside:.2f} ms with it")
    return int(max(alone, beside - without) > MOST)


if __name__ == "__main__":
    sys.exit(main())
