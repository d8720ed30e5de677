"""Sorted keys of the fields to filter by: triggers keep them, a job makes those of what was there before."""

from uuid import UUID

from domain.custom_fields.fields import FieldPlace
from domain.events import CustomFieldsChanged
from services.custom_fields.entities import ENTITIES
from services.db.tables import CustomField
from services.db.work import Work
from services.jobs.registry import Job, does, enqueue

AT_ONCE = 5_000
"""Things per job: as long as somebody who edits one of them may have to wait."""
# A lock on each thing waits for whoever changes it, and lets nobody change it until its key stands.
MAKE = """
WITH things AS MATERIALIZED (
  SELECT id, custom, {plant_id} AS plant_id FROM {table} WHERE id > $2 ORDER BY id LIMIT {limit:d} FOR SHARE
), made AS (
  INSERT INTO custom_keys (org_id, field_id, row_id, place, plant_id, key)
  SELECT app.current_org(), field.id, things.id, keys.place - 1, things.plant_id, keys.key
  FROM things JOIN custom_fields AS field ON field.id = $1
  CROSS JOIN LATERAL unnest(app.custom_keys(field.type, things.custom -> field.key))
    WITH ORDINALITY AS keys (key, place)
  ON CONFLICT ON CONSTRAINT custom_keys_pk DO NOTHING
)
SELECT id FROM things ORDER BY id DESC LIMIT 1
"""
FORGET = "DELETE FROM custom_keys WHERE field_id = $1"
HAS = "UPDATE custom_fields SET has_keys = $2 WHERE id = $1"
IN_PLANTS = {
    "machine": "plant_id",
    "lane": "plant_id",
    "department": "plant_id",
    "work_order": "plant_id",
    "plant": "id",
}


class MakeCustomKeys(Job):
    """Make the keys of a custom field for things that were there before it, some thousands at once."""

    name = "custom.key.make"
    field_id: UUID
    after: UUID = UUID(int=0)


async def keep_keys(work: Work, row: CustomField, *, had_keys: bool) -> None:
    """Let a field have keys from now on, or none any more, as its places ask."""
    wants_keys = FieldPlace.FILTER.value in row.shown_in
    if wants_keys and not had_keys:
        await enqueue(work, MakeCustomKeys(field_id=row.id))
    elif had_keys and not wants_keys:
        await forget_keys(work, row.id)


async def forget_keys(work: Work, field_id: UUID) -> None:
    """Drop the keys of a field; tables look at the values themselves until it has some again."""
    await work.fetch(FORGET, field_id)
    await work.fetch(HAS, field_id, False)


@does(MakeCustomKeys)
async def make_keys(work: Work, job: MakeCustomKeys) -> None:
    """Make the next keys, and leave the rest to another job."""
    following = await make_next_keys(work, job)
    if following is not None:
        await enqueue(work, following)


async def make_next_keys(work: Work, job: MakeCustomKeys) -> MakeCustomKeys | None:
    """Make the next keys, and return the job that goes on from there; None when all stand."""
    row = await work.session.get(CustomField, job.field_id)
    if row is None or FieldPlace.FILTER.value not in row.shown_in:
        return None
    entity = ENTITIES[row.entity]
    statement = MAKE.format(table=entity.table, plant_id=IN_PLANTS.get(row.entity, "NULL::uuid"), limit=AT_ONCE)
    last = await work.fetch(statement, job.field_id, job.after)
    if last:
        return MakeCustomKeys(field_id=job.field_id, after=last[0]["id"])
    await work.fetch(HAS, job.field_id, True)
    work.emit(CustomFieldsChanged(entity=row.entity))
    return None
