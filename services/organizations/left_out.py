"""What an export of an organization leaves out, each with the reason: whoever finds the file must not come in with it.

An architecture test finds every column that looks like a secret and is not listed here.
"""

TABLES_LEFT_OUT = {
    "custom_keys": "sort keys, computed from the values of custom fields",
    "dirty_hours": "hours that are still to be added up",
    "idempotency_keys": "answers to requests that may be repeated, forgotten after a day",
    "password_resets": "links that open accounts",
    "recovery_codes": "codes that stand for a second factor",
    "refresh_tokens": "what keeps devices signed in",
    "used_sign_ins": "sign-ins through a provider that are used up",
}
"""Tables of which nothing is exported."""

SECRET_COLUMNS: dict[str, tuple[str, ...]] = {
    "api_keys": ("digest",),
    "second_factors": ("secret", "last_step"),
    "sign_in_providers": ("client_secret",),
    "user_badges": ("digest",),
    "user_invitations": ("digest",),
    "users": ("password_hash",),
    "webhooks": ("secret", "old_secret"),
}
"""Columns of which nothing is exported: secrets, and what they can be guessed from."""

ROWS_LEFT_OUT = {"files": "purpose <> 'export'"}
"""Conditions for the rows of a table: an export does not hold the ones before it."""
