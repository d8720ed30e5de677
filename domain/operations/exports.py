"""Exports: everything that an organization has, in one file that is kept for a while."""

from datetime import timedelta
from typing import ClassVar

from domain.errors import Conflict, marked

KEPT_FOR = timedelta(days=7)
"""How long an export can be fetched."""
FORMAT = 1
"""Version of what lies in the file; whatever changes its meaning makes it the next number."""


class NoRoomForExport(Conflict):
    """The disk on which the file is packed is full."""

    code: ClassVar[str] = "no_room_for_export"
    sentence: ClassVar[str] = marked("There is not enough room on the server's disk to pack the file.")
