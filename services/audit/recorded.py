"""The things whose histories people read; another one joins by one line here."""

from dataclasses import dataclass

from domain.errors import NotFound, marked
from domain.identity.roles import Permission


@dataclass(frozen=True)
class Part:
    """A table whose rows belong to one thing and stand in its history."""

    table: str
    column: str = ""
    """Names the thing in the part's rows, with an index of the audit log; empty where the audit keeps the thing's id
    as that of the part, which has none of its own."""


@dataclass(frozen=True)
class Recorded:
    """A table whose rows have a history that people read."""

    table: str
    words: str
    """What one of its rows is called, to be translated."""
    name: str
    """The column by which people know a row."""
    read: Permission
    """Who may see a row may see its history."""
    parts: tuple[Part, ...] = ()
    noise: tuple[str, ...] = ()
    """Columns that follow from other entries; a change of nothing else is left out."""
    entity: str = ""
    """The kind of its custom fields; empty for none."""


READ_ORDERS, READ_PLANT, READ_USERS = Permission.READ_ORDERS, Permission.READ_PLANT, Permission.READ_USERS
SUMS = ("good", "scrap", "rework")
_ALL = (
    Recorded("plants", marked("Plant"), "code", READ_PLANT, entity="plant"),
    Recorded("departments", marked("Department"), "code", READ_PLANT, entity="department"),
    Recorded("lanes", marked("Lane"), "code", READ_PLANT, entity="lane"),
    Recorded("machines", marked("Machine"), "code", READ_PLANT, (Part("cycle_times"),), entity="machine"),
    Recorded("reasons", marked("Reason"), "label", READ_PLANT, entity="reason"),
    Recorded("shift_templates", marked("Shift template"), "name", READ_PLANT),
    Recorded("crews", marked("Crew"), "name", READ_PLANT, (Part("crew_members", "crew_id"),)),
    Recorded("materials", marked("Material"), "number", READ_ORDERS, entity="material"),
    Recorded("routings", marked("Routing"), "revision", READ_ORDERS, (Part("routing_operations", "routing_id"),)),
    Recorded("work_orders", marked("Order"), "number", READ_ORDERS, noise=SUMS, entity="work_order"),
    Recorded("operations", marked("Operation"), "name", READ_ORDERS, noise=SUMS),
    Recorded("andon_ladders", marked("Ladder"), "category", Permission.READ_LADDERS,
             (Part("andon_ladder_steps", "ladder_id"),)),
    Recorded("andon_rules", marked("Rule"), "state", Permission.READ_LADDERS),
    Recorded("users", marked("User"), "display_name", READ_USERS,
             (Part("user_roles"), Part("user_badges"), Part("user_invitations"), Part("user_identities"),
              Part("password_resets"), Part("second_factors"), Part("recovery_codes")),
             entity="user"),
    Recorded("roles", marked("Role"), "name", Permission.READ_ROLES, (Part("role_grants", "role_id"),)),
    Recorded("api_keys", marked("API key"), "name", Permission.READ_API_KEYS),
    Recorded("sign_in_providers", marked("Sign-in provider"), "label", Permission.READ_SIGN_IN_PROVIDERS),
    Recorded("webhooks", marked("Webhook"), "url", Permission.READ_WEBHOOKS),
    Recorded("custom_fields", marked("Custom field"), "key", Permission.EDIT_FIELDS),
    Recorded("branding", marked("Branding"), "name", Permission.EDIT_BRANDING),
    Recorded("organizations", marked("Organization"), "name", Permission.READ_PLANT),
)  # fmt: skip
RECORDED: dict[str, Recorded] = {one.table: one for one in _ALL}
"""By table."""

OTHERS: dict[str, str] = {
    "cycle_times": marked("Cycle time"),
    "crew_members": marked("Crew member"),
    "routing_operations": marked("Routing step"),
    "andon_ladder_steps": marked("Step"),
    "user_roles": marked("Assigned role"),
    "user_badges": marked("Badge or PIN"),
    "user_invitations": marked("Invitation"),
    "user_identities": marked("Sign-in through a provider"),
    "role_grants": marked("Permission"),
    "files": marked("File"),
    "sign_in_sessions": marked("Sign-in"),
    "production_log": marked("Report"),
    "production_runs": marked("Run"),
    "machine_state_changes": marked("Machine state"),
    "andon_calls": marked("Call"),
    "custom_conversions": marked("Change of a field's type"),
    "shift_exceptions": marked("Shift exception"),
    "shift_occurrences": marked("Shift"),
    "tasks": marked("Long work"),
    "password_resets": marked("Link for a new password"),
    "second_factors": marked("Second factor"),
    "recovery_codes": marked("Recovery code"),
    "sign_in_policies": marked("Rules of signing in"),
    "organization_features": marked("Feature switch"),
}
"""What rows of other tables are called, to be translated."""

NAMES: dict[str, str] = {
    **{one.table: one.name for one in _ALL},
    "files": "name",
    "andon_calls": "category",
    "shift_exceptions": "day",
    "production_runs": "order_number",
    "shift_occurrences": "name",
}
"""The column by which people know a row, by table."""

TITLES: dict[str, str] = {
    "cycle_times": "material_id",
    "crew_members": "user_id",
    "routing_operations": "name",
    "andon_ladder_steps": "number",
    "user_roles": "role",
    "user_badges": "kind",
    "user_identities": "provider_id",
    "user_invitations": "user_id",
    "password_resets": "user_id",
    "role_grants": "pattern",
    "production_log": "machine_id",
    "machine_state_changes": "machine_id",
    "sign_in_sessions": "user_id",
    "custom_conversions": "field_id",
    "organization_features": "feature",
}
"""The column that tells apart the parts of a thing, by table."""

LEADS_TO: dict[str, str] = {
    "plant_id": "plants",
    "plant_ids": "plants",
    "department_id": "departments",
    "lane_id": "lanes",
    "machine_id": "machines",
    "worked_machine_id": "machines",
    "parent_id": "reasons",
    "reason_id": "reasons",
    "material_id": "materials",
    "work_order_id": "work_orders",
    "split_from_id": "work_orders",
    "operation_id": "operations",
    "held_operation_id": "operations",
    "run_id": "production_runs",
    "crew_id": "crews",
    "template_id": "shift_templates",
    "shift_id": "shift_occurrences",
    "user_id": "users",
    "user_ids": "users",
    "whom": "users",
    "created_by": "users",
    "requested_by": "users",
    "raised_by": "users",
    "acknowledged_by": "users",
    "resolved_by": "users",
    "closed_by": "users",
    "shelved_by": "users",
    "role_id": "roles",
    "provider_id": "sign_in_providers",
    "field_id": "custom_fields",
    "ladder_id": "andon_ladders",
    "logo_id": "files",
    "logo_dark_id": "files",
    "favicon_id": "files",
    "sign_in_picture_id": "files",
    "mail_logo_id": "files",
}
"""The table of the rows that a column refers to."""


def recorded_of(table: str) -> Recorded:
    """Return what is known about a table whose rows have histories.

    Raises:
        NotFound: its rows have none.
    """
    if table not in RECORDED:
        raise NotFound(what="history")
    return RECORDED[table]


def words_of(table: str) -> str:
    """Return what a row of a table is called, to be translated; the table's own name where nobody named it."""
    return RECORDED[table].words if table in RECORDED else OTHERS.get(table, table)
