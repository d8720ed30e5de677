"""Real data that lies beside the repository and never in it."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"


def shared_data(name: str) -> Path:
    """Return a file or folder under `../shared`; the test skips where it is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"../shared/{name} is not on this computer")
    return path
