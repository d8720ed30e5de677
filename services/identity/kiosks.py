"""Who stands at a kiosk: a device is signed in, and people say by badge or PIN in whose name it acts."""

import time
from collections import defaultdict, deque
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from domain.checks import storable
from domain.errors import Forbidden, UnisonError, marked
from domain.identity.badges import LONGEST_BADGE, BadgeKind
from domain.identity.roles import Permission
from services.auth.attempts import WINDOW_MINUTES, TooManyAttempts
from services.db.work import Work
from services.identity.badges import BadgeKey

FIND = text("""
SELECT users.id, users.plant_ids, users.is_active FROM user_badges
JOIN users ON users.org_id = user_badges.org_id AND users.id = user_badges.user_id
WHERE user_badges.kind = :kind AND user_badges.digest = :digest
""")


class NotRecognized(UnisonError):
    """The badge or PIN belongs to nobody who may use it; whether it was ever given stays unsaid."""

    code: ClassVar[str] = "not_recognized"
    sentence: ClassVar[str] = marked("This badge or PIN is not known here. Try again, or ask your supervisor.")


class NotOfThisPlant(Forbidden):
    """Somebody who is known, at a kiosk of a plant that is none of theirs."""

    code: ClassVar[str] = "not_of_this_plant"
    sentence: ClassVar[str] = marked("You are not assigned to this plant. Ask your supervisor.")


class KioskAttempts:
    """Limits wrong badges and PINs per device, in the memory of each server process.

    A right one clears nothing: else whoever has a PIN could guess at others' for ever.
    """

    def __init__(self, per_device: int) -> None:
        self._allowed = per_device
        self._failed: defaultdict[UUID, deque[float]] = defaultdict(deque)

    def check(self, device_id: UUID) -> None:
        """Refuse a device that failed too often.

        Raises:
            TooManyAttempts: its failures of the last quarter of an hour are as many as are allowed.
        """
        failed = self._failed[device_id]
        while failed and failed[0] < time.monotonic() - WINDOW_MINUTES * 60:
            failed.popleft()
        if len(failed) >= self._allowed:
            raise TooManyAttempts

    def fail(self, device_id: UUID) -> None:
        """Count a wrong badge or PIN."""
        self._failed[device_id].append(time.monotonic())


async def identify(
    work: Work, *, key: BadgeKey, kind: BadgeKind, value: str, device_id: UUID, plant_id: UUID, attempts: KioskAttempts
) -> UUID:
    """Return the user whom a badge or PIN names, at a kiosk that stands in a plant.

    Raises:
        Forbidden: the actor is no kiosk.
        TooManyAttempts: the device failed too often.
        NotRecognized: it names nobody who is active.
        NotOfThisPlant: it names somebody who does not work in this plant.
    """
    await work.permit(Permission.USE_KIOSK)
    attempts.check(device_id)
    wanted = storable(value.strip(), longest=LONGEST_BADGE + 1)
    digest = key.digest(work.scope.org_id, kind, wanted)
    row = (await work.session.execute(FIND, {"kind": kind.value, "digest": digest})).one_or_none()
    attempts.check(device_id)  # from here on nothing waits: guesses that come all at once are counted one by one
    if row is None or not row.is_active:
        attempts.fail(device_id)
        raise NotRecognized
    if row.plant_ids is not None and plant_id not in row.plant_ids:
        raise NotOfThisPlant(permission=Permission.USE_KIOSK.value)
    user_id: UUID = row.id
    return user_id
