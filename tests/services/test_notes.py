"""Notes of what was refused and read: kept although all else was rolled back, and no flood."""

import asyncio
from dataclasses import replace

import pytest

from domain.errors import Forbidden, NotFound
from domain.identity.roles import Permission, Role
from domain.scope import Scope
from services.audit import notes
from services.audit.notes import NOTES, note_attempt, note_read, note_refusal
from services.auth.attempts import SignInAttempts
from services.db.tables import AuditEntry
from services.db.work import begin, read
from services.identity.role_queries import explain_rights
from services.identity.sign_ins import Device, WrongPassword, sign_in
from services.plant.plant_models import add_plant
from tests.factories import Floor
from tests.services.test_audit import trail
from tests.services.test_tokens import issuer


async def noted(floor: Floor, action: str = "refused") -> list[AuditEntry]:
    await NOTES.written()
    async with read(floor.scope) as work:
        return await trail(work, action=action)


def operator_of(floor: Floor) -> Scope:
    return replace(floor.acting_as(Role.OPERATOR), request_id="req-9", device="10.0.0.7 Firefox")


async def refused(scope: Scope) -> None:
    try:
        async with begin(scope) as work:
            await add_plant(work, code="X", name="X", time_zone="UTC")
    except Forbidden as error:
        note_refusal(scope, error, where="/admin/plants")


class TestNoteRefusal:
    async def test_keeps_who_was_refused_what_and_from_where(self, floor: Floor) -> None:
        await refused(operator_of(floor))

        (entry,) = await noted(floor)
        assert (entry.user_id, entry.table_name) == (floor.user_ids[Role.OPERATOR], Permission.EDIT_PLANT)
        assert (entry.request_id, entry.device) == ("req-9", "10.0.0.7 Firefox")
        assert entry.after == {"code": "forbidden", "where": "/admin/plants", "times": 1}

    async def test_counts_repetitions_instead_of_keeping_each(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(50):
            await refused(operator_of(floor))
        assert len(await noted(floor)) == 1

        monkeypatch.setattr(notes, "QUIET_S", 0.0)
        await refused(operator_of(floor))

        assert [entry.after["times"] for entry in await noted(floor) if isinstance(entry.after, dict)] == [1, 50]

    async def test_keeps_a_note_per_person_and_right(self, floor: Floor) -> None:
        await refused(operator_of(floor))
        await refused(floor.acting_as(Role.VIEWER))
        note_refusal(operator_of(floor), Forbidden(permission=Permission.EDIT_USERS), where="/users")

        assert len(await noted(floor)) == 3

    async def test_does_not_take_what_does_not_exist_for_an_attempt(self, floor: Floor) -> None:
        note_refusal(operator_of(floor), NotFound(what="plant"), where="/api/v1/plants/")

        assert await noted(floor) == []

    async def test_tells_one_organization_nothing_of_another(self, floor: Floor, other: Floor) -> None:
        await refused(operator_of(floor))

        assert await noted(other) == []

    async def test_neither_waits_for_nor_needs_the_database(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def never(*_: object) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(notes, "_write", never)
        for number in range(notes.MOST_WAITING + 5):
            note_attempt(operator_of(floor), code="wrong_badge", what=f"badge {number}", where="kiosk")

        assert len(NOTES._writing) == notes.MOST_WAITING
        for task in NOTES._writing:
            task.cancel()
        await NOTES.written()

    async def test_remembers_a_bounded_number(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(notes, "MOST_REMEMBERED", 10)

        for number in range(30):
            note_attempt(operator_of(floor), code="wrong_badge", what=f"badge {number}", where="kiosk")

        await NOTES.written()
        assert len(NOTES._seen) <= 10


class TestNoteRead:
    async def test_keeps_who_read_what(self, floor: Floor) -> None:
        note_read(floor.acting_as(Role.ADMIN), what="users.export", rows=12)

        (entry,) = await noted(floor, "read")
        assert (entry.user_id, entry.table_name) == (floor.user_ids[Role.ADMIN], "users.export")
        assert entry.after == {"rows": 12, "times": 1}

    async def test_is_about_people_only(self, floor: Floor) -> None:
        note_read(floor.scope, what="users.export")

        assert await noted(floor, "read") == []


class TestBoundaries:
    async def test_a_wrong_password_is_noted_at_the_account(self, floor: Floor) -> None:
        with pytest.raises(WrongPassword):
            await sign_in(
                issuer(), SignInAttempts(10), email=floor.emails[Role.OPERATOR], password="wrong one here",
                device=Device("10.0.0.8", "Firefox"),
            )  # fmt: skip

        (entry,) = await noted(floor)
        assert (entry.table_name, entry.row_id) == ("sign_in", floor.user_ids[Role.OPERATOR])
        assert (entry.user_id, entry.device) == (None, "10.0.0.8 Firefox")

    async def test_looking_at_somebodys_rights_is_noted(self, floor: Floor) -> None:
        async with read(floor.acting_as(Role.ADMIN)) as work:
            await explain_rights(work, user_id=floor.user_ids[Role.VIEWER])

        assert [(entry.table_name, entry.row_id) for entry in await noted(floor, "read")] == [
            ("identity.rights", floor.user_ids[Role.VIEWER])
        ]
