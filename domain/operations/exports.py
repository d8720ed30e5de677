"""Exports: everything that an organization has, in one file that is kept for a while."""

from datetime import timedelta
from typing import ClassVar

from domain.errors import Conflict, Forbidden, marked

KEPT_FOR = timedelta(days=7)
"""How long an export can be fetched."""
FORMAT = 1
"""Version of what lies in the file; whatever changes its meaning makes it the next number."""


class NotInEveryPlant(Forbidden):
    """Everything is wanted by somebody who may not see all of it."""

    code: ClassVar[str] = "not_in_every_plant"
    sentence: ClassVar[str] = marked("This concerns every plant, and you may do it in some of them only.")


class NoRoomForExport(Conflict):
    """The disk on which the file is packed is full."""

    code: ClassVar[str] = "no_room_for_export"
    sentence: ClassVar[str] = marked("There is not enough room on the server's disk to pack the file.")
