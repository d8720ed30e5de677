"""Founds an organization with its people beside a running product, which has no screens for people.

In a process of its own, since a process works on one database: `python -m tests.browser.people SLUG`.
"""

import asyncio
import sys
from dataclasses import dataclass

from domain.identity.badges import BadgeKind
from domain.identity.roles import Role
from domain.scope import Scope
from services.auth.passwords import hash_password
from services.config import load_settings
from services.db.keys import new_id
from services.db.server import database_of
from services.db.work import begin
from services.identity.badges import BadgeKey, set_badge
from services.identity.users import add_user, found_organization
from tests.product.installation import Installation

PASSWORD = "a day on the shop floor"


@dataclass(frozen=True)
class Person:
    """Somebody who works here, or a tablet that stands here."""

    key: str
    """Their address before the @."""
    name: str
    role: Role
    pin: str = ""
    """What they type at a tablet."""


ADA = Person("ada", "Ada Admin", Role.ADMIN)
PAUL = Person("paul", "Paul Planner", Role.SUPERVISOR)
SUE = Person("sue", "Sue Supervisor", Role.SUPERVISOR)
OLGA = Person("olga", "Olga Operator", Role.OPERATOR, "2580")
OTTO = Person("otto", "Otto Operator", Role.OPERATOR, "4718")
PRESS_TABLET = Person("press", "Tablet at the press", Role.TERMINAL)
SCREW_TABLET = Person("screw", "Tablet at the screw cell", Role.TERMINAL)
EVERYBODY = (ADA, PAUL, SUE, OLGA, OTTO, PRESS_TABLET, SCREW_TABLET)


def hire_everybody(product: Installation, *, slug: str) -> None:
    """Found an organization in which everybody works and nothing is set up."""
    product.run_module("tests.browser.people", slug)


async def _found(slug: str) -> None:
    settings = load_settings()
    key = BadgeKey.of(settings.signing_key)
    password_hash = await hash_password(PASSWORD)
    async with database_of(settings), begin(Scope(new_id(), request_id="a-day")) as work:
        await found_organization(work, slug=slug, name="Pump Works")
        for person in EVERYBODY:
            user = await add_user(
                work, email=f"{person.key}@{slug}.example", display_name=person.name, roles=frozenset({person.role}),
                password_hash=password_hash,
            )  # fmt: skip
            if person.pin:
                await set_badge(work, key=key, user_id=user.id, kind=BadgeKind.PIN, value=person.pin)


if __name__ == "__main__":
    asyncio.run(_found(sys.argv[1]))
