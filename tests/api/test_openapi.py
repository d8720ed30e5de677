"""What the API says about itself, and that it is true of every route."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from domain.identity.roles import Role
from services.db.keys import new_id
from services.db.tables import Machine, WorkOrder
from services.db.work import begin
from services.tasks.tasks import TaskJob, start_task
from tests.api.doors import V1, Door, refused, report
from tests.factories import Floor, Make

OPEN = {"signIn", "passSecondFactor", "refreshTokens"}
"""What may be called without a session."""
OF_PLATFORM = {
    "inviteFirstAdmin",
    "getOrganization",
    "addOrganization",
    "editOrganization",
    "suspendOrganization",
    "resumeOrganization",
    "listDeletions",
    "getDeletion",
    "planDeletion",
    "keepOrganization",
}
"""What is refused to everybody but the platform's own people, whatever it names."""
NEEDS_NOTHING = {
    "switchFeature",
    "addWebhook",
    "addCustomField",
    "addPlant",
    "addReason",
    "addMaterial",
    "makeApiKey",
    "setBrandAsset",
    "addFile",
    "addRole",
    "inviteUser",
    "setPreferences",
    "changePassword",
    "enrolSecondFactor",
    "confirmSecondFactor",
    "renewRecoveryCodes",
    "removeSecondFactor",
}
"""What writes without naming anything that exists."""
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
async def document(door: Door) -> dict[str, Any]:
    """The OpenAPI document, as everybody can read it."""
    answer = await door.client().get(f"{V1}/openapi.json")
    assert answer.status_code == 200
    content: dict[str, Any] = answer.json()
    return content


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return every method, path and operation of a document."""
    return [
        (method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def references(value: object) -> set[str]:
    """Return every `$ref` below a value."""
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(item) for item in value.values()))
    return set().union(*(references(item) for item in value)) if isinstance(value, list) else set()


class TestDocument:
    async def test_is_complete(self, document: dict[str, Any]) -> None:
        ids = [operation["operationId"] for _, _, operation in operations(document)]

        assert document["openapi"].startswith("3.1")
        assert document["servers"] == [{"url": "/api/v1"}]
        assert len(ids) == len(set(ids))
        assert {
            "signIn", "refreshTokens", "signOut", "getMe", "listOrganizations", "listPlants", "listDepartments",
            "listLanes", "listMachines", "getMachine", "listReasons", "listMachineStates", "changeMachineState",
            "reportProduction", "listProductionLogs", "listAndonCalls", "raiseAndonCall", "acknowledgeAndonCall",
            "resolveAndonCall", "closeAndonCall", "shelveAndonCall", "unshelveAndonCall", "getAndonStatistics",
            "listAndonLadders", "setAndonLadder", "removeAndonLadder", "listAndonRules", "addAndonRule",
            "editAndonRule",
            "listMaterials", "getMaterial", "addMaterial", "editMaterial", "listRoutings", "getRouting", "draftRouting",
            "editRouting", "activateRouting", "reviseRouting", "listWorkOrders", "getWorkOrder", "planWorkOrder",
            "editWorkOrder", "releaseWorkOrder", "holdWorkOrder", "resumeWorkOrder", "completeWorkOrder",
            "closeWorkOrder", "cancelWorkOrder", "splitWorkOrder", "listOperations", "getOperation",
            "listStartObstacles", "listDispatch", "startOperation", "finishSetup", "pauseOperation",
            "finishOperation", "reverseProductionLog", "correctReport",
            "getMetrics", "getLosses", "getShiftMetrics", "getOrderMetrics", "explainMetric", "listMachineStops",
            "classifyStop", "addPlant", "editPlant", "addDepartment", "editDepartment", "addLane", "editLane",
            "addMachine", "editMachine", "addReason", "editReason", "listCycleTimes", "setCycleTime",
            "removeCycleTime", "listShifts", "listShiftTemplates", "addShiftTemplate", "editShiftTemplate",
            "removeShiftTemplate", "listShiftExceptions", "addShiftException", "removeShiftException", "listCrews",
            "addCrew", "editCrew", "removeCrew", "listBadges", "setBadge", "removeBadge",
            "getHealth", "listSettings", "listFeatures", "switchFeature", "listJobs", "retryJob", "cancelJob",
            "listDoneJobs",
            "listWebhooks", "getWebhook", "addWebhook", "editWebhook", "rotateWebhookSecret", "removeWebhook",
            "pingWebhook",
            "listWebhookDeliveries", "replayWebhookDelivery",
            "listDeadLetters", "replayDeadLetter", "discardDeadLetter", "listTasks", "getTask", "cancelTask",
            "getBranding", "editBranding", "setBrandAsset", "removeBrandAsset", "listFiles", "addFile", "getFile",
            "getFileContent", "printTraveller", "printOrderLabels", "printMaterialLabels",
            "getOrganization", "addOrganization", "editOrganization", "suspendOrganization", "resumeOrganization",
            "inviteFirstAdmin", "listExports", "startExport", "discardExport", "listDeletions", "getDeletion",
            "planDeletion", "keepOrganization",
            "listRoles", "getRole", "addRole", "editRole", "setRoleGrants", "removeRole", "getUserRoles", "assignRoles",
            "explainUserPermissions",
            "listUsers", "getUser", "inviteUser", "setPreferences", "changePassword", "editUser", "deactivateUser",
            "reactivateUser", "inviteUserAgain", "withdrawInvitation", "resetPassword", "listSessions",
            "revokeSessions", "revokeSession", "getSignInPolicy", "setSignInPolicy",
            "passSecondFactor", "enrolSecondFactor", "confirmSecondFactor", "renewRecoveryCodes", "removeSecondFactor",
            "resetSecondFactor",
            "listApiKeys", "getApiKey", "makeApiKey", "revokeApiKey",
            "listCustomFields", "getCustomField", "addCustomField", "editCustomField", "orderCustomFields",
            "checkCustomFieldConversion", "getCustomFieldConversion", "runCustomFieldConversion",
            "dropCustomFieldConversion",
            "listAudit", "getAuditEntry", "exportAudit", "getAuditAnchor", "verifyAudit", "getHistory",
        } == set(ids)  # fmt: skip
        for _, path, operation in operations(document):
            assert operation["summary"], path
            assert operation["description"], path
            assert "application/problem+json" in operation["responses"]["429"]["content"], path
            assert "application/problem+json" in operation["responses"]["503"]["content"], path

    async def test_refers_to_what_it_holds(self, document: dict[str, Any]) -> None:
        schemas = document["components"]["schemas"]

        assert references(document) <= {f"#/components/schemas/{name}" for name in schemas}
        assert not {"HTTPValidationError", "ValidationError"} & set(schemas)

    async def test_names_the_ways_to_sign_in(self, document: dict[str, Any]) -> None:
        assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
        for _, path, operation in operations(document):
            assert bool(operation.get("security")) is (operation["operationId"] not in OPEN), path

    async def test_offers_an_idempotency_key_on_every_write(self, document: dict[str, Any]) -> None:
        for method, path, operation in operations(document):
            names = {parameter["name"].lower() for parameter in operation.get("parameters", [])}
            is_write = method != "get" and not path.startswith("/auth/")
            assert ("idempotency-key" in names) is is_write, path


class TestEveryRoute:
    async def test_is_closed_to_strangers(self, door: Door, document: dict[str, Any]) -> None:
        for method, path, operation in operations(document):
            if operation["operationId"] in OPEN:
                continue
            for way in (path, path.rstrip("/"), f"{path.rstrip('/')}/"):
                answer = await door.client().request(method, V1 + filled(way, new_id), json={})
                assert refused(answer, 401, "not_signed_in"), (method, way)

    async def test_shows_nothing_to_another_organization(
        self, door: Door, floor: Floor, other: Floor, make: Make, document: dict[str, Any]
    ) -> None:
        admin, stranger = await door.caller(floor), await door.caller(other)
        call = {"machine_id": str(floor.machine_id), "category": "help"}
        call_id = (await admin.post(f"{V1}/andon-calls/", json=call)).json()["id"]
        await admin.post(f"{V1}/production-logs/", json=report(floor))
        andon = andon_bodies(floor)
        ladder_id = (await admin.post(f"{V1}/andon-ladders/", json=andon["setAndonLadder"])).json()["id"]
        rule_id = (await admin.post(f"{V1}/andon-rules/", json=andon["addAndonRule"])).json()["id"]
        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            running = await make.running_operation(work, machine=machine)
            order = await work.session.get_one(WorkOrder, running.work_order_id)
        made = (await admin.post(f"{V1}/production-logs/", json=report(floor))).json()
        bodies = {
            "changeMachineState": {"state": "running"},
            "reportProduction": report(floor),
            "raiseAndonCall": call,
            **andon,
            **order_bodies(floor, order.material_id),
            **plant_bodies(floor, order.material_id),
            "classifyStop": stop_body(),
            "setBadge": {"kind": "pin", "value": "2580"},
            "makeApiKey": key_body(),
            **role_bodies(),
            **user_bodies(),
            "switchFeature": {"is_on": True, "seen_version": 0},
            "addWebhook": {"url": "https://example.com", "topics": ["*.*.*"]},
            **{name: {"version": 1} for name in ("editWebhook", "rotateWebhookSecret", "removeWebhook")},
            **organization_bodies(),
            "removeBrandAsset": {"version": 1},
        }
        fields = await custom_fields(admin)
        bodies |= field_bodies(fields["field_id"])
        api_key = (await admin.post(f"{V1}/api-keys/", json=key_body())).json()
        role_key = (await admin.post(f"{V1}/roles/", json={"key": "of-the-first", "name": "X"})).json()["key"]
        session_id = (await admin.get(f"{V1}/auth/me")).json()["session_id"]
        file = (await admin.post(f"{V1}/files/", files={"file": ("a.txt", b"a", "text/plain")})).json()
        hook = (await admin.post(f"{V1}/webhooks/", json=bodies["addWebhook"])).json()["webhook"]
        delivery = (await admin.post(f"{V1}/webhooks/{hook['id']}/ping")).json()
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            task_id = await start_task(work, TaskJob(task_id=new_id()))
            seq = (await work.fetch("SELECT max(seq) FROM audit_log"))[0][0]
            job_id = (await work.fetch("SELECT max(id) FROM app.organization_jobs()"))[0][0]
        plant = plant_bodies(floor, order.material_id)
        template_id = (await admin.post(f"{V1}/shift-templates/", json=plant["addShiftTemplate"])).json()["id"]
        exception_id = (await admin.post(f"{V1}/shift-exceptions/", json=plant["addShiftException"])).json()["id"]
        crew_id = (await admin.post(f"{V1}/crews/", json=plant["addCrew"])).json()["id"]
        secrets = {
            str(floor.scope.org_id),
            str(floor.machine_id),
            floor.machine_code,
            call_id,
            floor.slug,
            str(order.id),
        }
        known = {
            "machine_id": floor.machine_id, "call_id": call_id, "ladder_id": ladder_id, "rule_id": rule_id,
            "order_id": order.id, "operation_id": running.id, "material_id": order.material_id,
            "routing_id": order.routing_id, "entry_id": made["entry_ids"][0], "report_key": made["client_key"],
            "plant_id": floor.plant_id,
            "department_id": floor.department_id, "lane_id": floor.lane_id, "reason_id": floor.stop_reason_id,
            "template_id": template_id, "exception_id": exception_id, "crew_id": crew_id,
            "user_id": floor.user_ids[Role.OPERATOR], "kind": "pin", "api_key_id": api_key["id"], "role_key": role_key,
            "session_id": session_id,
            "seq": seq, "table": "machines", "row_id": floor.machine_id,
            "task_id": task_id, "job_id": job_id, "feature": "andon", "webhook_id": hook["id"],
            "delivery_id": delivery["delivery_id"],
            "organization_id": floor.scope.org_id, "picture": "logo", "file_id": file["id"], **fields,
        }  # fmt: skip

        for method, path, operation in operations(document):
            if path.startswith("/auth/"):
                continue
            where = V1 + path.format(**known)
            answer: httpx.Response = await stranger.request(method, where, json=bodies.get(operation["operationId"]))
            if operation["operationId"] in NEEDS_NOTHING:
                continue
            if operation["operationId"] in OF_PLATFORM:
                assert refused(answer, 403, "forbidden"), (method, path)
            elif "{" in path or method == "post":
                assert refused(answer, 404, "not_found"), (method, path)
            is_file = answer.headers["content-type"] == "application/jsonl"
            shown = answer.text if is_file else answer.text.replace(answer.json().get("instance", ""), "")
            assert not [secret for secret in secrets if secret in shown], (method, path)

    async def test_is_read_only_for_viewers(self, door: Door, floor: Floor, document: dict[str, Any]) -> None:
        viewer = await door.caller(floor, Role.VIEWER)
        bodies = {
            "changeMachineState": {"state": "running"},
            "reportProduction": report(floor),
            "raiseAndonCall": {"machine_id": str(floor.machine_id), "category": "help"},
            **andon_bodies(floor),
            **order_bodies(floor, new_id()),
            **plant_bodies(floor, new_id()),
            "classifyStop": stop_body(),
            "setBadge": {"kind": "pin", "value": "2580"},
            "makeApiKey": key_body(),
            **role_bodies(),
            **user_bodies(),
            "switchFeature": {"is_on": True, "seen_version": 0},
            "addWebhook": {"url": "https://example.com", "topics": ["*.*.*"]},
            **{name: {"version": 1} for name in ("editWebhook", "rotateWebhookSecret", "removeWebhook")},
            **organization_bodies(),
            "removeBrandAsset": {"version": 1},
            **field_bodies(str(new_id())),
        }

        for method, path, operation in operations(document):
            if method == "post" and not path.startswith("/auth/"):
                if path.startswith("/users/me/"):
                    continue  # everybody's own
                where = V1 + filled(path, new_id)
                answer = await viewer.post(where, json=bodies.get(operation["operationId"]))
                assert refused(answer, 403, "forbidden"), path


def filled(path: str, make: Any) -> str:
    """Return a path with an id in each place."""
    return path.format(
        machine_id=make(), call_id=make(), ladder_id=make(), rule_id=make(), order_id=make(), operation_id=make(),
        material_id=make(), routing_id=make(), entry_id=make(), report_key=make(), plant_id=make(),
        department_id=make(), lane_id=make(), reason_id=make(), template_id=make(), exception_id=make(), crew_id=make(),
        user_id=make(), kind="badge", api_key_id=make(), organization_id=make(), picture="logo", file_id=make(),
        field_id=make(), conversion_id=make(), role_key="nowhere", session_id=make(),
        task_id=make(), job_id=7, feature="andon", seq=7, table="machines", row_id=make(),
        webhook_id=make(), delivery_id=make(),
    )  # fmt: skip


async def custom_fields(admin: httpx.AsyncClient) -> dict[str, str]:
    """Add a custom field and begin to change its type."""
    new = field_bodies("")["addCustomField"]
    field = (await admin.post(f"{V1}/custom-fields/", json=new)).json()
    to = {"version": 1, "type": "number"}
    begun = (await admin.post(f"{V1}/custom-fields/{field['id']}/conversions", json=to)).json()
    return {"field_id": field["id"], "conversion_id": begun["id"]}


def user_bodies() -> dict[str, dict[str, Any]]:
    """Return the bodies of the writes about people, by operation."""
    seen = {"version": 1}
    return {
        "inviteUser": {"email": f"{new_id().hex}@test.example", "display_name": "New", "roles": ["viewer"]},
        "setPreferences": seen,
        "changePassword": {"present": "wrong", "new": "wrong"},
        "confirmSecondFactor": {"code": "000000"},
        "renewRecoveryCodes": {"password": "wrong"},
        "removeSecondFactor": {"password": "wrong"},
        **dict.fromkeys(("editUser", "deactivateUser", "reactivateUser", "withdrawInvitation"), seen),
    }


def field_bodies(field_id: str) -> dict[str, dict[str, Any]]:
    """Return the bodies of the writes about custom fields, by operation."""
    return {
        "addCustomField": {"entity": "machine", "key": "size", "type": "text", "labels": {"en": "Size"}},
        "editCustomField": {"version": 1},
        "orderCustomFields": {"entity": "machine", "field_ids": [field_id]},
        "checkCustomFieldConversion": {"version": 1, "type": "number"},
        "runCustomFieldConversion": {},
    }


def plant_bodies(floor: Floor, material_id: object) -> dict[str, dict[str, Any]]:
    """Return the bodies of the writes of the plant model and of shifts, by operation."""
    seen, named = {"version": 1}, {"code": "X", "name": "X"}
    hours = {"starts": "06:00", "ends": "14:00"}
    cycle = {"machine_id": str(floor.machine_id), "material_id": str(material_id), "cycle_time_s": 30}
    shift = {"lane_id": str(floor.lane_id), "name": "Early", "weekdays": [0], "hours": hours}
    day = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    return {
        "addPlant": {**named, "time_zone": "UTC"},
        "addDepartment": {**named, "plant_id": str(floor.plant_id)},
        "addLane": {**named, "department_id": str(floor.department_id)},
        "addMachine": {**named, "lane_id": str(floor.lane_id)},
        "addReason": {"kind": "scrap", "code": "X", "label": "X"},
        "editDepartment": {**seen, "name": "X"},
        **dict.fromkeys(("editPlant", "editLane", "editMachine", "editReason", "editCrew"), seen),
        **dict.fromkeys(("editShiftTemplate", "removeShiftTemplate", "removeShiftException", "removeCrew"), seen),
        "setCycleTime": cycle,
        "addShiftTemplate": shift,
        "addShiftException": {"lane_id": str(floor.lane_id), "day": day},
        "addCrew": {"plant_id": str(floor.plant_id), "name": "Red"},
    }


def andon_bodies(floor: Floor) -> dict[str, dict[str, Any]]:
    """Return the bodies of the writes about shelves, ladders and rules, by operation."""
    rule = {"state": "unplanned_stop", "after_s": 300, "category": "machine"}
    step = {"after_s": 60, "recipient": "role", "whom": "supervisor", "channels": ["screen"]}
    return {
        "shelveAndonCall": {"until": (datetime.now(UTC) + timedelta(hours=1)).isoformat(), "reason": "no spare part"},
        "setAndonLadder": {"plant_id": str(floor.plant_id), "category": "machine", "steps": [step]},
        "removeAndonLadder": {"seen_version": 1},
        "addAndonRule": {"plant_id": str(floor.plant_id), **rule},
        "editAndonRule": {**rule, "seen_version": 1},
    }


def order_bodies(floor: Floor, material_id: object) -> dict[str, dict[str, Any]]:
    """Return a body for each write of orders."""
    steps = [{"sequence": 10, "name": "Mill", "machine_id": str(floor.machine_id)}]
    place = {"plant_id": str(floor.plant_id), "material_id": str(material_id)}
    return {
        "addMaterial": {"number": "SH-1", "unit": "pcs"},
        "editMaterial": {"version": 1},
        "draftRouting": {**place, "operations": steps},
        "editRouting": {"version": 1, "operations": steps},
        "planWorkOrder": {**place, "quantity": 1},
        "editWorkOrder": {"version": 1},
        "holdWorkOrder": {"reason": "crack"},
        "splitWorkOrder": {"quantity": 1},
        "correctReport": {"good": 1},
    }


def role_bodies() -> dict[str, dict[str, Any]]:
    """Return the bodies of the writes about roles, by operation."""
    seen = {"version": 1}
    return {
        "addRole": {"key": "planner", "name": "Planner"},
        "editRole": seen,
        "removeRole": seen,
        "setRoleGrants": {**seen, "grants": []},
        "assignRoles": {**seen, "roles": []},
    }


def key_body() -> dict[str, Any]:
    """Return the body that makes an API key."""
    expires_at = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    return {"name": "ERP", "scopes": ["production.order.read"], "expires_at": expires_at}


def organization_bodies() -> dict[str, dict[str, Any]]:
    """Return the bodies of the platform's writes, by operation."""
    seen = {"version": 1}
    new = {"slug": "acme", "name": "Acme", "admin_email": "ada@acme.example", "admin_name": "Ada"}
    return {
        "addOrganization": new,
        **dict.fromkeys(("editOrganization", "suspendOrganization", "resumeOrganization"), seen),
        "planDeletion": {"slug": "acme", "password": "x"},
    }


def stop_body() -> dict[str, Any]:
    """Return the body that gives a stop its reason."""
    instant = "2026-03-02T05:00:00Z"
    return {"seen": {"starts_at": instant, "state": "unplanned_stop"}, "parts": [{"starts_at": instant}]}
