"""What there is to translate, and the command that brings a catalogue up to date with it.

Messages are the literals given to `_`, `translate` and `marked`, the nouns that `NotFound(what=...)` puts into its
sentence, and what settings mean. `uv run python -m tests.ui.update_translations` adds what is new to every catalogue,
untranslated, and drops what nothing says any more.
"""

import ast
from collections.abc import Iterator
from typing import IO

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir, extract_python
from babel.messages.pofile import read_po, write_po

from services.config import Settings, meaning_of
from ui.kit.translate import CATALOGUES, LANGUAGES, SOURCE_LANGUAGE

ROOT = CATALOGUES.parents[1]
ROOMS = ("domain", "services", "ui")
KEYWORDS = {"_": None, "translate": None, "marked": None}
LINE_WIDTH = 120
HEAD = r"""# Unison MES. The terms stand in docs/glossary.md.
msgid ""
msgstr ""
"Language: {language}\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=utf-8\n"
"Content-Transfer-Encoding: 8bit\n"

"""

Found = tuple[int, str, object, list[str]]


def source_messages() -> Catalog:
    """Return every message of the source with the files that say it; no line numbers, which change too often."""
    catalogue = Catalog()
    for room in ROOMS:
        method_map = [("**.py", _extract)]
        for path, _line, message, _comments, _context in extract_from_dir(ROOT / room, method_map, keywords=KEYWORDS):  # type: ignore[arg-type]
            catalogue.add(message, locations=[(f"{room}/{path}", 0)])
    for name in Settings.model_fields:
        catalogue.add(meaning_of(name), locations=[("services/config.py", 0)])
    return catalogue


def read_catalogue(language: str) -> Catalog:
    """Return the catalogue of a language as it is kept."""
    with (CATALOGUES / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def update_catalogue(language: str) -> None:
    """Give a language's catalogue exactly the messages of the source."""
    source, kept = source_messages(), read_catalogue(language)
    kept.update(source, no_fuzzy_matching=True)
    write_catalogue(language, kept)


def write_catalogue(language: str, catalogue: Catalog) -> None:
    """Keep the catalogue of a language, in an order and with a head that only change with its messages."""
    with (CATALOGUES / f"{language}.po").open("wb") as file:
        file.write(HEAD.format(language=language).encode())
        write_po(
            file,
            catalogue,
            width=LINE_WIDTH,
            omit_header=True,
            sort_output=True,
            ignore_obsolete=True,
            include_lineno=False,
        )


def _extract(
    file: IO[bytes], keywords: dict[str, object], comment_tags: list[str], options: dict[str, str]
) -> Iterator[Found]:
    """Extract as Babel does, and the nouns of `NotFound(what=...)`."""
    yield from extract_python(file, keywords, comment_tags, options)  # type: ignore[arg-type,misc]
    file.seek(0)
    for call in ast.walk(ast.parse(file.read())):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "NotFound":
            for noun in _literals_of(call, "what"):
                yield call.lineno, "_", noun, []


def _literals_of(call: ast.Call, name: str) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg == name:
            values = (node.value for node in ast.walk(keyword.value) if isinstance(node, ast.Constant))
            yield from (value for value in values if isinstance(value, str))


if __name__ == "__main__":
    for language in LANGUAGES:
        if language != SOURCE_LANGUAGE:
            update_catalogue(language)
