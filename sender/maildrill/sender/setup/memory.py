"""Which hosts' TLS does not work: for a while they are not asked for it again, where it was only a wish."""

from __future__ import annotations

#: Seconds; a host that mends its TLS is found out within the hour.
KEPT = 3600.0


class TlsMemory:
    """What one run has learnt of hosts with broken TLS; only opportunistic TLS asks it."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, int], float] = {}

    def remember(self, host: str, port: int, now: float) -> None:
        """Note that a handshake with this host failed at `now` (Unix seconds)."""
        self._until[host.lower(), port] = now + KEPT

    def knows(self, host: str, port: int, now: float) -> bool:
        """Whether a handshake with this host failed lately."""
        return now < self._until.get((host.lower(), port), 0.0)
