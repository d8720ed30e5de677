"""What keys of programs look like, and what their scopes reach."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.checks import InvalidWholeNumber
from domain.identity.api_keys import (
    LETTERS,
    LONGEST_LIFE,
    InvalidExpiry,
    InvalidScope,
    NoScope,
    ScopeBeyondRights,
    checked_expiry,
    checked_requests,
    checked_scopes,
    is_well_formed,
    looks_like_key,
    matches,
    reached_by,
    with_sum,
)
from domain.identity.roles import Permission

KEY = with_sum("a1B2" * 10)
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


class TestKeys:
    def test_have_a_form_that_scanners_find(self) -> None:
        assert KEY.startswith("unison_")
        assert len(KEY) == 53
        assert set(KEY.removeprefix("unison_")) <= set(LETTERS)
        assert is_well_formed(KEY)

    @pytest.mark.parametrize(
        "text", ["", "unison_", KEY[:-1], f"{KEY}0", KEY.replace("a", "b", 1), KEY[:-1] + "!", KEY.upper(), f"{KEY}\n"]
    )
    def test_are_told_from_look_alikes_by_their_sum(self, text: str) -> None:
        assert not is_well_formed(text)

    def test_are_never_taken_for_access_tokens(self) -> None:
        assert looks_like_key("unison_x")
        assert not looks_like_key("eyJhbGciOiJIUzI1NiJ9.e30.x")


class TestScopes:
    @pytest.mark.parametrize(
        ("pattern", "permission", "is_match"),
        [
            ("production.order.read", "production.order.read", True),
            ("production.order.read", "production.order.edit", False),
            ("production.*.read", "production.order.read", True),
            ("*.*.read", "plant.model.read", True),
            ("*.*.*", "identity.user.edit", True),
            ("*.*.*", "platform.organization.add", False),
            ("platform.*.*", "platform.organization.add", True),
            ("production.*", "production.order.read", False),
        ],
    )
    def test_stand_for_parts_of_a_permission(self, pattern: str, permission: str, is_match: bool) -> None:
        assert matches(pattern, permission) is is_match

    def test_reach_no_further_than_what_is_held(self) -> None:
        held = {Permission.READ_ORDERS.value, Permission.READ_PLANT.value}

        assert reached_by(["production.*.*", "andon.*.*"], held) == {Permission.READ_ORDERS.value}

    def test_are_kept_once_and_sorted(self) -> None:
        held = frozenset(map(str, Permission))

        assert checked_scopes(["production.*.read", "*.*.read", "*.*.read"], held=held) == [
            "*.*.read", "production.*.read",
        ]  # fmt: skip

    @pytest.mark.parametrize("scope", ["", "*", "production", "production.order.fly", "a.b.c", "*.*.*.*", "%.%.%"])
    def test_that_reach_nothing_are_refused(self, scope: str) -> None:
        with pytest.raises(InvalidScope):
            checked_scopes([scope], held=frozenset(map(str, Permission)))

    def test_are_needed_but_not_without_end(self) -> None:
        for scopes in ([], [f"a.b.c{number}" for number in range(101)]):
            with pytest.raises(NoScope):
                checked_scopes(scopes, held=frozenset())

    def test_beyond_the_rights_of_whoever_gives_them_are_refused(self) -> None:
        with pytest.raises(ScopeBeyondRights) as refusal:
            checked_scopes(["production.order.*"], held=frozenset({"production.order.read"}))

        assert refusal.value.fields["permission"] == "production.order.edit"


class TestExpiry:
    def test_lies_ahead_within_two_years(self) -> None:
        assert checked_expiry(NOW + LONGEST_LIFE, now=NOW) == NOW + LONGEST_LIFE

    @pytest.mark.parametrize(
        "expires_at",
        [NOW, NOW - timedelta(days=1), NOW + LONGEST_LIFE + timedelta(seconds=1), datetime(2026, 6, 1)],  # noqa: DTZ001
    )
    def test_is_refused_elsewhere(self, expires_at: datetime) -> None:
        with pytest.raises(InvalidExpiry):
            checked_expiry(expires_at, now=NOW)


class TestRequests:
    def test_are_limited_only_where_somebody_says_so(self) -> None:
        assert checked_requests(None) is None
        assert checked_requests(60) == 60

    @pytest.mark.parametrize("limit", [0, -1, 100_001])
    def test_have_a_limit_that_can_be_kept(self, limit: int) -> None:
        with pytest.raises(InvalidWholeNumber):
            checked_requests(limit)
