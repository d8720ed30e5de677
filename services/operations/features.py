"""Features that an organization switched on or off, active on every process as soon as it hears of it."""

from dataclasses import dataclass

from sqlalchemy.dialects.postgresql import insert

from domain.checks import checked_choice
from domain.errors import Conflict
from domain.events import OrganizationChanged
from domain.identity.roles import Permission
from domain.operations.features import Feature
from services.db.tables import OrganizationFeature
from services.db.work import Work

STATES = "SELECT feature, is_on, version FROM organization_features"


@dataclass(frozen=True)
class FeatureState:
    """A feature, and whether the organization uses it."""

    feature: Feature
    is_on: bool
    version: int
    """0 where nobody ever switched it."""


async def list_features(work: Work) -> tuple[FeatureState, ...]:
    """Return every feature in the order of the code.

    Raises:
        Forbidden: the actor may not switch features.
    """
    await work.permit(Permission.EDIT_FEATURES)
    known = {row["feature"]: row for row in await work.fetch(STATES)}
    return tuple(
        FeatureState(feature, known[feature]["is_on"], known[feature]["version"])
        if feature in known
        else FeatureState(feature, is_on=True, version=0)
        for feature in Feature
    )


async def switch_feature(work: Work, *, feature: str, is_on: bool, version: int) -> FeatureState:
    """Switch a feature; people see or lose it at once, on open screens too.

    Raises:
        Forbidden: the actor may not switch features.
        InvalidChoice: there is no such feature.
        Conflict: somebody switched it since `version`.
    """
    await work.permit(Permission.EDIT_FEATURES)
    chosen = checked_choice(feature, Feature, field="feature")
    values = {"org_id": work.scope.org_id, "feature": chosen.value, "is_on": is_on, "version": version + 1}
    row = insert(OrganizationFeature).values(**values)
    changed = await work.session.execute(
        row.on_conflict_do_update(
            constraint="organization_features_pk",
            set_={"is_on": is_on, "version": version + 1},
            where=OrganizationFeature.version == version,
        ).returning(OrganizationFeature.version)
    )
    if changed.first() is None:
        raise Conflict
    work.emit(OrganizationChanged(feature=chosen.value))
    return FeatureState(chosen, is_on=is_on, version=version + 1)
