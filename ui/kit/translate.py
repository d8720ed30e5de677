"""Words in the reader's language, on pages and in refusals."""

from copy import copy
from datetime import time
from typing import Literal

from nicegui import Client

from domain.errors import UnisonError
from domain.production.operations import StartObstacle, StartRefused
from services.translations import CATALOGUES, LANGUAGES, SOURCE_LANGUAGE, Translate, translator

__all__ = [
    "CATALOGUES",
    "LANGUAGES",
    "SOURCE_LANGUAGE",
    "Translate",
    "complete_language",
    "obstacle_sentence",
    "preferred_language",
    "sentence_of",
    "speak",
    "translator",
    "why_sentence",
]

QUASAR_LANGUAGES: dict[str, Literal["en-US", "de"]] = {"en": "en-US", "de": "de"}
WORDS = ("what", "state")
"""Fields of errors that are words of ours; all others hold what people and programs wrote."""


def sentence_of(error: UnisonError, translate: Translate, *, field: str | None = None) -> str:
    """Return what a person reads about an error, in their language; `field` is how their screen calls the input."""
    words = {name: translate(str(error.fields[name])) for name in WORDS if name in error.fields}
    if isinstance(error, StartRefused):
        words["why"] = why_sentence(error, translate)
    times = {name: value.isoformat("minutes") for name, value in error.fields.items() if isinstance(value, time)}
    named = {} if field is None else {"field": field}
    return translate(error.sentence).format_map({**error.fields, **words, **times, **named})


def why_sentence(error: StartRefused, translate: Translate) -> str:
    """Return everything that keeps an operation from starting, in the reader's language, without the last full stop."""
    return " ".join(obstacle_sentence(one, translate) for one in error.obstacles).rstrip(".")


def obstacle_sentence(obstacle: StartObstacle, translate: Translate) -> str:
    """Return one reason why an operation cannot start, in the reader's language."""
    words = {name: translate(obstacle.fields[name]) for name in WORDS if name in obstacle.fields}
    return translate(obstacle.sentence).format_map({**obstacle.fields, **words})


def speak(client: Client, language: str) -> None:
    """Let a page's `lang` attribute and Quasar's own words follow its reader; before the page is sent."""
    page = copy(client.page)  # the original belongs to every reader
    page.language = QUASAR_LANGUAGES[complete_language(language)]
    client.page = page


def complete_language(language: str) -> str:
    """Return the language itself where it is complete here, else the source language."""
    return language if language in LANGUAGES else SOURCE_LANGUAGE


def preferred_language(accept_language: str) -> str:
    """Return the complete language that an Accept-Language header likes best (RFC 9110, 12.5.4), else the source's."""
    liked = {SOURCE_LANGUAGE: 0.0}
    for part in accept_language.split(","):
        tag, _, weight = part.partition(";")
        language = tag.strip().lower()[:2]
        if language in LANGUAGES:
            liked[language] = max(liked.get(language, 0.0), _quality(weight))
    return max(liked, key=lambda language: liked[language])


def _quality(weight: str) -> float:
    if not weight.strip():
        return 1.0
    try:
        return float(weight.strip().removeprefix("q="))
    except ValueError:
        return 0.0
