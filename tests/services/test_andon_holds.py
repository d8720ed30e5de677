"""Severe calls pause what runs at their machine."""

import pytest

from domain.andon.calls import CallCategory, CallSeverity
from domain.errors import NotFound
from domain.identity.roles import Role
from services.andon.calls import raise_call
from services.andon.holds import HoldOperation, hold_operation
from services.andon.ladders import set_ladder
from services.andon.open_calls import load_waiting_calls
from services.db.keys import new_id
from services.db.tables import AndonCall, Operation
from services.db.work import begin, read
from services.jobs.worker import work_once
from tests.factories import Connection, Floor, Make

SAFETY = CallCategory.SAFETY


class TestHoldOperation:
    async def test_pauses_what_runs_when_the_call_is_severe_enough(
        self, floor: Floor, make: Make, superuser_connection: Connection
    ) -> None:
        await superuser_connection.execute("DELETE FROM pgmq.q_jobs")
        async with begin(floor.scope) as work:
            operation = await make.running_operation(work)
            machine_id, plant_id = operation.worked_machine_id, operation.plant_id
            assert machine_id is not None
            await set_ladder(
                work, plant_id=plant_id, category=SAFETY, steps=(), holds_operation_from=CallSeverity.CRITICAL
            )
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            await raise_call(work, machine_id=machine_id, category=SAFETY, severity=CallSeverity.MAJOR)
        await work_once()
        async with read(floor.scope) as work:
            assert (await work.session.get_one(Operation, operation.id)).state == "running"

        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            call = await raise_call(work, machine_id=machine_id, category=SAFETY, severity=CallSeverity.CRITICAL)
        await work_once()

        async with read(floor.scope) as work:
            assert (await work.session.get_one(Operation, operation.id)).state == "paused"
            assert (await work.session.get_one(AndonCall, call.id)).held_operation_id == operation.id
            (waiting,) = await load_waiting_calls(work)
            assert waiting.held_operation == operation.name

    async def test_holds_nothing_where_nothing_runs(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            call_id = (await raise_call(work, machine_id=floor.machine_id, category=SAFETY)).id

        async with begin(floor.scope) as work:
            await hold_operation(work, HoldOperation(call_id=call_id))

            assert work.events == []
        async with read(floor.scope) as work:
            assert (await work.session.get_one(AndonCall, call_id)).held_operation_id is None

    async def test_of_another_organization_is_nobodys(self, floor: Floor, other: Floor) -> None:
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            call_id = (await raise_call(work, machine_id=floor.machine_id, category=SAFETY)).id

        async with begin(other.scope) as work:
            for unknown in (call_id, new_id()):
                with pytest.raises(NotFound, match="call"):
                    await hold_operation(work, HoldOperation(call_id=unknown))
