"""The tools that read the code agree with it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str) -> tuple[int, str]:
    """Run a tool of this environment in the project's root; return its exit code and what it said."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


class TestTools:
    @pytest.mark.parametrize("command", [("ruff", "check", "."), ("ruff", "format", "--check", ".")])
    def test_ruff_finds_nothing(self, command: tuple[str, ...]) -> None:
        code, said = run(*command)

        assert code == 0, said

    def test_mypy_finds_nothing(self) -> None:
        code, said = run("mypy")

        assert code == 0, said
