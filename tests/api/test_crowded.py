"""When transactions stand in each other's way."""

import pytest
from sqlalchemy import text

from domain.errors import Unavailable
from domain.identity.roles import Role
from services.db.work import begin
from services.plant.machine_floor import lock_machine
from tests.api.doors import V1, Door, refused, report
from tests.factories import Floor


async def lock_impatiently(floor: Floor) -> None:
    """Lock the floor's machine, or give up after a twentieth of a second."""
    async with begin(floor.scope) as work:
        await work.session.execute(text("SET LOCAL lock_timeout = '50ms'"))
        await lock_machine(work, floor.machine_id)


class TestWaitingTooLong:
    async def test_for_a_locked_machine_is_unavailable(self, floor: Floor) -> None:
        async with begin(floor.scope) as holding:
            await lock_machine(holding, floor.machine_id)

            with pytest.raises(Unavailable):
                await lock_impatiently(floor)

    async def test_tells_a_program_to_come_again(
        self, door: Door, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        asked, key = report(floor), {"Idempotency-Key": "patience"}

        async def crowded(*_: object, **__: object) -> None:
            raise Unavailable

        with monkeypatch.context() as patched:
            patched.setattr("ui.api.v1.production.report_production", crowded)
            first = await operator.post(f"{V1}/production-logs/", json=asked, headers=key)
        second = await operator.post(f"{V1}/production-logs/", json=asked, headers=key)

        assert refused(first, 503, "unavailable")
        assert first.headers["retry-after"] == "1"
        assert second.status_code == 201
