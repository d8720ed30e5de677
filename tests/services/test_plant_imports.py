"""Importing and exporting tables of the plant model."""

import pytest
from sqlalchemy import func, select

from domain.errors import Forbidden
from domain.identity.roles import Role
from services.db.tables import Lane, Machine, Reason, ShiftOccurrenceRow
from services.db.work import Work, begin
from services.plant.crews import add_crew
from services.plant.plant_exports import TableKind, export_table
from services.plant.plant_imports import ImportReport, import_table
from services.plant.plant_tables import UnreadableTable, WrongColumns, decoded
from services.production.work_orders import cancel_order
from tests.factories import Floor, Make


async def imported(work: Work, kind: TableKind, text: str, *, dry_run: bool = False) -> ImportReport:
    return await import_table(work, kind=kind, table=text, dry_run=dry_run)


def problems(report: ImportReport) -> list[tuple[int, str, str]]:
    return [(problem.row, problem.column, problem.error.code) for problem in report.problems]


async def count(work: Work, table: type[Machine] | type[Reason] | type[Lane]) -> int:
    return (await work.session.execute(select(func.count()).select_from(table))).scalar_one()


class TestImport:
    async def test_adds_what_is_new_and_changes_what_is_there(self, work: Work, make: Make) -> None:
        lane = await make.lane(work, code="SAW")
        await make.machine(work, lane=lane, code="S-1")

        report = await imported(
            work, TableKind.MACHINES, "lane,code,name,micro_stop_s\nSAW,S-1,Old saw,90\nSAW,S-2,New saw,\n"
        )

        assert (report.added, report.updated, report.problems, report.is_applied) == (1, 1, (), True)
        machines = (await work.session.execute(select(Machine).order_by(Machine.code))).scalars().all()
        assert [(one.code, one.name, int(one.micro_stop_s)) for one in machines] == [
            ("S-1", "Old saw", 90),
            ("S-2", "New saw", 120),
        ]

    async def test_changes_nothing_when_tried_out(self, work: Work, make: Make) -> None:
        await make.lane(work, code="SAW")
        work.events.clear()

        report = await imported(work, TableKind.MACHINES, "lane,code,name\nSAW,S-1,Saw\n", dry_run=True)

        assert (report.added, report.is_applied) == (1, False)
        assert await count(work, Machine) == 0
        assert work.events == []

    async def test_names_every_problem_and_keeps_nothing(self, work: Work, make: Make) -> None:
        await make.lane(work, code="SAW")
        text = (
            "lane,code,name,counting_source,is_active\n"
            "SAW,S-1,Saw,operator,yes\n"
            "MILL,M-1,Mill,operator,yes\n"
            "SAW,S-2,Saw,guess,yes\n"
            "SAW,S-3,Saw,operator,perhaps\n"
            "SAW,S-1,Saw again,operator,yes\n"
            "SAW,,Nameless,operator,yes\n"
            "SAW,S-4\n"
        )

        report = await imported(work, TableKind.MACHINES, text)

        assert problems(report) == [
            (3, "lane", "unknown_code"),
            (4, "counting_source", "invalid_choice"),
            (5, "is_active", "not_yes_or_no"),
            (6, "code", "row_repeated"),
            (7, "code", "invalid_text"),
            (8, "", "wrong_cell_count"),
        ]
        assert await count(work, Machine) == 0

    async def test_reads_what_a_german_spreadsheet_writes(self, work: Work, make: Make) -> None:
        await make.lane(work, code="SÄG")
        content = "\ufeffLane;Code;Name;Micro_Stop_S;is_active\r\nSÄG;S-1;Säge;1,5;ja\r\n;;;;\r\n"

        for encoded in (content.encode("utf-8"), content.removeprefix("\ufeff").encode("cp1252")):
            report = await imported(work, TableKind.MACHINES, decoded(encoded))
            assert report.problems == ()

        machine = (await work.session.execute(select(Machine))).scalar_one()
        assert (machine.name, str(machine.micro_stop_s)) == ("Säge", "1.500000")

    @pytest.mark.parametrize("text", ["", "  \n", "\x00", 'lane,code\n"open'])
    async def test_refuses_what_is_no_table(self, work: Work, text: str) -> None:
        with pytest.raises(UnreadableTable):
            await imported(work, TableKind.MACHINES, text)

    @pytest.mark.parametrize("header", ["lane,code", "lane,code,name,colour", "lane,code,name,name"])
    async def test_refuses_columns_that_do_not_fit(self, work: Work, header: str) -> None:
        with pytest.raises(WrongColumns):
            await imported(work, TableKind.MACHINES, f"{header}\n")

    async def test_lets_a_reason_stand_before_the_one_above(self, work: Work) -> None:
        text = "kind,code,label,parent,loss_category\nstop,broken,Broken,tool,\nstop,tool,Tool,,breakdown\n"

        report = await imported(work, TableKind.REASONS, text)

        assert (report.added, report.problems) == (2, ())
        assert problems(await imported(work, TableKind.REASONS, "kind,code,label,parent\nstop,x,X,nothing\n")) == [
            (2, "parent", "unknown_code")
        ]

    async def test_plans_the_shifts(self, work: Work, make: Make) -> None:
        await make.lane(work, code="SAW")
        text = "lane,name,weekdays,starts,ends,breaks\nSAW,Early,mon-sun,06:00,14:00,10:00-10:15 12:00-12:30\n"

        assert (await imported(work, TableKind.SHIFTS, text)).problems == ()

        planned = (await work.session.execute(select(ShiftOccurrenceRow))).scalars().all()
        assert len(planned) >= 60
        assert {len(one.break_starts) for one in planned} == {2}

    async def test_lets_shifts_change_places_in_any_order(self, work: Work, make: Make) -> None:
        await make.lane(work, code="SAW")
        header = "lane,name,weekdays,starts,ends\n"
        await imported(work, TableKind.SHIFTS, f"{header}SAW,A,mon-fri,6:00,14:00\nSAW,B,mon-fri,14:00,22:00\n")

        report = await imported(
            work, TableKind.SHIFTS, f"{header}SAW,A,mon-fri,6:00,15:00\nSAW,B,mon-fri,15:00,22:00\n"
        )

        assert (report.updated, report.problems) == (2, ())

    @pytest.mark.parametrize(
        ("row", "problem"),
        [
            ("SAW,X,someday,06:00,14:00,", (2, "weekdays", "invalid_weekdays")),
            ("SAW,X,mon,6,14:00,", (2, "starts", "invalid_hours")),
            ("SAW,X,mon,06:00,14:00,10-11", (2, "breaks", "invalid_hours")),
            ("SAW,X,mon,06:00,14:00,15:00-16:00", (2, "", "break_outside_shift")),
        ],
    )
    async def test_names_what_no_shift_can_be(
        self, work: Work, make: Make, row: str, problem: tuple[int, str, str]
    ) -> None:
        await make.lane(work, code="SAW")

        report = await imported(work, TableKind.SHIFTS, f"lane,name,weekdays,starts,ends,breaks\n{row}\n")

        assert problems(report) == [problem]


