"""What a server of its own costs a test: listener, journal and script begun, checked at the end, and stopped.

The thread that they run in is begun once, as in a run of pytest. What a test costs there is the difference of two runs
of many and of few tests, so that imports, which each run has once, are told apart from it.
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
#: Runs of pytest whose tests do nothing: what any test costs, alone and with the fixture.
FEW, MANY = 100, 1_100
ROUNDS = 3
EMPTY = "import pytest\n\n@pytest.mark.parametrize('n', range({tests}))\ndef test_nothing(n{fixture}):\n    pass\n"


def life(thread: ServerThread) -> None:
    """Begin, check and stop a server."""
    server = ScriptedServer(thread=thread)
    server.start()
    server.check()
    server.stop()


def again(server: ScriptedServer) -> None:
    """Check a server that many tests share, and begin anew."""
    server.check()
    server.reset()


def milliseconds(done: Callable[[], None], times: int) -> float:
    """Return how long something takes, at the median."""
    costs = []
    for _ in range(times):
        began = time.perf_counter()
        done()
        costs.append(time.perf_counter() - began)
    return statistics.median(costs) * 1000


def whole_run(fixture: str, tests: int) -> float:
    """Return the milliseconds of a run of pytest, with the fixture or without."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test_empty.py"
        path.write_text(EMPTY.format(fixture=fixture, tests=tests), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        return (time.perf_counter() - began) * 1000


def each(fixture: str) -> tuple[float, float]:
    """Return the milliseconds of a run with few tests, and those of each further one: the least of some rounds."""
    few = min(whole_run(fixture, FEW) for _ in range(ROUNDS))
    many = min(whole_run(fixture, MANY) for _ in range(ROUNDS))
    return few, (many - few) / (MANY - FEW)


def main() -> int:
    """Print what it costs; 1 where it is more than it may be."""
    with ServerThread() as thread:
        alone = min(milliseconds(lambda: life(thread), LIVES) for _ in range(BATCHES))
        shared = ScriptedServer(thread=thread)
        shared.start()
        anew = min(milliseconds(lambda: again(shared), LIVES) for _ in range(BATCHES))
        shared.stop()
    (few, without), (few_with, beside) = each(""), each(", smtp_server")
    print(f"a server begun, checked and stopped: {alone:.2f} ms")
    print(f"a server for all tests checked and begun anew: {anew:.2f} ms")
    print(f"a test: {without:.2f} ms without the fixture, {beside:.2f} ms with it")
    print(f"a run of {FEW} tests: {few:.0f} ms without the fixture, {few_with:.0f} ms with it")
    return int(max(alone, anew, beside - without) > MOST)


if __name__ == "__main__":
    sys.exit(main())
