"""What a person chose for numbers and times reaches the pages that they read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from nicegui.testing import User
from sqlalchemy import select, update

from domain.andon.calls import CallCategory
from domain.identity.preferences import NumberFormat
from domain.identity.roles import Role
from domain.production.routings import RoutingStep
from services.andon.ladders import set_ladder
from services.db.keys import new_id
from services.db.tables import ProductionLogEntry
from services.db.tables import User as UserRow
from services.db.work import begin, read
from services.production.materials import add_material, edit_material
from services.production.production_logs import Pieces, report_production
from services.production.routings import draft_routing
from tests.factories import Floor
from tests.services.test_andon_ladders import STEPS
from tests.ui.conftest import SignIn, sees
from ui.components.offline_reports import OfflineReports
from ui.kit.formats import time_of_day

ZONE = "Asia/Kathmandu"
"""No plant of the tests is there, and it differs from theirs by a quarter of an hour."""


@pytest.fixture(autouse=True)
async def _chosen(floor: Floor) -> None:
    """Everybody of the floor reads numbers as Germans do, in English, and times as in Kathmandu."""
    async with begin(floor.scope) as work:
        await work.session.execute(
            update(UserRow).values(time_zone=ZONE, number_format=NumberFormat.COMMA.value, language="en")
        )


async def opened(sign_in: SignIn, floor: Floor, path: str, role: Role = Role.ADMIN) -> User:
    user = await sign_in(floor, role)
    await user.open(path)
    return user


class TestChoice:
    async def test_reaches_terminals(self, floor: Floor, sign_in: SignIn) -> None:
        async with begin(floor.scope) as work:
            await report_production(
                work, machine_id=floor.machine_id, pieces=Pieces(good=Decimal("1234.5")), client_key=new_id()
            )
            at = (await work.session.execute(select(ProductionLogEntry.at))).scalar_one()

        operator = await opened(sign_in, floor, f"/terminal/{floor.machine_code}", Role.OPERATOR)

        await sees(operator, "1.234,5 good")
        await sees(operator, time_of_day(at, ZONE, "en"))
        (entry,) = operator.find(kind=OfflineReports).elements
        assert (entry.props["numbers"], entry.props["zone"], entry.props["lang"]) == ("de", ZONE, "en")

    async def test_reaches_ladders(self, floor: Floor, sign_in: SignIn) -> None:
        step = replace(STEPS[0], after=timedelta(seconds=90))
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await set_ladder(
                work, plant_id=floor.plant_id, category=CallCategory.QUALITY, steps=(step,), seen_version=None
            )

        admin = await opened(sign_in, floor, "/admin/andon")

        await sees(admin, "1,5")

    async def test_reaches_routings(self, floor: Floor, sign_in: SignIn) -> None:
        async with begin(floor.scope) as work:
            material = await add_material(work, number="KS-1", unit="pcs")
            steps = [RoutingStep(10, "Saw", machine_id=floor.machine_id, run_time_s=Decimal("7.5"))]
            await draft_routing(work, plant_id=floor.plant_id, material_id=material.id, operations=steps)

        admin = await opened(sign_in, floor, "/materials/KS-1")

        await sees(admin, "7,5 s")

    async def test_reaches_histories_and_the_audit(self, floor: Floor, sign_in: SignIn) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            material = await add_material(work, number="KS-1", unit="pcs")
            await edit_material(work, material_id=material.id, version=1, description="Cable set")
            now = work.now

        history = await opened(sign_in, floor, "/materials/KS-1")
        audit = await opened(sign_in, floor, "/admin/audit?table=materials")

        for page in (history, audit):
            await sees(page, time_of_day(now, ZONE, "en").split(" ")[0].split("\u202f")[0])

    async def test_reaches_health(self, floor: Floor, sign_in: SignIn) -> None:
        async with read(floor.scope) as work:
            before = work.now

        admin = await opened(sign_in, floor, "/admin/health")

        await sees(admin, "Postgres 18")
        after = datetime.now(UTC)
        times = {time_of_day(at, ZONE, "en") for at in (before, after)}
        shown = [label.text for label in admin.find("Looked at").elements]  # type: ignore[attr-defined]
        assert any(time in text for time in times for text in shown), shown
