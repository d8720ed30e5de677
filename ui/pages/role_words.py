"""Roles and rights in the reader's words."""

from collections.abc import Iterable

from domain.identity.permission_words import AREAS, ROLE_NAMES, SENTENCES
from domain.identity.roles import Permission
from services.db.work import Work
from services.plant.places import PlantPlace, list_plants
from services.translations import Translate


def role_name(_: Translate, key: str, name: str) -> str:
    """Return what a role is called: what its organization wrote, or the translated name of a built-in one."""
    return _(ROLE_NAMES[key]) if key in ROLE_NAMES else name


async def plants_to_name(work: Work) -> tuple[PlantPlace, ...]:
    """Return the plants that the reader may see, none where they may see none: rights can be given without plants."""
    return await list_plants(work) if work.scope.may(Permission.READ_PLANT) else ()


def role_words(_: Translate) -> dict[str, str]:
    """Translate the built-in roles that people of every organization can have."""
    return {key: _(name) for key, name in ROLE_NAMES.items() if key != "platform"}


def permission_words(_: Translate, permission: str) -> str:
    """Return a right in a sentence."""
    return _(SENTENCES[Permission(permission)])


def by_area(_: Translate, permissions: Iterable[str]) -> list[tuple[str, str, list[str]]]:
    """Return areas by key with their names and those of `permissions` that are in them, in the order of rights."""
    given = set(permissions)
    found = [
        (area, _(name), [one.value for one in Permission if one in given and one.partition(".")[0] == area])
        for area, name in AREAS.items()
    ]
    return [(area, name, within) for area, name, within in found if within]


def pattern_words(_: Translate, pattern: str) -> str:
    """Return what a pattern grants in words: everything, an area, what can be seen of it, or the pattern itself."""
    area, noun, verb = pattern.split(".")
    if pattern == "*.*.*":
        return _("Everything")
    if pattern == "*.*.read":
        return _("Everything that can be seen")
    if noun == "*" and area in AREAS:
        words = {"*": _("All of “{area}”"), "read": _("What can be seen of “{area}”")}
        return words.get(verb, pattern).format(area=_(AREAS[area]))
    return pattern
