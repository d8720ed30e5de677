"""Every language is complete: what the source says has a translation, and every translation is still said."""

import re
from string import Formatter

import pytest
from babel.messages import Catalog, Message

from domain.andon.calls import CallMovedOn
from domain.errors import NotFound
from tests.ui.update_translations import read_catalogue, source_messages
from ui.kit.translate import (
    LANGUAGES,
    SOURCE_LANGUAGE,
    complete_language,
    preferred_language,
    sentence_of,
    translator,
)

TRANSLATED = tuple(language for language in LANGUAGES if language != SOURCE_LANGUAGE)
UPDATE = "Run `uv run python -m tests.ui.update_translations`, then translate what is new in assets/translations."


@pytest.fixture(scope="module")
def source() -> Catalog:
    return source_messages()


@pytest.mark.parametrize("language", TRANSLATED)
class TestCatalogue:
    def test_has_every_message_of_the_source(self, language: str, source: Catalog) -> None:
        missing = ids(source) - ids(read_catalogue(language))

        assert not missing, UPDATE

    def test_has_no_message_that_nothing_says(self, language: str, source: Catalog) -> None:
        unused = ids(read_catalogue(language)) - ids(source)

        assert not unused, UPDATE

    def test_leaves_nothing_untranslated_or_doubtful(self, language: str) -> None:
        open_messages = [
            message.id
            for message in messages(read_catalogue(language))
            if message.fuzzy or not str(message.string).strip()
        ]

        assert not open_messages, UPDATE

    def test_keeps_what_stands_in_braces(self, language: str) -> None:
        different = {
            str(message.id): str(message.string)
            for message in messages(read_catalogue(language))
            if placeholders(str(message.id)) != placeholders(str(message.string))
        }

        assert not different

    def test_ends_as_the_source_does(self, language: str) -> None:
        different = {
            str(message.id): str(message.string)
            for message in messages(read_catalogue(language))
            if ending(str(message.id)) != ending(str(message.string))
        }

        assert not different


class TestExtraction:
    @pytest.mark.parametrize(
        ("message", "said_by"),
        [
            ("Sign out", "ui/theme/layout.py"),
            ("Saved", "ui/pages/terminal_machine.py"),
            ("Choose a reason for the pieces that are not good.", "services/production/production_logs.py"),
            ("lane", "services/plant/places.py"),
            ("Port to listen on.", "services/config.py"),
            ("machine", "services/plant/places.py"),
            ("acknowledged", "domain/andon/calls.py"),
            (
                "“{field}” must be a number from 0 to one billion with at most six digits behind the point.",
                "domain/checks.py",
            ),
        ],
        ids=["label", "click", "sentence", "noun", "setting", "either_noun", "state", "sentence_in_two_lines"],
    )
    def test_finds(self, source: Catalog, message: str, said_by: str) -> None:
        found = source.get(message)

        assert found is not None
        assert said_by in {path for path, _line in found.locations}


class TestSentences:
    def test_name_the_thing_in_the_readers_language(self) -> None:
        assert sentence_of(NotFound(what="machine"), translator("de")).startswith("Maschine nicht gefunden.")

    def test_name_the_state_in_the_readers_language(self) -> None:
        assert sentence_of(CallMovedOn(state="resolved"), translator("de")) == "Dieser Ruf ist bereits erledigt."


class TestPreferredLanguage:
    @pytest.mark.parametrize(
        ("header", "language"),
        [
            ("de-CH,de;q=0.9,en;q=0.8", "de"),
            ("fr-FR, de;q=0.5", "de"),
            ("EN-us", "en"),
            ("en;q=0.1, de;q=0.9", "de"),
            ("de;q=0, en", "en"),
            ("de;q=nonsense, en;q=0.5", "en"),
            ("fr", "en"),
            ("*", "en"),
            ("", "en"),
            ("\x00,;;q", "en"),
        ],
    )
    def test_is_the_first_complete_one(self, header: str, language: str) -> None:
        assert preferred_language(header) == language

    def test_is_ours_where_a_user_has_none_of_the_complete_ones(self) -> None:
        assert complete_language("xx-nonsense") == SOURCE_LANGUAGE


def messages(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


def ids(catalogue: Catalog) -> set[str]:
    return {str(message.id) for message in messages(catalogue)}


def placeholders(sentence: str) -> set[str | None]:
    return {name for _text, name, _spec, _conversion in Formatter().parse(sentence) if name is not None}


def ending(sentence: str) -> str:
    found = re.search(r"[.?!:]$", sentence)
    return "" if found is None else found.group()
