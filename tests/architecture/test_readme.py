"""The README says what is true."""

import re
from pathlib import Path

from services.config import settings_table

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


class TestReadme:
    def test_lists_the_settings_as_they_are(self) -> None:
        written = README.split("<!-- settings: uv run main.py settings -->\n")[1].split("\n<!-- /settings -->")[0]

        assert written == settings_table()

    def test_points_to_files_that_exist(self) -> None:
        targets = re.findall(r"\]\((docs/[^)#]+)\)", README)

        assert targets
        assert [target for target in targets if not (ROOT / target).exists()] == []
