"""What the reading commands know of stdout: whether a person looks at it, and how wide it is."""

from __future__ import annotations

import shutil
import sys


def is_terminal() -> bool:
    """Whether stdout is one."""
    return sys.stdout is not None and sys.stdout.isatty()


def width() -> int:
    """Return the columns of the terminal, 0 where stdout is none: nothing is cut in a file."""
    return shutil.get_terminal_size().columns if is_terminal() else 0
