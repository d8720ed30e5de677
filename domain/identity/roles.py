"""What exists to be permitted, and what the built-in roles may do."""

from enum import StrEnum


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
    EDIT_FIELDS = "custom.field.edit"
    READ_FILES = "files.content.read"
    ADD_FILES = "files.content.add"
    OPEN_EXPORTS = "system.export.open"
    EDIT_BRANDING = "identity.branding.edit"
    READ_API_KEYS = "identity.api_key.read"
    EDIT_API_KEYS = "identity.api_key.edit"
    READ_SIGN_IN_PROVIDERS = "identity.provider.read"
    EDIT_SIGN_IN_PROVIDERS = "identity.provider.edit"
    READ_ORGANIZATIONS = "platform.organization.read"  # the area of the platform's own organization, see PLATFORM
    ADD_ORGANIZATIONS = "platform.organization.add"
    SUSPEND_ORGANIZATIONS = "platform.organization.suspend"


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
