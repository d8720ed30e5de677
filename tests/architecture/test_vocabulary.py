"""What every event, setting, error and job has."""

import ast
import re
import types
import typing
from datetime import date, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import pytest

from domain.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable, UnisonError
from domain.events import EVENTS, Event
from domain.identity.permission_words import AREAS, SENTENCES
from domain.identity.roles import GRANTS, PLATFORM, Permission, Role
from services.auth.permissions import permissions_of
from services.config import Settings
from services.jobs.registry import REGISTRY
from tests.architecture.sources import parsed, sources

SCALARS = {UUID, str, int, bool, Decimal, datetime, date, types.NoneType}
IRREGULAR = ("Made", "Begun", "Sent", "Held", "Built", "Left", "Set", "Put", "Split", "Found", "Gone")

T = TypeVar("T")

for path, _ in sources("services"):
    import_module(".".join(path.with_suffix("").parts))


def every(kind: type[T]) -> list[type[T]]:
    """Return all classes below a class."""
    return [found for below in kind.__subclasses__() for found in (below, *every(below))]


class TestEvents:
    @pytest.mark.parametrize("event", every(Event), ids=lambda event: event.__name__)
    def test_are_named_in_the_past_tense_and_say_who_reads_them(self, event: type[Event]) -> None:
        assert event.__name__.endswith(("ed", *IRREGULAR))
        assert "Read by" in (event.__doc__ or "")

    @pytest.mark.parametrize("event", every(Event), ids=lambda event: event.__name__)
    def test_carry_ids_and_small_scalars_only(self, event: type[Event]) -> None:
        kinds = {
            kind
            for field in event.model_fields.values()
            for kind in typing.get_args(field.annotation) or (field.annotation,)
        }

        assert kinds <= SCALARS

    @pytest.mark.parametrize("event", every(Event), ids=lambda event: event.__name__)
    def test_are_frozen_and_closed(self, event: type[Event]) -> None:
        assert (event.model_config["frozen"], event.model_config["extra"]) == (True, "forbid")

    def test_have_topics_of_area_noun_and_verb_each_once(self) -> None:
        topics = [event.topic for event in every(Event)]

        assert [topic for topic in topics if not re.fullmatch(r"[a-z_]+\.[a-z_]+\.[a-z_]+", topic)] == []
        assert len(set(topics)) == len(topics)
        assert {event.topic: event for event in every(Event)} == EVENTS

    def test_all_stand_in_one_file(self) -> None:
        assert {event.__module__ for event in every(Event)} == {"domain.events"}


class TestErrors:
    def test_have_one_code_each(self) -> None:
        codes: dict[str, str] = {}
        for error in every(UnisonError):
            code = error.__dict__.get("code")
            assert code is not None, f"{error.__name__} has no code of its own"
            assert codes.setdefault(code, error.__name__) == error.__name__

    def test_have_a_sentence_of_their_own_that_a_person_can_act_on(self) -> None:
        for error in every(UnisonError):
            sentence = error.__dict__.get("sentence", "")
            assert re.search(r"[.!?]$", sentence), error.__name__

    def test_are_one_of_the_five_kinds_or_about_signing_in(self) -> None:
        kinds = (NotFound, Forbidden, Conflict, Invalid, Unavailable)

        others = {error.__name__ for error in every(UnisonError) if not issubclass(error, kinds)}
        assert others <= {
            "WrongPassword",
            "SecondFactorRequired",
            "NotSignedIn",
            "NotRecognized",
            "TooManyAttempts",
            "TooManyRequests",
        }


class TestSettings:
    def test_are_documented_where_they_stand(self) -> None:
        module = parsed(Path("services/config.py"))
        settings = next(node for node in module.body if isinstance(node, ast.ClassDef) and node.name == "Settings")
        documented = {
            field.target.id
            for field, after in zip(settings.body, settings.body[1:], strict=False)
            if isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        }

        assert set(Settings.model_fields) - documented == set()


class TestPermissions:
    def test_have_a_sentence_each_and_an_area_with_a_name(self) -> None:
        assert {*Permission} - SENTENCES.keys() == set(), "add a sentence to domain/identity/permission_words.py"
        assert {permission.partition(".")[0] for permission in Permission} <= AREAS.keys()

    def test_are_asked_with_permit_so_that_plants_are_kept_apart(self) -> None:
        asked_by_hand = [
            f"{path}:{node.lineno}"
            for path, tree in sources("services")
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "work.scope.require"
        ]

        assert asked_by_hand == [], "write `await work.permit(...)`"

    def test_are_never_asked_for_each_row(self) -> None:
        in_loops = [
            f"{path}:{inner.lineno}"
            for path, tree in sources("services", "ui")
            for outer in ast.walk(tree)
            if isinstance(outer, ast.For | ast.AsyncFor | ast.While)
            for line in outer.body
            for inner in ast.walk(line)
            if isinstance(inner, ast.Call) and ast.unparse(inner.func) in {"work.permit", "enforcer.enforce"}
        ]

        assert in_loops == []

    def test_are_named_area_noun_and_verb(self) -> None:
        assert [p for p in Permission if not re.fullmatch(r"[a-z_]+\.[a-z_]+\.[a-z_]+", p)] == []

    def test_are_all_held_by_admins_except_those_of_the_platform(self) -> None:
        of_platform = {permission for permission in Permission if permission.startswith("platform.")}

        assert permissions_of(frozenset({Role.ADMIN})) == frozenset(Permission) - of_platform
        assert permissions_of(frozenset({PLATFORM})) == of_platform

    def test_are_each_granted_by_a_pattern_that_matches_something(self) -> None:
        for role, patterns in GRANTS.items():
            for pattern in patterns:
                expression = re.escape(pattern).replace(r"\*", "[^.]+")
                matched = {permission for permission in Permission if re.fullmatch(expression, permission)}
                matched = {permission for permission in matched if not permission.startswith("platform.")}
                assert matched, f"{role} is granted {pattern}, which is nothing"
                assert matched <= permissions_of(frozenset({role}))


class TestJobs:
    def test_are_named_area_noun_and_verb_and_say_what_they_do(self) -> None:
        assert REGISTRY
        for name, registered in REGISTRY.items():
            assert re.fullmatch(r"[a-z_]+\.[a-z_]+\.[a-z_]+", name)
            assert registered.kind.__doc__
            handlers = (
                registered.for_tenant, registered.for_scope, registered.for_system, registered.for_system_at_length
            )  # fmt: skip
            assert len([handler for handler in handlers if handler is not None]) == 1
