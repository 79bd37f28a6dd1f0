"""Scripts that use others: found as files and as packs, in order, once, and with errors that say where."""

from __future__ import annotations

from pathlib import Path

import pytest

from maildrill.fakeserver.engine.engine import Engine
from maildrill.fakeserver.language.script import Unmatched
from maildrill.fakeserver.language.script_clock import ScriptClock
from maildrill.fakeserver.script_loader import Shelf, load_script, load_text, packs
from maildrill.smtp import ConfigurationError


def rule(name: str) -> str:
    return f'[[rule]]\nname = "{name}"\nat = "rcpt"\n'


class Folder:
    """A folder of scripts, and a shelf of more."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, file: str, text: str) -> Path:
        path = self.path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def shelf(self, **texts: str) -> Shelf:
        return {name.replace("_", "/"): self.put(f"shelf/{name}", text) for name, text in texts.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def told(name: str, shelf: Shelf | None = None) -> str:
    """Return the error for a script that cannot be loaded."""
    with pytest.raises(ConfigurationError) as caught:
        load_script(name, shelf)
    return str(caught.value)


def test_own_rules_come_before_those_of_what_is_used(folder: Folder) -> None:
    """Depth first, in the order of `use`; settings and the clock as they are said first."""
    folder.put("a.toml", 'use = ["sub/b.toml", "packs/c"]\n[server]\nseed = 1\n' + rule("a"))
    folder.put("sub/b.toml", 'use = "../d.toml"\nclock = "virtual"\n[server]\nseed = 2\n' + rule("b"))
    folder.put("d.toml", 'clock = "real"\n' + rule("d"))
    shelf = folder.shelf(packs_c='[server]\nunmatched = "fail"\n' + rule("c"))
    script = load_script(str(folder.path / "a.toml"), shelf)

    assert [one.name for one in script.rules] == ["a", "b", "d", "c"]
    assert (script.seed, script.unmatched, script.clock) == (1, Unmatched.FAIL, ScriptClock("virtual"))
    assert (script.name, script.uses) == (str(folder.path / "a.toml"), ())
    assert Engine(script).unfired() == ("a", "b", "d", "c")


def test_what_is_used_twice_is_there_once(folder: Folder) -> None:
    """Where it is used first, by whatever name."""
    folder.put("a.toml", 'use = ["b.toml", "c.toml", "./c.toml", "packs/d", "sub/../c.toml"]\n' + rule("a"))
    folder.put("b.toml", 'use = ["c.toml", "packs/d"]\n' + rule("b"))
    folder.put("c.toml", rule("c"))
    (folder.path / "sub").mkdir()
    script = load_script(str(folder.path / "a.toml"), folder.shelf(packs_d=rule("d")))

    assert [one.name for one in script.rules] == ["a", "b", "c", "d"]


def test_a_script_without_uses_stays_as_it_is(folder: Folder) -> None:
    """Nothing is renamed, and the file has its name as it was given."""
    path = folder.put("a.toml", rule("a"))
    script = load_script(str(path))

    assert (script.name, [one.name for one in script.rules]) == (str(path), ["a"])


def test_a_text_can_use_packs_and_the_files_of_its_folder(folder: Folder) -> None:
    """A folder must be given: what comes from elsewhere opens no file of ours."""
    folder.put("b.toml", rule("b"))
    text = 'use = "b.toml"\n' + rule("a")

    assert [one.name for one in load_text(text, "t", folder=folder.path).rules] == ["a", "b"]
    assert [one.name for one in load_text('use = "p"', "t", shelf=folder.shelf(p=rule("c"))).rules] == ["c"]
    with pytest.raises(ConfigurationError) as caught:
        load_text(text, "posted", shelf=folder.shelf(p=rule("c"), q=""))
    assert str(caught.value) == (
        'posted:1: cannot use the file "b.toml": this script lies in no folder\n  expected one of: p q'
    )


def test_a_cycle_is_told_with_its_way(folder: Folder) -> None:
    """Who uses whom, up to the beginning; at the place that closes the ring."""
    a, b, c = (folder.path / name for name in ("a.toml", "b.toml", "c.toml"))
    folder.put("a.toml", 'use = "b.toml"')
    folder.put("b.toml", '\nuse = ["c.toml"]')
    folder.put("c.toml", 'use = "b.toml"')

    assert told(str(a)) == (f'{c}:1: "b.toml" uses itself\n  {b} uses {c} uses {b}\n  used by {b}:2\n  used by {a}:1')


def test_a_pack_cannot_use_itself(folder: Folder) -> None:
    """Packs have names, not files."""
    assert told("p", shelf=folder.shelf(p='use = "p"')) == 'p.toml:1: "p" uses itself\n  p.toml uses p.toml'


def test_a_name_that_is_not_there_is_told_with_the_nearest(folder: Folder) -> None:
    """In a file with its line; a file of that name is thought of."""
    shelf = folder.shelf(packs_one="", packs_two="")
    path = folder.put("a.toml", '\nuse = "packs/too"')
    other = folder.put("b.toml", 'use = "more"')
    folder.put("more.toml", "")

    assert told(str(path), shelf=shelf) == (
        f'{path}:2: no script is called "packs/too"\n'
        '  expected one of: packs/one packs/two; or a file: NAME.toml\n  did you mean "packs/two"?'
    )
    assert 'for the file write "./more.toml"' in told(str(other), shelf=shelf)
    assert told("packs/oen", shelf=shelf).startswith('no script is called "packs/oen"')


def test_a_file_that_is_not_there_is_told_with_who_uses_it(folder: Folder) -> None:
    """And so is one that is no script."""
    missing = folder.put("a.toml", '\n\nuse = "gone.toml"')
    wrong = folder.put("b.toml", 'use = "c.toml"')
    folder.put("c.toml", '[[rule]]\nat = "rctp"')

    assert told(str(missing)) == (
        f"{folder.path / 'gone.toml'}: script not found\n  check the path\n  used by {missing}:3"
    )
    assert told(str(wrong)).startswith(f'{folder.path / "c.toml"}:2: unknown stage "rctp"')
    assert told(str(wrong)).endswith(f'did you mean "rcpt"?\n  used by {wrong}:1')


def test_a_file_is_a_file_whatever_it_is_called(folder: Folder) -> None:
    """One without .toml as well, if it is there."""
    path = folder.put("script", rule("a"))

    assert [one.name for one in load_script(str(path)).rules] == ["a"]


@pytest.mark.parametrize("name", packs())
def test_each_pack_can_be_played(name: str) -> None:
    """By its name, together with all others, and with a purpose in its first line."""
    script = load_script(name)
    engine = Engine(script)

    assert engine.fired() or script.injections
    assert packs()[name].read_text(encoding="utf-8").startswith("# ")
    assert all(len(one.name) > 2 and ".toml:" not in one.name for one in script.played)


def test_all_packs_can_be_used_together() -> None:
    """Their names do not meet."""
    script = load_text(f"use = {list(packs())!r}".replace("'", '"'), "all.toml")

    assert not [one.name for one in script.played if "#" in one.name]
    assert {"gmail", "outlook", "yahoo", "ses", "postfix", "sendgrid", "gmx", "icloud"} <= {
        profile.name for profile in script.profiles
    }
