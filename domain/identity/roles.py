"""What exists to be permitted, and what the built-in roles may do."""

import re
from collections.abc import Collection
from enum import StrEnum
from typing import ClassVar

from domain.errors import Invalid, marked


class Permission(StrEnum):
    """Something that a use case asks for before it acts, as `area.noun.verb`."""

    READ_PLANT = "plant.model.read"
    EDIT_PLANT = "plant.model.edit"
    CHANGE_MACHINE_STATE = "plant.machine_state.change"
    CLASSIFY_STOPS = "plant.stop.classify"
    EDIT_SHIFTS = "plant.shift.edit"
    READ_PRODUCTION = "production.log.read"
    REPORT_PRODUCTION = "production.log.report"
    REVERSE_PRODUCTION = "production.log.reverse"  # one's own reports, within the plant's time to undo
    CORRECT_PRODUCTION = "production.log.correct"  # anybody's, whenever
    READ_ORDERS = "production.order.read"
    EDIT_ORDERS = "production.order.edit"
    WORK_OPERATIONS = "production.operation.work"
    READ_METRICS = "production.metric.read"
    IMPORT_PRODUCTION = "production.history.import"
    READ_ANDON = "andon.call.read"
    RAISE_ANDON = "andon.call.raise"
    ANSWER_ANDON = "andon.call.answer"
    SHELVE_ANDON = "andon.call.shelve"
    READ_LADDERS = "andon.ladder.read"
    EDIT_LADDERS = "andon.ladder.edit"
    USE_KIOSK = "identity.kiosk.use"
    READ_USERS = "identity.user.read"
    EDIT_USERS = "identity.user.edit"
    READ_ROLES = "identity.role.read"
    EDIT_ROLES = "identity.role.edit"
    ASSIGN_ROLES = "identity.role.assign"
    EDIT_FIELDS = "custom.field.edit"
    READ_FILES = "files.content.read"
    ADD_FILES = "files.content.add"
    OPEN_EXPORTS = "system.export.open"
    DELETE_ORGANIZATION = "system.organization.delete"
    EDIT_BRANDING = "identity.branding.edit"
    READ_API_KEYS = "identity.api_key.read"
    EDIT_API_KEYS = "identity.api_key.edit"
    READ_SIGN_IN_PROVIDERS = "identity.provider.read"
    EDIT_SIGN_IN_PROVIDERS = "identity.provider.edit"
    READ_WEBHOOKS = "integration.webhook.read"
    EDIT_WEBHOOKS = "integration.webhook.edit"
    INSPECT_SYSTEM = "system.installation.inspect"
    EDIT_JOBS = "system.job.edit"
    EDIT_FEATURES = "system.feature.edit"
    INSPECT_AUDIT = "audit.log.inspect"  # not `read`: what everybody did is not for whoever may read everything else
    READ_SIGN_IN_POLICY = "identity.sign_in.read"
    EDIT_SIGN_IN_POLICY = "identity.sign_in.edit"
    READ_ORGANIZATIONS = "platform.organization.read"  # the area of the platform's own organization, see PLATFORM
    ADD_ORGANIZATIONS = "platform.organization.add"
    SUSPEND_ORGANIZATIONS = "platform.organization.suspend"
    DELETE_ORGANIZATIONS = "platform.organization.delete"


class Role(StrEnum):
    """A built-in role; a user may hold several."""

    ADMIN = "admin"
    SUPERVISOR = "supervisor"
    OPERATOR = "operator"
    VIEWER = "viewer"
    TERMINAL = "terminal"  # a device at which people identify themselves


PLATFORM = "platform"
"""The built-in role of the platform's own organization, and the area of permissions that it alone holds: no pattern
of another role reaches them, nor does any role of another organization."""
PLATFORM_GRANTS = ("platform.*.*",)

GRANTS: dict[Role, tuple[str, ...]] = {
    Role.ADMIN: ("*.*.*",),
    Role.SUPERVISOR: (
        "*.*.read",
        "plant.machine_state.*",
        "plant.stop.*",
        "plant.shift.*",
        "production.log.*",
        "production.order.*",
        "production.operation.*",
        "andon.call.*",
        "files.content.*",
    ),
    Role.OPERATOR: (
        "plant.*.read",
        "production.*.read",
        "andon.*.read",
        "plant.machine_state.change",
        "plant.stop.classify",
        "production.log.report",
        "production.log.reverse",
        "production.operation.work",
        "andon.call.raise",
        "files.content.*",
    ),
    Role.VIEWER: ("plant.*.read", "production.*.read", "andon.*.read", "files.content.read"),
    Role.TERMINAL: ("plant.*.read", "production.*.read", "andon.*.read", "files.content.*", "identity.kiosk.use"),
}
"""Permission patterns per role; `*` stands for any one part."""

BUILT_IN: dict[str, tuple[str, ...]] = {**{role.value: GRANTS[role] for role in Role}, PLATFORM: PLATFORM_GRANTS}
"""The roles that every organization has, and what they grant: kept here, so that better ones reach everybody."""

AREAS_OF_PLANTS = frozenset({"plant", "production", "andon", "files"})
"""What belongs to a plant; whatever else is changed belongs to the whole organization."""
MOST_GRANTS = 200
KEY = re.compile(r"[a-z][a-z0-9_-]{1,39}")
PATTERN = re.compile(r"(?:[a-z_]+|\*)(?:\.(?:[a-z_]+|\*)){2}")


class InvalidRoleKey(Invalid):
    """A key that a role cannot have."""

    code: ClassVar[str] = "invalid_role_key"
    sentence: ClassVar[str] = marked(
        "A role's key has 2 to 40 small letters, digits, hyphens and underscores, and begins with a letter."
    )


class InvalidGrant(Invalid):
    """A pattern that grants nothing there is, or what nobody can grant."""

    code: ClassVar[str] = "invalid_grant"
    sentence: ClassVar[str] = marked("“{pattern}” grants nothing. Write area.noun.verb, with * for any one part.")


class TooManyGrants(Invalid):
    """More patterns than a role needs."""

    code: ClassVar[str] = "too_many_grants"
    sentence: ClassVar[str] = marked("A role has at most {most} patterns. Use * for whole areas.")


def holds_in_single_plants(permission: str) -> bool:
    """Tell whether a role that somebody has in some plants only grants a permission: whether it is about plants.

    Else an admin of one plant could change the users, roles and looks of all.
    """
    area, _, verb = permission.split(".")
    return area in AREAS_OF_PLANTS or verb == "read" or permission == Permission.USE_KIOSK


def is_of_platform(permission: str) -> bool:
    """Tell whether a permission belongs to the platform's area, which `*` does not reach."""
    return permission.startswith(f"{PLATFORM}.")


def checked_role_key(value: str) -> str:
    """Return the key when a role can have it.

    Raises:
        InvalidRoleKey: it cannot.
    """
    if not KEY.fullmatch(value):
        raise InvalidRoleKey(field="key")
    return value


def checked_patterns(patterns: Collection[str]) -> tuple[str, ...]:
    """Return the patterns, each once and sorted, when each of them has the form of one and is none of the platform's.

    Raises:
        InvalidGrant: one has not, or is.
        TooManyGrants: there are more than a role needs.
    """
    wanted = tuple(sorted(set(patterns)))
    if len(wanted) > MOST_GRANTS:
        raise TooManyGrants(field="grants", most=MOST_GRANTS)
    for pattern in wanted:
        if not PATTERN.fullmatch(pattern) or is_of_platform(pattern):
            raise InvalidGrant(field="grants", pattern=pattern[:100])
    return wanted
