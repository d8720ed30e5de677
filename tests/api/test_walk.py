"""Every route as every kind of caller: what is not explicitly allowed is refused."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from domain.identity.roles import PLATFORM, Permission, Role
from services.auth.permissions import permissions_of
from services.db.keys import new_id
from services.db.work import begin
from services.identity.roles import add_role
from services.identity.users import add_user
from tests.api.doors import V1, Door, report
from tests.api.test_openapi import (
    OPEN,
    andon_bodies,
    field_bodies,
    filled,
    key_body,
    operations,
    order_bodies,
    organization_bodies,
    plant_bodies,
    role_bodies,
    stop_body,
    user_bodies,
)
from tests.factories import Floor, Platform

P = Permission
WHOEVER_SIGNED_IN: frozenset[Permission] = frozenset()


def each(permission: Permission, *operation_ids: str) -> dict[str, frozenset[Permission]]:
    """Return operations with the one permission that opens them."""
    return dict.fromkeys(operation_ids, frozenset({permission}))


ALLOWED: dict[str, frozenset[Permission]] = {
    **each(P.READ_PLANT, "listOrganizations", "listPlants", "listDepartments", "listLanes", "listMachines",
           "getMachine", "getHistory", "listReasons", "listMachineStates",
           "listMachineStops", "listCycleTimes", "listShifts",
           "listShiftTemplates", "listShiftExceptions", "listCrews", "listCustomFields", "getCustomField"),
    **each(P.EDIT_PLANT, "addPlant", "editPlant", "addDepartment", "editDepartment", "addLane", "editLane",
           "addMachine", "editMachine", "addReason", "editReason", "setCycleTime", "removeCycleTime"),
    **each(P.EDIT_SHIFTS, "addShiftTemplate", "editShiftTemplate", "removeShiftTemplate", "addShiftException",
           "removeShiftException", "addCrew", "editCrew", "removeCrew"),
    **each(P.CHANGE_MACHINE_STATE, "changeMachineState"),
    **each(P.CLASSIFY_STOPS, "classifyStop"),
    **each(P.REPORT_PRODUCTION, "reportProduction"),
    **each(P.READ_PRODUCTION, "listProductionLogs"),
    **dict.fromkeys(("reverseProductionLog", "correctReport"),
                    frozenset({P.CORRECT_PRODUCTION, P.REVERSE_PRODUCTION})),
    **each(P.READ_METRICS, "getMetrics", "getLosses", "getShiftMetrics", "getOrderMetrics", "explainMetric"),
    **each(P.READ_ANDON, "listAndonCalls", "getAndonStatistics"),
    **each(P.RAISE_ANDON, "raiseAndonCall"),
    **each(P.ANSWER_ANDON, "acknowledgeAndonCall", "resolveAndonCall", "closeAndonCall"),
    **each(P.SHELVE_ANDON, "shelveAndonCall", "unshelveAndonCall"),
    **each(P.READ_LADDERS, "listAndonLadders", "listAndonRules"),
    **each(P.EDIT_LADDERS, "setAndonLadder", "removeAndonLadder", "addAndonRule", "editAndonRule"),
    **each(P.READ_ORDERS, "listMaterials", "getMaterial", "listRoutings", "getRouting", "listWorkOrders",
           "getWorkOrder", "listOperations", "getOperation", "listStartObstacles", "listDispatch",
           "printTraveller", "printOrderLabels", "printMaterialLabels"),
    **each(P.EDIT_ORDERS, "addMaterial", "editMaterial", "draftRouting", "editRouting", "activateRouting",
           "reviseRouting", "planWorkOrder", "editWorkOrder", "releaseWorkOrder", "holdWorkOrder",
           "resumeWorkOrder", "completeWorkOrder", "closeWorkOrder", "cancelWorkOrder", "splitWorkOrder"),
    **each(P.WORK_OPERATIONS, "startOperation", "finishSetup", "pauseOperation", "finishOperation"),
    **each(P.READ_USERS, "listUsers", "getUser", "listSessions", "listBadges"),
    **each(P.EDIT_USERS, "revokeSession", "revokeSessions",
           "inviteUser", "editUser", "deactivateUser", "reactivateUser", "inviteUserAgain",
           "withdrawInvitation", "resetPassword", "resetSecondFactor", "setBadge", "removeBadge"),
    **each(P.READ_ROLES, "listRoles", "getRole", "getUserRoles", "explainUserPermissions"),
    **each(P.EDIT_ROLES, "addRole", "editRole", "setRoleGrants", "removeRole"),
    **each(P.ASSIGN_ROLES, "assignRoles"),
    **each(P.READ_API_KEYS, "listApiKeys", "getApiKey"),
    **each(P.EDIT_API_KEYS, "makeApiKey", "revokeApiKey"),
    **each(P.EDIT_FIELDS, "addCustomField", "editCustomField", "orderCustomFields", "checkCustomFieldConversion",
           "getCustomFieldConversion", "runCustomFieldConversion", "dropCustomFieldConversion"),
    **each(P.EDIT_BRANDING, "getBranding", "editBranding", "setBrandAsset", "removeBrandAsset"),
    **each(P.READ_FILES, "listFiles", "getFile", "getFileContent"),
    **each(P.ADD_FILES, "addFile"),
    **each(P.INSPECT_SYSTEM, "getHealth", "listSettings", "listJobs", "listDoneJobs", "listDeadLetters",
           "getTask"),
    **each(P.EDIT_JOBS, "retryJob", "cancelJob", "replayDeadLetter", "discardDeadLetter", "cancelTask"),
    **each(P.EDIT_FEATURES, "listFeatures", "switchFeature"),
    **each(P.INSPECT_AUDIT, "listAudit", "getAuditEntry", "exportAudit", "getAuditAnchor", "verifyAudit"),
    **each(P.READ_WEBHOOKS, "listWebhooks", "getWebhook", "listWebhookDeliveries"),
    **each(P.EDIT_WEBHOOKS, "addWebhook", "editWebhook", "pingWebhook", "removeWebhook", "rotateWebhookSecret",
           "replayWebhookDelivery"),
    **each(P.READ_SIGN_IN_POLICY, "getSignInPolicy"),
    **each(P.EDIT_SIGN_IN_POLICY, "setSignInPolicy"),
    **each(P.READ_ORGANIZATIONS, "getOrganization"),
    **each(P.ADD_ORGANIZATIONS, "addOrganization", "inviteFirstAdmin", "editOrganization"),
    **each(P.SUSPEND_ORGANIZATIONS, "suspendOrganization", "resumeOrganization"),
    **each(P.READ_ORGANIZATIONS, "listDeletions"),
    **each(P.DELETE_ORGANIZATIONS, "getDeletion", "planDeletion", "keepOrganization"),
    **each(P.OPEN_EXPORTS, "listExports", "startExport", "discardExport"),
    **dict.fromkeys(("getMe", "setPreferences", "changePassword", "listTasks", "signOut", "enrolSecondFactor",
                     "confirmSecondFactor", "removeSecondFactor", "renewRecoveryCodes"), WHOEVER_SIGNED_IN),
}  # fmt: skip
"""Every operation with the permissions of which one opens it. A new route belongs here, or the walk fails."""
OF_PEOPLE = frozenset({"setPreferences", "changePassword", "signOut", "enrolSecondFactor", "confirmSecondFactor",
                       "removeSecondFactor", "renewRecoveryCodes"})  # fmt: skip
"""What is a person's own, whatever their roles."""


