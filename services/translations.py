"""Words in a reader's language, from the catalogues in `assets/translations`."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

CATALOGUES = Path(__file__).parents[1] / "assets" / "translations"
SOURCE_LANGUAGE = "en"
LANGUAGES = ("en", "de")
LANGUAGE_NAMES = {"en": "English", "de": "Deutsch"}
"""What speakers call their language."""
"""Complete languages; the first one is the language of the source."""

Translate = Callable[[str], str]


def translator(language: str) -> Translate:
    """Return the function that translates the source's words; unknown words and languages stay as they are."""
    catalogue = _catalogue(language)
    return lambda message: catalogue.get(message) or message


@cache
def _catalogue(language: str) -> dict[str, str]:
    path = CATALOGUES / f"{language}.po"
    if language == SOURCE_LANGUAGE or language not in LANGUAGES:
        return {}
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    return {str(message.id): str(message.string) for message in catalogue if message.id and message.string}
