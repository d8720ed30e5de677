"""Who sees a file that is the value of a custom field: whoever sees a thing that holds it."""

from uuid import UUID

from domain.custom_fields.fields import FieldType
from services.custom_fields.entities import ENTITIES, Entity
from services.db.work import Work

FILE_FIELDS = "SELECT entity, array_agg(key) AS keys FROM custom_fields WHERE type = $1 GROUP BY entity"
HELD = """
SELECT EXISTS (
  SELECT FROM {table} CROSS JOIN unnest($1::text[]) AS field (key) WHERE {table}.custom ->> field.key = $2 {in_plants}
)
"""
PLANT_COLUMNS = {
    "plants": "id",
    "departments": "plant_id",
    "lanes": "plant_id",
    "machines": "plant_id",
    "work_orders": "plant_id",
}
"""What says to which plant a thing belongs; others belong to the whole organization."""


async def sees_attachment(work: Work, *, file_id: UUID) -> bool:
    """Tell whether the actor may see a thing that holds a file, in a plant where they may."""
    fields = await work.fetch(FILE_FIELDS, FieldType.FILE.value)
    for row in fields:
        entity = ENTITIES.get(row["entity"])
        if entity is not None and work.scope.may(entity.read) and await _is_held(work, entity, row["keys"], file_id):
            return True
    return False


async def _is_held(work: Work, entity: Entity, keys: list[str], file_id: UUID) -> bool:
    plants = work.scope.plants_of(entity.read)
    column = PLANT_COLUMNS.get(entity.table)
    if plants is None or column is None:
        rows = await work.fetch(HELD.format(table=entity.table, in_plants=""), keys, str(file_id))
    else:
        statement = HELD.format(table=entity.table, in_plants=f"AND {entity.table}.{column} = ANY ($3::uuid[])")
        rows = await work.fetch(statement, keys, str(file_id), list(plants))
    return bool(rows[0][0])
