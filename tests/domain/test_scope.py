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


class TestPlantLimits:
    A, B, C = UUID(int=11), UUID(int=12), UUID(int=13)

    def scope(self, *, plant_ids: frozenset[UUID] | None = None) -> Scope:
        return Scope(
            ORG,
            actor_kind="user",
            plant_ids=plant_ids,
            permissions=frozenset({"plant.model.read", "plant.model.edit"}),
            plant_limits={"plant.model.edit": frozenset({self.A, self.C})},
        )

    def test_let_the_user_act_in_their_plants_only(self) -> None:
        scope = self.scope()

        assert scope.may_in(self.A, "plant.model.edit")
        assert not scope.may_in(self.B, "plant.model.edit")
        assert scope.may_in(self.B, "plant.model.read")
        assert scope.may_in(None, "plant.model.edit")
        assert not scope.may_in(self.A, "andon.call.raise")

    def test_never_reach_beyond_the_plants_of_the_scope(self) -> None:
        scope = self.scope(plant_ids=frozenset({self.A, self.B}))

        assert scope.plants_of("plant.model.edit") == frozenset({self.A})
        assert scope.plants_of("plant.model.read") == frozenset({self.A, self.B})
        assert scope.plants_of("andon.call.raise") == frozenset()
        assert scope.plants_of("andon.call.raise", "plant.model.edit") == frozenset({self.A})

    def test_do_not_hold_machines_and_the_system(self) -> None:
        assert Scope(ORG).plants_of("plant.model.edit") is None
        assert Scope(ORG).may_in(self.B, "plant.model.edit")


class TestErrors:
    def test_say_the_sentence_with_their_fields(self) -> None:
        assert str(NotFound(what="machine")) == "There is no machine with this id."

    def test_survive_a_missing_field(self) -> None:
        assert str(NotFound()) == "There is no {what} with this id."
