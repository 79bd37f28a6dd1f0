"""Docs run: each code block of the README and of docs/ does what its page says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
PAGES = [TREE / "README.md", *sorted(TREE.glob("docs/*.md")), *sorted(TREE.glob("*/README.md"))]
Tell = Callable[[Path], int]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TREE)))
def test_every_block_of_a_page_runs(page: Path, tell: Tell) -> None:
    """Commands succeed, Python executes, TOML is a script or a campaign, shown output is what is printed."""
    assert tell(page) >= 0


def test_the_readme_shows_code_by_line_10() -> None:
    """A reader who gives us ten lines has seen how to run it."""
    top = (TREE / "README.md").read_text(encoding="utf-8").splitlines()[:10]

    assert "pip install . && maildrill drill" in top


def test_ci_runs_the_test_command_of_the_readme() -> None:
    """One command for people and for the machine."""
    command = "pip install tox && tox"
    readme = (TREE / "README.md").read_text(encoding="utf-8").splitlines()
    run = (TREE / ".ci" / "run").read_text(encoding="utf-8")

    assert command in readme
    assert command in run.replace(" --quiet", "")


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("```\nhello\n```", "without a language"),
        ("```sh\nexit 3\n```", "exit 3"),
        ("```console\n$ echo hello\ngood bye\n```", "echo hello"),
        ("```python\nassert 1 == 2, 'sums'\n```", "sums"),
        ('```toml\nversion = 1\n[[rule]]\nat = "rctp"\nreply = "450"\n```', 'did you mean "rcpt"'),
        ("```toml\n[retry]\nlifetim = '5d'\n```", 'did you mean "lifetime"'),
        ("```sh\nsh -c 'echo ready; exit 4' &\n```", "exit 4"),
    ],
)
def test_a_page_that_is_wrong_is_found_out(tmp_path: Path, tell: Tell, block: str, complaint: str) -> None:
    """Each kind of block can fail."""
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{block}\n", encoding="utf-8")

    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever the block itself raises
        tell(page)
    assert complaint in str(caught.value)


def test_a_page_can_save_files_and_leave_a_server_running(tmp_path: Path, tell: Tell) -> None:
    """What one block writes or starts, the next can use."""
    page = tmp_path / "page.md"
    page.write_text(
        "```csv guests.csv\nEmail\nann@example.com\n```\n```sh\ngrep -q ann guests.csv\n```\n"
        "```sh\nmaildrill serve --port 2525 &\n```\n"
        "```python\nimport socket\n\nsocket.create_connection(('127.0.0.1', 2525)).close()\n```\n",
        encoding="utf-8",
    )

    assert tell(page) == 4
