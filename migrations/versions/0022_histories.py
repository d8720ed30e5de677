"""Histories find the parts of a thing, and know the steps of a ladder."""

from migrations.policies import audit_v1, run_sql

revision = "0022"
down_revision = "0021"

PARTS = (
    ("crew_members", "crew_id"),
    ("routing_operations", "routing_id"),
    ("andon_ladder_steps", "ladder_id"),
    ("role_grants", "role_id"),
)


def upgrade() -> None:
    """Index the entries of parts by the thing that they belong to; all other entries cost nothing more to write."""
    for table, column in PARTS:
        run_sql(
            f"CREATE INDEX audit_log_{table}_ix ON audit_log (org_id, (coalesce(after, before) ->> '{column}'), at)"
            f" WHERE table_name = '{table}'"
        )
    audit_v1("andon_ladder_steps")