@dataclass(frozen=True)
class Caller:
    """Somebody who walks."""

    name: str
    client: httpx.AsyncClient
    permissions: frozenset[str]

    def may(self, operation_id: str) -> bool:
        """Tell whether the table lets the caller in."""
        wanted = ALLOWED[operation_id]
        return not wanted or bool(wanted & self.permissions)


@pytest.fixture
async def callers(door: Door, floor: Floor, platform: Platform, password_hash: str) -> list[Caller]:
    """The kinds of callers that there are."""
    own = [Caller(role, await door.caller(floor, role), permissions_of(frozenset({role}))) for role in Role]
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        await add_role(work, key="nothing", name="Nothing")
        nobody = await add_user(work, email=f"{new_id().hex}@test.example", display_name="Nobody",
                                roles={"nothing"}, password_hash=password_hash)  # fmt: skip
    tokens = await door.tokens_of(floor.scope.org_id, nobody.id)
    scopes = [Permission.IMPORT_PRODUCTION]
    made = await own[0].client.post(f"{V1}/api-keys/", json={**key_body(), "scopes": scopes})
    assert made.status_code == 201, made.text
    above = await door.tokens_of(platform.scope.org_id, platform.user_id)
    return [
        *own,
        Caller("custom", door.client(bearer=tokens.access), frozenset()),
        Caller("key", door.client(bearer=made.json()["key"]), frozenset(scopes)),
        Caller(PLATFORM, door.client(bearer=above.access), permissions_of(frozenset({Role.ADMIN, PLATFORM}))),
    ]


