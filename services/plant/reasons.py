"""The reasons that people give for stops, scrap and rework, as a tree."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, text

from domain.checks import checked_choice, checked_text
from domain.custom_fields.fields import Labels, checked_labels
from domain.edits import UNCHANGED, Unchanged
from domain.errors import NotFound
from domain.identity.roles import Permission
from domain.plant.reasons import LossCategory, ReasonInTree, ReasonKind, check_place
from services.custom_fields.values import Given, custom_of_edited, custom_of_new
from services.db.keys import new_id
from services.db.locked import locked
from services.db.tables import Reason
from services.db.unique import unique_or
from services.db.work import Work
from services.plant.plant_models import CodeTaken, checked_position
from services.plant.recounts import recount_reason

# Two people who hang two reasons below each other at once would not see what the other one does.
ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('reasons:' || app.current_org(), 0))")
REORDER = """
UPDATE reasons SET position = wanted.position, version = version + 1
FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (id, position)
WHERE reasons.id = wanted.id AND reasons.position <> wanted.position
"""


async def add_reason(
    work: Work,
    *,
    kind: str,
    code: str,
    label: str,
    loss_category: str | None = None,
    position: int = 0,
    parent_id: UUID | None = None,
    translations: Labels | None = None,
    custom: Given | None = None,
) -> Reason:
    """Add a reason for stops (`kind` stop), scrap or rework, below another one where given.

    `translations` are the label in other languages; whoever reads none of them reads `label`.

    Raises:
        Forbidden: the actor may not edit the plant model.
        InvalidChoice: `kind` is no ReasonKind, or `loss_category` no LossCategory.
        InvalidText, InvalidWholeNumber: a value cannot be kept.
        Invalid, UnknownField: a value of a custom field cannot be kept.
        NotFound: there is no such reason above.
        ReasonOfAnotherKind: the reason above explains something else.
        LossCategoryMissing: it is for stops, and neither it nor a reason above has a category.
        CodeTaken: the organization has a reason of this kind with this code.
    """
    await work.permit(Permission.EDIT_PLANT)
    reason = Reason(
        id=new_id(),
        org_id=work.scope.org_id,
        kind=checked_choice(kind, ReasonKind, field="kind").value,
        code=checked_text(code, field="code", longest=40),
        label=checked_text(label, field="label"),
        translations=checked_labels(translations or {}, name="translations", may_be_empty=True),
        loss_category=checked_category(loss_category),
        position=checked_position(position),
        parent_id=parent_id,
        custom=await custom_of_new(work, "reason", custom),
    )
    await _check_place(work, in_tree(reason))
    async with unique_or(work, CodeTaken(field="code", code=reason.code)):
        work.session.add(reason)
    return reason


async def edit_reason(
    work: Work,
    *,
    reason_id: UUID,
    version: int,
    label: str | None = None,
    loss_category: str | Unchanged | None = UNCHANGED,
    parent_id: UUID | Unchanged | None = UNCHANGED,
    position: int | None = None,
    is_active: bool | None = None,
    translations: Labels | None = None,
    custom: Given | None = None,
) -> Reason:
    """Change what is given of a reason; one that is not active stays on what it explained already.

    Past stops are counted again as lost to what the reason means now, by a job.

    Raises:
        Forbidden: the actor may not edit the plant model.
        NotFound: there is no such reason, or none above.
        Conflict: somebody changed it since `version`.
        InvalidText, InvalidChoice, InvalidWholeNumber: a value cannot be kept.
        Invalid, UnknownField: a value of a custom field cannot be kept.
        ReasonCycle, ReasonOfAnotherKind: it cannot stand below that one.
        LossCategoryMissing: it is for stops, and neither it nor a reason above has a category.
    """
    await work.permit(Permission.EDIT_PLANT)
    await work.session.execute(ALONE)
    reason = await locked(work, Reason, reason_id, version=version, missing=NotFound(what="reason"))
    reason.custom = await custom_of_edited(work, "reason", custom, reason.custom)
    if label is not None:
        reason.label = checked_text(label, field="label")
    if translations is not None:
        reason.translations = checked_labels(translations, name="translations", may_be_empty=True)
    means_the_same = True
    if loss_category is not UNCHANGED or parent_id is not UNCHANGED:
        category = reason.loss_category if loss_category is UNCHANGED else checked_category(loss_category)
        above = reason.parent_id if parent_id is UNCHANGED else parent_id
        await _check_place(work, ReasonInTree(reason.id, ReasonKind(reason.kind), above, _category(category)))
        means_the_same = category == reason.loss_category and (category is not None or above == reason.parent_id)
        reason.loss_category, reason.parent_id = category, above
    if position is not None:
        reason.position = checked_position(position)
    if is_active is not None:
        reason.is_active = is_active
    await work.session.flush()
    if reason.kind == ReasonKind.STOP and not means_the_same:
        await recount_reason(work, reason_id=reason.id)
    return reason


async def order_reasons(work: Work, *, reason_ids: Sequence[UUID]) -> None:
    """Put reasons into the order in which they are given.

    Raises:
        Forbidden: the actor may not edit the plant model.
        NotFound: one of them does not exist.
    """
    await work.permit(Permission.EDIT_PLANT)
    await work.session.execute(ALONE)
    statement = select(Reason.id).where(Reason.id.in_(reason_ids))
    if len((await work.session.execute(statement)).all()) < len(set(reason_ids)):
        raise NotFound(what="reason")
    await work.fetch(REORDER, list(reason_ids))


def checked_category(value: str | None) -> str | None:
    """Return a loss category; None takes that of the reason above.

    Raises:
        InvalidChoice: it is no LossCategory.
    """
    return None if value is None else checked_choice(value, LossCategory, field="loss_category").value


def in_tree(reason: Reason) -> ReasonInTree:
    """Return what a reason's place in the tree depends on."""
    return ReasonInTree(reason.id, ReasonKind(reason.kind), reason.parent_id, _category(reason.loss_category))


def _category(value: str | None) -> LossCategory | None:
    return None if value is None else LossCategory(value)


async def _check_place(work: Work, reason: ReasonInTree) -> None:
    with work.session.no_autoflush:
        tree = {row.id: in_tree(row) for row in (await work.session.execute(select(Reason))).scalars()}
    tree[reason.id] = reason
    if reason.parent_id is not None and reason.parent_id not in tree:
        raise NotFound(what="reason")
    check_place(reason.id, tree)
