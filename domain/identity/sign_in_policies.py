"""What an organization asks of passwords and sign-ins."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from domain.checks import InvalidWholeNumber
from domain.errors import Invalid, marked
from domain.identity.accounts import SHORTEST_PASSWORD, ShortPassword, checked_password


class CharacterKind(StrEnum):
    """Kinds of characters that a password can be asked to have."""

    LOWER = "lower"
    UPPER = "upper"
    DIGIT = "digit"
    SIGN = "sign"  # anything else, a space too


class SecondFactorRule(StrEnum):
    """Who needs a second factor; everybody may have one."""

    OPTIONAL = "optional"
    ROLES = "roles"
    EVERYBODY = "everybody"


class PasswordLacksKind(Invalid):
    """A password without a kind of character that the organization asks for."""

    code: ClassVar[str] = "password_lacks_kind"
    sentence: ClassVar[str] = marked("Mix the characters of the password: some kinds that are asked for are missing.")


class BreachedPassword(Invalid):
    """A password that stands on the list of breached ones."""

    code: ClassVar[str] = "breached_password"
    sentence: ClassVar[str] = marked("This password is known from a data breach. Choose another one.")


@dataclass(frozen=True)
class SignInPolicy:
    """What an organization asks of a sign-in."""

    shortest_password: int = SHORTEST_PASSWORD
    kinds: frozenset[CharacterKind] = frozenset()
    refuses_breached: bool = True
    """Counts where the installation has a list."""
    attempts: int = 10
    """Failures after which an account is locked."""
    lock_minutes: int = 15
    idle_minutes: int | None = None
    """How long a session lasts without use; None for what the installation allows, which is also the most."""
    most_hours: int | None = None
    """How long a session lasts however much it is used; None for no limit."""
    second_factor: SecondFactorRule = SecondFactorRule.OPTIONAL
    second_factor_roles: frozenset[str] = frozenset()
    version: int = 0
    """0 where nobody has set it yet."""

    def idle_of(self, most: timedelta) -> timedelta:
        """Return how long a session lasts without use, where the installation allows `most`."""
        return most if self.idle_minutes is None else min(most, timedelta(minutes=self.idle_minutes))

    def needs_second_factor(self, roles: Collection[str]) -> bool:
        """Tell whether somebody with these roles needs one."""
        if self.second_factor is SecondFactorRule.ROLES:
            return not self.second_factor_roles.isdisjoint(roles)
        return self.second_factor is SecondFactorRule.EVERYBODY


LIMITS = {
    "shortest_password": (8, 128),
    "attempts": (3, 100),
    "lock_minutes": (1, 1440),
    "idle_minutes": (15, 525_600),
    "most_hours": (1, 8760),
}


def checked_policy(policy: SignInPolicy) -> SignInPolicy:
    """Return the policy when its numbers are within reach.

    Raises:
        InvalidWholeNumber: one is too small or too large.
    """
    for field, (least, most) in LIMITS.items():
        value = {
            "shortest_password": policy.shortest_password,
            "attempts": policy.attempts,
            "lock_minutes": policy.lock_minutes,
            "idle_minutes": policy.idle_minutes,
            "most_hours": policy.most_hours,
        }[field]
        if value is not None and not least <= value <= most:
            raise InvalidWholeNumber(field=field, least=least, most=most)
    return policy


def kinds_in(password: str) -> frozenset[CharacterKind]:
    """Return the kinds of characters that a password has."""
    return frozenset(
        CharacterKind.LOWER
        if one.islower()
        else CharacterKind.UPPER
        if one.isupper()
        else CharacterKind.DIGIT
        if one.isdigit()
        else CharacterKind.SIGN
        for one in password
    )


def checked_new_password(value: str, policy: SignInPolicy) -> str:
    """Return the password when somebody may choose it under a policy; whether it is breached is asked elsewhere.

    Raises:
        InvalidPassword: it could never be typed again.
        ShortPassword: it is too short.
        PasswordLacksKind: a kind of character is missing.
    """
    if len(checked_password(value)) < policy.shortest_password:
        raise ShortPassword(field="password", shortest=policy.shortest_password)
    if not policy.kinds <= kinds_in(value):
        raise PasswordLacksKind(field="password")
    return value
