"""Every route of the API writes through the one door that keeps answers under their Idempotency-Key."""

import ast
from pathlib import Path

V1 = Path(__file__).parents[2] / "ui" / "api" / "v1"


class TestOneDoor:
    def test_only_writes_opens_work(self) -> None:
        opening = set()
        for path in V1.glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module == "services.db.work":
                    opening |= {path.name for alias in node.names if alias.name == "begin"}

        assert opening == {"writes.py"}
