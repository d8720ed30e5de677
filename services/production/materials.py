"""Materials: what is made and what it is made of."""

from typing import ClassVar
from uuid import UUID

from domain.checks import checked_text
from domain.errors import Conflict, NotFound, marked
from domain.identity.roles import Permission
from services.custom_fields.values import Given, custom_of_edited, custom_of_new
from services.db.tables import Material
from services.db.unique import unique_or
from services.db.work import Work

LONGEST_NUMBER = 60
LONGEST_UNIT = 20


class MaterialNumberTaken(Conflict):
    """Another material has the number."""

    code: ClassVar[str] = "material_number_taken"
    sentence: ClassVar[str] = marked("There is a material “{number}” already.")


class MaterialInactive(Conflict):
    """A material that is not made any more."""

    code: ClassVar[str] = "material_inactive"
    sentence: ClassVar[str] = marked("The material “{number}” is not active any more.")


async def add_material(
    work: Work, *, number: str, unit: str, description: str = "", custom: Given | None = None
) -> Material:
    """Add a material.

    Raises:
        Forbidden: the actor may not edit orders.
        InvalidText: a text cannot be kept.
        Invalid, UnknownField: a value of a custom field cannot be kept.
        MaterialNumberTaken: the organization has a material with this number.
    """
    await work.permit(Permission.EDIT_ORDERS)
    material = Material(
        org_id=work.scope.org_id,
        number=checked_text(number, field="number", longest=LONGEST_NUMBER),
        description=checked_text(description, field="description", may_be_empty=True),
        unit=checked_text(unit, field="unit", longest=LONGEST_UNIT),
        custom=await custom_of_new(work, "material", custom),
    )
    async with unique_or(work, MaterialNumberTaken(number=material.number)):
        work.session.add(material)
    return material


async def edit_material(
    work: Work,
    *,
    material_id: UUID,
    version: int,
    number: str | None = None,
    description: str | None = None,
    unit: str | None = None,
    is_active: bool | None = None,
    custom: Given | None = None,
) -> Material:
    """Change what is given of a material; orders keep the unit that they were planned in.

    Raises:
        Forbidden: the actor may not edit orders.
        NotFound: there is no such material.
        Conflict: somebody changed it since `version`.
        InvalidText: a text cannot be kept.
        Invalid, UnknownField: a value of a custom field cannot be kept.
        MaterialNumberTaken: another material has this number.
    """
    await work.permit(Permission.EDIT_ORDERS)
    material = await work.session.get(Material, material_id, with_for_update=True)
    if material is None:
        raise NotFound(what="material")
    if material.version != version:
        raise Conflict
    material.custom = await custom_of_edited(work, "material", custom, material.custom)
    if description is not None:
        material.description = checked_text(description, field="description", may_be_empty=True)
    if unit is not None:
        material.unit = checked_text(unit, field="unit", longest=LONGEST_UNIT)
    if is_active is not None:
        material.is_active = is_active
    if number is not None:
        number = checked_text(number, field="number", longest=LONGEST_NUMBER)
        async with unique_or(work, MaterialNumberTaken(number=number)):
            material.number = number
    await work.session.flush()
    return material


async def material_for_use(work: Work, material_id: UUID) -> Material:
    """Return a material that something new may be planned for.

    Raises:
        NotFound: there is no such material.
        MaterialInactive: it is not made any more.
    """
    material = await work.session.get(Material, material_id)
    if material is None:
        raise NotFound(what="material")
    if not material.is_active:
        raise MaterialInactive(number=material.number)
    return material