def bodies_of(floor: Floor) -> dict[str, dict[str, Any]]:
    """Return the JSON that each write takes."""
    return {
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
        **organization_bodies(),
        "addWebhook": {"url": "https://example.com", "topics": ["*.*.*"]},
        **{name: {"version": 1} for name in ("editWebhook", "rotateWebhookSecret", "removeWebhook")},
        "setSignInPolicy": {
            "version": 0,
            "shortest_password": 12,
            "kinds": [],
            "refuses_breached": False,
            "attempts": 5,
            "lock_minutes": 15,
            "idle_minutes": None,
            "most_hours": None,
            "second_factor": "optional",
        },
        "editBranding": {"version": 1},
        "removeBrandAsset": {"version": 1},
        **field_bodies(str(new_id())),
    }


def queries_of(floor: Floor) -> dict[str, dict[str, str]]:
    """Return what each read cannot do without."""
    days = {"since_day": "2026-03-02", "before_day": "2026-03-03"}
    period = {"since": "2026-03-02T00:00:00Z", "until": "2026-03-03T00:00:00Z"}
    place = {"plant_id": str(floor.plant_id)}
    return {
        "getMetrics": {**days, **place},
        "getLosses": {**days, **place},
        "getShiftMetrics": {"lane_id": str(floor.lane_id)},
        "explainMetric": {**days, **place, "kpi": "oee"},
        "getAndonStatistics": {**period, **place},
    }


async def things_of(admin: httpx.AsyncClient, floor: Floor) -> dict[str, str]:
    """Return ids of things of which nobody is told without the right, not even that they are not there."""
    file = (await admin.post(f"{V1}/files/", files={"file": ("a.txt", b"a", "text/plain")})).json()
    return {"file_id": file["id"], "row_id": str(floor.machine_id)}


class TestEveryRoute:
    async def test_says_here_whom_it_is_for(self, door: Door) -> None:
        document = (await door.client().get(f"{V1}/openapi.json")).json()

        assert {operation["operationId"] for _, _, operation in operations(document)} - OPEN == set(ALLOWED)

    async def test_refuses_everybody_who_is_not_allowed(self, door: Door, floor: Floor, callers: list[Caller]) -> None:
        document = (await door.client().get(f"{V1}/openapi.json")).json()
        bodies, queries, wrong = bodies_of(floor), queries_of(floor), []
        things = await things_of(callers[0].client, floor)

        for method, path, operation in operations(document):
            name = operation["operationId"]
            if name in OPEN | OF_PEOPLE:
                continue
            for known, thing in things.items():
                path = path.replace(f"{{{known}}}", thing)
            for caller in callers:
                where = V1 + filled(path, new_id)
                answer = await caller.client.request(method, where, json=bodies.get(name), params=queries.get(name))
                is_refused = answer.status_code in {401, 403}
                if is_refused is caller.may(name) or answer.status_code >= 500:
                    wrong.append(f"{name} {caller.name} {answer.status_code} {answer.text}")

        assert not wrong, "\n".join(wrong)
