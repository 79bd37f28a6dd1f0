"""The DNS of a drill: its file, its faults, its hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from maildrill.scenarios.fake_dns import PATIENCE, FakeResolver, Records, read_zone
from maildrill.scenarios.world import World, run_world
from maildrill.sender.route.answers import Found, Mx, MxAnswer
from maildrill.smtp import ConfigurationError

FILE = """
[dns."x.test"]
mx = ["10 mx1.test", "mx2.test"]
ttl = "5m"
secure = true
[dns."null.test"]
mx = "0 ."
[dns."slow.test"]
mx = "mx1.test"
fault = "timeout"
during = "0s..1h"
[dns."*.wild.test"]
mx = "mx1.test"
wait = "3s"
[dns."_25._tcp.mx1.test"]
tlsa = "3 1 1 ab"
[dns."mx2.test"]
a = "192.0.2.2"
aaaa = "2001:db8::2"
txt = "hello"
[hosts]
"mx1.test" = "all-good"
"""


def _read(tmp_path: Path, text: str) -> tuple[dict[str, Records], dict[str, str]]:
    file = tmp_path / "dns.toml"
    file.write_text(text, encoding="utf-8")
    zone, hosts = read_zone(file)
    return dict(zone), dict(hosts)


def test_a_file_says_records_faults_and_hosts(tmp_path: Path) -> None:
    """Each name with what it has."""
    zone, hosts = _read(tmp_path, FILE)

    assert hosts == {"mx1.test": "all-good"}
    assert zone["x.test"] == Records(mx=(Mx(10, "mx1.test"), Mx(10, "mx2.test")), ttl=300.0, secure=True)
    assert (zone["slow.test"].fault, zone["*.wild.test"].wait) == (Found.TIMEOUT, 3.0)
    assert zone["mx2.test"].addresses == ("2001:db8::2", "192.0.2.2")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[dns."x.test"]\nmx = "ten mx.test"\n', 'dns.toml:2: dns.x.test.mx holds "ten mx.test"'),
        ('[dns."x.test"]\nmx = ""\n', 'dns.toml:2: dns.x.test.mx holds ""'),
        ('[dns."x.test"]\nfault = "servfial"\n', 'dns.toml:2: dns.x.test.fault is "servfial"'),
        ('[dns."x.test"]\nduring = "now"\n', 'dns.toml:2: dns.x.test.during is "now"'),
        ('[dns."x.test"]\nmxx = "a"\n', 'dns.toml:2: unknown key "mxx"'),
    ],
)
def test_a_mistake_is_told(text: str, told: str, tmp_path: Path) -> None:
    """With file and line."""
    with pytest.raises(ConfigurationError) as caught:
        _read(tmp_path, text)

    assert told in str(caught.value)


def test_answers_come_from_the_zone_in_virtual_time(tmp_path: Path) -> None:
    """Names before patterns, hosts of the drill with an address of their own, everything else does not exist."""
    zone, hosts = _read(tmp_path, FILE)

    async def main(world: World) -> None:
        resolver, clock = FakeResolver(zone, world.clock, hosts), world.clock
        began = clock.now()
        assert (await resolver.mx("a.wild.test")).records == (Mx(10, "mx1.test"),)
        assert clock.now() - began == 3.0
        assert (await resolver.mx("slow.test")).found is Found.TIMEOUT
        assert clock.now() - began == 3.0 + PATIENCE
        await clock.sleep(3600)
        assert (await resolver.mx("slow.test")).found is Found.ANSWER
        assert await resolver.mx("mx2.test") == MxAnswer(found=Found.NOTHING)
        assert (await resolver.mx("nowhere.test")).found is Found.NXDOMAIN
        assert (await resolver.addresses("mx1.test")).addresses == resolver.addresses_of("mx1.test")
        assert (await resolver.addresses("x.test")).found is Found.NOTHING
        assert (await resolver.tlsa("mx1.test", 25)).records == ("3 1 1 ab",)
        assert (await resolver.txt("mx2.test")).records == ("hello",)
        assert (await resolver.txt("x.test")).found is Found.NOTHING

    run_world(main)
