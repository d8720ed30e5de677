"""The audit for programs: searched, one entry with its link, verified, exported, histories."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

from domain.identity.roles import Role
from services.db.tables import Machine
from services.db.work import begin
from services.plant.machines import edit_machine
from tests.api.doors import V1, Door, refused
from tests.factories import Connection, Floor
from tests.services.test_notes import noted

AUDIT = f"{V1}/audit"


async def renamed(floor: Floor, name: str = "Press 4") -> None:
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        machine = await work.session.get_one(Machine, floor.machine_id)
        await edit_machine(work, machine_id=machine.id, version=machine.version, name=name)


class TestListAudit:
    async def test_finds_by_word_person_thing_and_action(self, door: Door, floor: Floor) -> None:
        await renamed(floor)
        admin = await door.caller(floor)
        asked = {
            "search": "press admin", "user_id": str(floor.user_ids[Role.ADMIN]), "table": "machines",
            "row_id": str(floor.machine_id), "action": "update", "since": "2020-01-01T00:00:00Z",
        }  # fmt: skip

        (entry,) = (await admin.get(f"{AUDIT}/", params=asked)).json()["items"]

        assert (entry["actor"], entry["name"]) == ("The admin", floor.machine_code)
        assert entry["fields"] == [{"name": "name", "before": "Machine", "after": "Press 4"}]
        assert (await admin.get(f"{AUDIT}/", params={**asked, "search": "100%"})).json()["items"] == []

    async def test_comes_page_by_page(self, door: Door, floor: Floor) -> None:
        admin = await door.caller(floor)
        first = (await admin.get(f"{AUDIT}/", params={"limit": 5})).json()

        second = (await admin.get(f"{AUDIT}/", params={"limit": 5, "cursor": first["next_cursor"]})).json()

        seqs = [entry["seq"] for entry in first["items"] + second["items"]]
        assert len(set(seqs)) == 10

    async def test_is_for_inspectors_and_a_refusal_is_noted(self, door: Door, floor: Floor) -> None:
        supervisor = await door.caller(floor, Role.SUPERVISOR)

        for path in ("/", "/export", "/chain", "/chain/verification", "/1"):
            assert refused(await supervisor.get(f"{AUDIT}{path}"), 403, "forbidden"), path

        assert [entry.table_name for entry in await noted(floor)] == ["audit.log.inspect"]

    async def test_is_noted_itself(self, door: Door, floor: Floor) -> None:
        admin = await door.caller(floor)

        await admin.get(f"{AUDIT}/")

        assert [entry.table_name for entry in await noted(floor, "read")] == ["audit.entries"]


class TestVerifyAudit:
    async def test_links_each_entry_to_the_one_before(self, door: Door, floor: Floor) -> None:
        admin = await door.caller(floor)

        report = (await admin.get(f"{AUDIT}/chain/verification")).json()

        assert (report["holds"], report["broken"], report["waiting"]) == (True, None, 0)
        anchor = (await admin.get(f"{AUDIT}/chain")).json()["anchor"]
        assert anchor == report["anchor"]
        newest = (await admin.get(f"{AUDIT}/", params={"limit": 2, "action": "insert"})).json()["items"]
        linked = [(await admin.get(f"{AUDIT}/{one['seq']}")).json()["link"] for one in newest]
        assert linked[0]["previous_hash"] == linked[1]["hash"]

    async def test_names_the_first_entry_that_was_altered(
        self, door: Door, floor: Floor, superuser_connection: Connection
    ) -> None:
        admin = await door.caller(floor)
        noted_down = (await admin.get(f"{AUDIT}/chain/verification")).json()["anchor"]
        await superuser_connection.execute(
            "UPDATE audit_log SET actor_kind = 'machine' WHERE org_id = $1 AND row_id = $2", floor.scope.org_id,
            floor.machine_id,
        )  # fmt: skip

        anchor = f"{noted_down['position']}:{noted_down['hash']}"
        report = (await admin.get(f"{AUDIT}/chain/verification", params={"anchor": anchor})).json()

        assert (report["holds"], report["given"]) == (False, "stands")
        assert (report["broken"]["thing"], report["broken"]["row_id"]) == ("machines", str(floor.machine_id))

    async def test_refuses_what_is_no_anchor(self, door: Door, floor: Floor) -> None:
        admin = await door.caller(floor)

        answer = await admin.get(f"{AUDIT}/chain/verification", params={"anchor": "17"})

        assert refused(answer, 422, "invalid_anchor")


class TestExportAudit:
    async def test_is_lines_of_json_and_csv_and_is_noted(self, door: Door, floor: Floor) -> None:
        await renamed(floor, name="=cmd()")
        admin = await door.caller(floor)
        asked = {"table": "machines", "action": "update"}

        lines = (await admin.get(f"{AUDIT}/export", params=asked)).text.splitlines()
        table = (await admin.get(f"{AUDIT}/export", params={**asked, "format": "csv"})).text

        assert [json.loads(line)["after"]["name"] for line in lines] == ["=cmd()"]
        (row,) = csv.DictReader(io.StringIO(table))
        assert (row["table_name"], json.loads(row["after"])["name"]) == ("machines", "=cmd()")
        assert [entry.table_name for entry in await noted(floor, "read")] == ["audit.export"]


class TestHistory:
    async def test_is_for_whoever_may_see_the_thing(self, door: Door, floor: Floor, other: Floor) -> None:
        await renamed(floor)
        viewer, stranger = await door.caller(floor, Role.VIEWER), await door.caller(other)
        address = f"{AUDIT}/machines/{floor.machine_id}"

        items = (await viewer.get(address)).json()["items"]

        assert [one["action"] for one in items] == ["update", "insert"]
        assert "device" not in items[0]
        assert refused(await stranger.get(address), 404, "not_found")
        assert refused(await viewer.get(f"{AUDIT}/users/{floor.user_ids[Role.ADMIN]}"), 403, "forbidden")
        assert refused(await viewer.get(f"{AUDIT}/audit_log/{floor.machine_id}"), 404, "not_found")


class TestDevice:
    async def test_a_change_by_a_program_names_its_key_and_its_address(self, door: Door, floor: Floor) -> None:
        admin = await door.caller(floor)
        expires_at = (datetime.now(UTC) + timedelta(days=30)).isoformat()
        body = {"name": "ERP", "scopes": ["*.*.*"], "expires_at": expires_at}
        key = (await admin.post(f"{V1}/api-keys/", json=body)).json()["key"]
        headers = {"authorization": f"Bearer {key}", "user-agent": "ERP/7"}

        answer = await door.client().post(f"{V1}/materials/", json={"number": "SH-9", "unit": "pcs"}, headers=headers)

        assert answer.status_code == 201
        (entry,) = (await admin.get(f"{AUDIT}/", params={"table": "materials"})).json()["items"]
        assert (entry["actor"], entry["api_key"], entry["device"]) == ("The admin", "ERP", "127.0.0.1 ERP/7")
