"""What watches the process from outside."""

from domain.identity.roles import Role
from services.db.health import database_answers
from tests.api.doors import V1, Door, make_door, refused
from tests.factories import Floor


class TestHealth:
    async def test_is_alive(self, door: Door) -> None:
        assert (await door.client().get("/healthz")).json() == {"status": "alive"}

    async def test_is_ready_with_everything_it_needs(self, database: object) -> None:
        door = make_door()
        ready = await door.client().get("/readyz")

        door.checks["live"] = False
        lame = await door.client().get("/readyz")

        assert ready.status_code == 200
        assert (lame.status_code, lame.json()["checks"]) == (503, {"database": True, "live": False})
        assert await database_answers()


class TestMetrics:
    async def test_count_by_template_and_name_no_tenant(self, door: Door, floor: Floor) -> None:
        admin = await door.caller(floor)
        await admin.get(f"{V1}/machines/{floor.machine_id}")

        text = (await door.client().get("/metrics")).text

        assert 'route="/api/v1/machines/{machine_id}"' in text
        assert 'status="200"' in text
        assert "unison_jobs_waiting " in text
        assert "unison_database_answers 1.0" in text
        assert str(floor.machine_id) not in text
        assert floor.slug not in text

    async def test_are_for_this_machine_and_admins(self, door: Door, floor: Floor) -> None:
        far = door.client(address="10.0.0.9")
        proxied = door.client(**{"X-Forwarded-For": "10.0.0.9"})
        token = (await door.tokens(floor, Role.ADMIN)).access
        viewer = (await door.tokens(floor, Role.VIEWER)).access

        assert refused(await far.get("/metrics"), 403, "forbidden")
        assert refused(await proxied.get("/metrics"), 403, "forbidden")
        assert refused(await door.client(address="10.0.0.9", bearer=viewer).get("/metrics"), 403, "forbidden")
        assert (await door.client(address="10.0.0.9", bearer=token).get("/metrics")).status_code == 200