class TestExport:
    @pytest.mark.parametrize("kind", TableKind)
    async def test_comes_back_unchanged(self, work: Work, make: Make, kind: TableKind) -> None:
        lane = await make.lane(work, code="SAW")
        await make.machine(work, lane=lane)
        for reason in ("stop", "scrap"):
            await make.reason(work, kind=reason)
        await make.material(work)
        order = await make.order(work)
        await cancel_order(work, order_id=order.id)
        await make.order(work, is_released=False)
        await add_crew(work, plant_id=lane.plant_id, name="Red")
        await imported(
            work, TableKind.SHIFTS,
            "lane,name,crew,weekdays,starts,ends,breaks\nSAW,Night,Red,sat-mon,22:00,06:00,01:00-01:30\n",
        )  # fmt: skip
        exported = await export_table(work, kind=kind)

        report = await imported(work, kind, exported)

        assert (report.added, report.problems) == (0, ())
        assert report.updated >= 1
        assert await export_table(work, kind=kind) == exported

    async def test_defuses_formulas_and_takes_them_back(self, work: Work) -> None:
        labels = ["=1+1", "+49", "-5", "@sum", "'quoted", '=HYPERLINK("x")']
        for number, label in enumerate(labels):
            work.session.add(Reason(org_id=work.scope.org_id, kind="scrap", code=f"r{number}", label=label))
        await work.session.flush()

        exported = await export_table(work, kind=TableKind.REASONS)

        assert not [line for line in exported.splitlines() if ",=" in line or ",@" in line or ',"=' in line]
        assert (await imported(work, TableKind.REASONS, exported)).problems == ()
        kept = (await work.session.execute(select(Reason.label).order_by(Reason.code))).scalars().all()
        assert kept == labels


class TestAccess:
    @pytest.mark.parametrize("kind", TableKind)
    async def test_needs_the_right_to_edit(self, floor: Floor, kind: TableKind) -> None:
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            with pytest.raises(Forbidden):
                await imported(work, kind, "code\n")
            with pytest.raises(Forbidden):
                await export_table(work, kind=kind)

    async def test_finds_nothing_of_another_organization(self, work: Work, make: Make, other: Floor) -> None:
        async with begin(other.scope) as theirs:
            lane = await theirs.session.get_one(Lane, other.lane_id)
            machines = await export_table(theirs, kind=TableKind.MACHINES)

        report = await imported(work, TableKind.MACHINES, machines)

        assert problems(report) == [(2, "lane", "unknown_code")]
        assert lane.code not in await export_table(work, kind=TableKind.LANES)
