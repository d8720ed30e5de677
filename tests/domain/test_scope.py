"""Who may act."""

from uuid import UUID

import pytest

from domain.errors import Forbidden, NotFound
from domain.scope import Scope

ORG = UUID(int=1)


class TestRequire:
    def test_lets_the_user_with_the_permission_pass(self) -> None:
        Scope(ORG, actor_kind="user", permissions=frozenset({"andon.call.raise"})).require("andon.call.raise")

    def test_refuses_the_user_without_it_and_names_it(self) -> None:
        user = Scope(ORG, actor_kind="user", permissions=frozenset({"andon.call.raise"}))

        with pytest.raises(Forbidden, match="right “andon") as refused:
            user.require("andon.call.answer")

        assert refused.value.fields == {"permission": "andon.call.answer"}

    @pytest.mark.parametrize("kind", ["machine", "system"])
    def test_lets_machines_and_the_system_pass(self, kind: str) -> None:
        Scope(ORG, actor_kind=kind).require("andon.call.answer")  # type: ignore[arg-type]


class TestErrors:
    def test_say_the_sentence_with_their_fields(self) -> None:
        assert str(NotFound(what="machine")) == "There is no machine with this id."

    def test_survive_a_missing_field(self) -> None:
        assert str(NotFound()) == "There is no {what} with this id."
