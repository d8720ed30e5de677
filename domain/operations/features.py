"""What an organization can switch on and off: a feature is a set of permissions that nobody holds while it is off."""

from enum import StrEnum

from domain.errors import marked
from domain.identity.roles import Permission


class Feature(StrEnum):
    """A part of the system that an organization may do without."""

    ORDERS = "orders"
    ANDON = "andon"
    METRICS = "metrics"
    API_KEYS = "api_keys"
    SIGN_IN_PROVIDERS = "sign_in_providers"
    WEBHOOKS = "webhooks"
    CUSTOM_FIELDS = "custom_fields"
    BRANDING = "branding"


PERMISSIONS: dict[Feature, frozenset[Permission]] = {
    Feature.ORDERS: frozenset({Permission.READ_ORDERS, Permission.EDIT_ORDERS, Permission.WORK_OPERATIONS}),
    Feature.ANDON: frozenset(
        {
            Permission.READ_ANDON,
            Permission.RAISE_ANDON,
            Permission.ANSWER_ANDON,
            Permission.SHELVE_ANDON,
            Permission.READ_LADDERS,
            Permission.EDIT_LADDERS,
        }
    ),
    Feature.METRICS: frozenset({Permission.READ_METRICS}),
    Feature.API_KEYS: frozenset({Permission.READ_API_KEYS, Permission.EDIT_API_KEYS}),
    Feature.SIGN_IN_PROVIDERS: frozenset({Permission.READ_SIGN_IN_PROVIDERS, Permission.EDIT_SIGN_IN_PROVIDERS}),
    Feature.WEBHOOKS: frozenset({Permission.READ_WEBHOOKS, Permission.EDIT_WEBHOOKS}),
    Feature.CUSTOM_FIELDS: frozenset({Permission.EDIT_FIELDS}),
    Feature.BRANDING: frozenset({Permission.EDIT_BRANDING}),
}
"""What nobody may while a feature is off."""

WORDS: dict[Feature, tuple[str, str]] = {
    Feature.ORDERS: (
        marked("Orders, materials and routings"),
        marked("Plan work orders and dispatch their operations to terminals."),
    ),
    Feature.ANDON: (
        marked("Andon calls"),
        marked("Call for help from machines, with escalation ladders and statistics."),
    ),
    Feature.METRICS: (marked("Shifts and KPIs"), marked("Explain every minute of a shift, and see OEE and its parts.")),
    Feature.API_KEYS: (
        marked("API keys"),
        marked("Let programs in. While it is off, no key opens anything."),
    ),
    Feature.SIGN_IN_PROVIDERS: (
        marked("Sign-in providers"),
        marked("Let people sign in through the organization's own provider."),
    ),
    Feature.WEBHOOKS: (
        marked("Webhooks"),
        marked("Tell other systems of events. While it is off, nothing is sent."),
    ),
    Feature.CUSTOM_FIELDS: (
        marked("Set-up of custom fields"),
        marked("Add fields of one's own and change them. What was filled in stays to be seen."),
    ),
    Feature.BRANDING: (marked("Choice of branding"), marked("Change logo, colours and words. The chosen look stays.")),
}
"""What each feature is called, and what it is for."""


def switched_off(off: frozenset[str]) -> frozenset[str]:
    """Return the permissions that nobody holds while some features are off; unknown names switch nothing."""
    return frozenset(
        permission.value for feature, permissions in PERMISSIONS.items() if feature in off for permission in permissions
    )
