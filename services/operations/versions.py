"""What this installation consists of: the product, what it runs on, and their versions."""

import platform
import tomllib
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
PARTS = ("nicegui", "fastapi", "sqlalchemy", "asyncpg", "pgmq")
EXTENSIONS = text("SELECT extname, extversion FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY extname")


@lru_cache(maxsize=1)
def product_version() -> str:
    """Return the version of Unison MES, as the project says it."""
    return str(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"])


async def versions_of(connection: AsyncConnection, postgres: str) -> tuple[tuple[str, str], ...]:
    """Return every part and its version: the product first, extensions of Postgres last."""
    extensions = await connection.execute(EXTENSIONS)
    return (
        ("unison-mes", product_version()),
        ("python", platform.python_version()),
        ("postgres", postgres),
        *((part, version(part)) for part in PARTS),
        *((f"postgres/{name}", number) for name, number in extensions),
    )
