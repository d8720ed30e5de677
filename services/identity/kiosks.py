"""Who stands at a kiosk: a device is signed in, and people say by badge or PIN in whose name it acts."""

from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from domain.checks import storable
from domain.errors import Forbidden, UnisonError, marked
from domain.identity.badges import LONGEST_BADGE, BadgeKind
from domain.identity.roles import Permission
from services.auth.attempts import KioskAttempts
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


async def identify(
    work: Work, *, key: BadgeKey, kind: BadgeKind, value: str, device_id: UUID, plant_id: UUID, attempts: KioskAttempts
) -> UUID:
    """Return the user whom a badge or PIN names, at a kiosk that stands in a plant.

    Raises:
        Forbidden: the actor is no kiosk.
        TooManyAttempts: the device failed too often.
        NotRecognized: it names nobody who is active.
        NotOfThisPlant: it names somebody who does not work in this plant.
        Unavailable: Postgres does not answer.
    """
    await work.permit(Permission.USE_KIOSK)
    await attempts.count(device_id)
    wanted = storable(value.strip(), longest=LONGEST_BADGE + 1)
    digest = key.digest(work.scope.org_id, kind, wanted)
    row = (await work.session.execute(FIND, {"kind": kind.value, "digest": digest})).one_or_none()
    if row is None or not row.is_active:
        await attempts.keep(device_id)
        raise NotRecognized
    await attempts.take_back(device_id)
    if row.plant_ids is not None and plant_id not in row.plant_ids:
        raise NotOfThisPlant(permission=Permission.USE_KIOSK.value)
    user_id: UUID = row.id
    return user_id
