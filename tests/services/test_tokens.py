"""Signed tokens."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import pytest

from services.auth.tokens import ISSUER, NotSignedIn, TokenIssuer, Use
from services.db.keys import new_id

KEY = "k" * 40
USER, ORG, SESSION = new_id(), new_id(), new_id()


def issuer(key: str = KEY) -> TokenIssuer:
    return TokenIssuer(key, access_lifetime=timedelta(minutes=30), refresh_lifetime=timedelta(days=7))


def issued(use: Use = "access", *, at: datetime | None = None) -> str:
    token, _ = issuer().issue(use, user_id=USER, org_id=ORG, session_id=SESSION, now=at or datetime.now(UTC))
    return token


def forged(**changes: object) -> str:
    """Sign our own kind of token with our own key, but with other claims; None leaves a claim out."""
    content = jwt.decode(issued(), KEY, algorithms=["HS256"], audience=f"{ISSUER}:access") | changes
    return jwt.encode({name: value for name, value in content.items() if value is not None}, KEY, algorithm="HS256")


class TestIssue:
    def test_makes_tokens_that_say_who_signed_in(self) -> None:
        claims = issuer().read(issued(), "access")

        assert (claims.user_id, claims.org_id, claims.session_id) == (USER, ORG, SESSION)

    def test_gives_access_half_an_hour_and_refresh_a_week(self) -> None:
        now = datetime.now(UTC)

        lifetimes = {
            use: issuer().issue(use, user_id=USER, org_id=ORG, session_id=SESSION, now=now)[1].expires_at
            - int(now.timestamp())
            for use in ("access", "refresh")
        }

        assert lifetimes == {"access": pytest.approx(1800, abs=1), "refresh": pytest.approx(604_800, abs=1)}

    def test_names_every_token_differently(self) -> None:
        assert issuer().read(issued(), "access").token_id != issuer().read(issued(), "access").token_id


class TestRead:
    @pytest.mark.parametrize("use", ["access", "refresh"])
    def test_refuses_a_token_made_for_another_use(self, use: Use) -> None:
        other: Use = "refresh" if use == "access" else "access"

        with pytest.raises(NotSignedIn):
            issuer().read(issued(use), other)

    def test_refuses_a_token_that_is_over(self) -> None:
        with pytest.raises(NotSignedIn):
            issuer().read(issued(at=datetime.now(UTC) - timedelta(minutes=31)), "access")

    def test_refuses_a_token_of_another_key(self) -> None:
        with pytest.raises(NotSignedIn):
            issuer("another key of forty characters, at least").read(issued(), "access")

    @pytest.mark.parametrize("claim", ["exp", "iat", "iss", "aud", "sub", "jti", "org", "sid"])
    def test_refuses_a_token_that_leaves_something_unsaid(self, claim: str) -> None:
        with pytest.raises(NotSignedIn):
            issuer().read(forged(**{claim: None}), "access")

    @pytest.mark.parametrize(
        ("claim", "value"),
        [("iss", "somebody-else"), ("aud", ISSUER), ("sub", "not a uuid"), ("org", "1"), ("sid", ""), ("jti", "../x"),
         ("exp", "soon"), ("org", 7), ("sid", ["x"])],
    )  # fmt: skip
    def test_refuses_a_token_that_says_something_else(self, claim: str, value: object) -> None:
        with pytest.raises(NotSignedIn):
            issuer().read(forged(**{claim: value}), "access")

    @pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512"])
    def test_refuses_any_other_algorithm(self, algorithm: str) -> None:
        content = jwt.decode(issued(), KEY, algorithms=["HS256"], audience=f"{ISSUER}:access")
        key = "" if algorithm == "none" else KEY * 2

        with pytest.raises(NotSignedIn):
            issuer(KEY * 2).read(jwt.encode(content, key, algorithm=algorithm), "access")

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "." * 3, "\ud800", "é" * 100, "a" * 100_000])
    def test_refuses_what_is_no_token(self, token: str) -> None:
        with pytest.raises(NotSignedIn):
            issuer().read(token, "access")

    def test_reads_ids_back_as_ids(self) -> None:
        assert isinstance(issuer().read(issued(), "access").token_id, UUID)
