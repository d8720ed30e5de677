"""The project's own source files, parsed."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def project_files() -> tuple[Path, ...]:
    """Return every file that is or is about to be versioned, relative to the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return tuple(path for line in listed.stdout.splitlines() if (ROOT / (path := Path(line))).exists())


def sources(*rooms: str) -> Iterator[tuple[Path, ast.Module]]:
    """Yield the parsed modules of the given top folders."""
    for path in project_files():
        if path.suffix == ".py" and path.parts[0] in rooms:
            yield path, parsed(path)


@cache
def parsed(path: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse((ROOT / path).read_text(), filename=str(path))
