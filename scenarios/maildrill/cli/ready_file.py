"""A file that says where a server listens, for as long as that is true: `name=value` lines.

Rule: it appears whole or not at all, and only its owner may read it, because it may hold a token.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from maildrill.smtp import ConfigurationError


@contextmanager
def announced(path: Path | None, values: Mapping[str, str]) -> Iterator[None]:
    """Keep the values in a file while the block runs; None keeps none. Raises ConfigurationError."""
    if path is None:
        yield
        return
    draft = path.with_name(f"{path.name}.new")
    try:
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600, exist_ok=False)
        draft.write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write the ready file: {error.strerror}", where=str(path), hint="check the folder"
        ) from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
