"""Primary keys."""

from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """Return a new UUIDv7: unique everywhere, and increasing in time so that indexes stay compact."""
    return uuid_utils.compat.uuid7()
