"""What people show at a kiosk instead of a password: a badge or a PIN."""

import re
from enum import StrEnum
from itertools import pairwise
from typing import ClassVar

from domain.errors import Invalid, marked

SHORTEST_PIN, LONGEST_PIN = 4, 8
SHORTEST_BADGE, LONGEST_BADGE = 4, 64
BADGE = re.compile(rf"[!-~]{{{SHORTEST_BADGE},{LONGEST_BADGE}}}")
PIN = re.compile(rf"[0-9]{{{SHORTEST_PIN},{LONGEST_PIN}}}")


class BadgeKind(StrEnum):
    """How somebody says who they are."""

    BADGE = "badge"  # a number that a scanner reads
    PIN = "pin"  # digits typed on the keypad


class InvalidBadge(Invalid):
    """A badge number that no scanner would send."""

    code: ClassVar[str] = "invalid_badge"
    sentence: ClassVar[str] = marked("A badge number has {shortest} to {longest} letters, digits or signs.")


class InvalidPin(Invalid):
    """Not a PIN."""

    code: ClassVar[str] = "invalid_pin"
    sentence: ClassVar[str] = marked("A PIN has {shortest} to {longest} digits.")


class WeakPin(Invalid):
    """A PIN that whoever stands beside would try first."""

    code: ClassVar[str] = "weak_pin"
    sentence: ClassVar[str] = marked("This PIN is too easy to guess. Choose another one.")


def checked_badge(kind: BadgeKind, value: str) -> str:
    """Return the badge number or PIN as it is compared: without the white space that scanners send around it.

    Raises:
        InvalidBadge: too short, too long, or with characters that are not printable ASCII.
        InvalidPin: not 4 to 8 digits.
        WeakPin: the same digits again and again, or one after the other.
    """
    value = value.strip()
    if kind is BadgeKind.BADGE:
        if not BADGE.fullmatch(value):
            raise InvalidBadge(field="badge", shortest=SHORTEST_BADGE, longest=LONGEST_BADGE)
        return value
    if not PIN.fullmatch(value):
        raise InvalidPin(field="pin", shortest=SHORTEST_PIN, longest=LONGEST_PIN)
    if is_weak(value):
        raise WeakPin(field="pin")
    return value


def is_weak(pin: str) -> bool:
    """Tell whether a PIN repeats a group of one or two digits (1111, 1212), or counts up or down (1234, 9876, 8901)."""
    repeats = any(pin == pin[:length] * (len(pin) // length) for length in (1, 2))
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    return repeats or steps in ({1}, {9})
