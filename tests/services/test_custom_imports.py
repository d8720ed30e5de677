"""Custom fields in tables that people export, edit and bring back: CSV and Excel."""

import zipfile
from io import BytesIO

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from domain.custom_fields.fields import FieldDefinition, FieldPlace, FieldType
from domain.custom_fields.values import checked_value
from domain.identity.roles import Role
from domain.scope import Scope
from services.custom_fields.columns import CustomColumns, _cell
from services.custom_fields.fields import add_field
from services.db.tables import Machine, Material
from services.db.work import Work, begin, read
from services.plant.plant_exports import TableKind, export_cells, export_table
from services.plant.plant_imports import import_table
from services.plant.plant_tables import WrongColumns, csv_lines, write_table
from services.plant.workbooks import UnreadableWorkbook, is_workbook, read_workbook, write_workbook
from services.production.materials import add_material
from services.production.order_queries import list_orders
from tests.domain.test_custom_fields import COLOURS, VALUES, field
from tests.factories import Floor, Make, undone

ALL = tuple(
    FieldDefinition(
        key=kind.value,
        type=kind,
        labels={"en": kind.value},
        choices=COLOURS if kind in {FieldType.CHOICE, FieldType.MULTI_CHOICE} else (),
        reference="machine" if kind is FieldType.REFERENCE else None,
    )
    for kind in FieldType
    if kind is not FieldType.FILE
)


async def stocked(floor: Floor) -> dict[str, object]:
    """Commit a field of every type, a material that holds one of each, and one that holds nothing."""
    custom: dict[str, object] = {
        "text": "=SUM(A1) \"quoted\", 'and' more", "number": 1234567.125, "boolean": False, "date": "2026-02-28",
        "datetime": "2026-03-01T05:30:00Z", "choice": "blue", "multi_choice": ["red", "blue"],
        "reference": str(floor.machine_id),
    }  # fmt: skip
    async with begin(floor.scope) as work:
        for one in ALL:
            await add_field(work, entity="material", field=one)
        await add_material(work, number="A", unit="pcs", custom=custom)
        await add_material(work, number="B", unit="pcs")
    return custom


async def held(scope: Scope) -> dict[str, dict[str, object]]:
    async with read(scope) as work:
        return {row.number: row.custom for row in (await work.session.execute(select(Material))).scalars()}


async def emptied(floor: Floor) -> None:
    async with begin(floor.scope) as work:
        for row in (await work.session.execute(select(Material))).scalars():
            row.custom = {}


class TestCsv:
    async def test_brings_back_every_type(self, floor: Floor) -> None:
        custom = await stocked(floor)
        async with read(floor.acting_as(Role.ADMIN)) as work:
            text = await export_table(work, kind=TableKind.MATERIALS)
        await emptied(floor)

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            report = await import_table(work, kind=TableKind.MATERIALS, table=text, dry_run=False)

        assert (report.problems, report.updated) == ((), 2)
        assert await held(floor.scope) == {"A": custom, "B": {}}
        assert floor.machine_code in text

    async def test_changes_nothing_about_fields_without_a_column(self, floor: Floor) -> None:
        custom = await stocked(floor)

        async with begin(floor.scope) as work:
            table = "number,unit,custom.number\nA,kg,\n"
            report = await import_table(work, kind=TableKind.MATERIALS, table=table, dry_run=False)

        assert report.problems == ()
        assert (await held(floor.scope))["A"] == {key: value for key, value in custom.items() if key != "number"}

    async def test_reads_what_people_write(self, floor: Floor) -> None:
        await stocked(floor)

        async with begin(floor.scope) as work:
            head = "number;unit;custom.number;custom.boolean;custom.choice;custom.multi_choice"
            table = f"{head}\nC;pcs;2,5;Ja;Rot;Rot|blue\n"
            report = await import_table(work, kind=TableKind.MATERIALS, table=table, dry_run=False)

        assert report.problems == ()
        assert (await held(floor.scope))["C"] == {
            "number": 2.5, "boolean": True, "choice": "red", "multi_choice": ["red", "blue"],
        }  # fmt: skip

    async def test_names_row_and_column_of_what_cannot_be_kept(self, floor: Floor) -> None:
        await stocked(floor)
        table = (
            "number,unit,custom.number,custom.choice,custom.reference\nA,pcs,heavy,,\nB,pcs,,green,\nC,pcs,,,nowhere\n"
        )

        async with begin(floor.scope) as work:
            report = await import_table(work, kind=TableKind.MATERIALS, table=table, dry_run=False)

        assert [(one.row, one.column, one.error.code) for one in report.problems] == [
            (2, "custom.number", "value_not_a_number"),
            (3, "custom.choice", "value_not_a_choice"),
            (4, "custom.reference", "value_not_there"),
        ]
        assert not report.is_applied

    async def test_asks_new_things_for_required_fields(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            required = FieldDefinition(key="weight", type=FieldType.NUMBER, labels={"en": "Weight"}, is_required=True)
            await add_field(work, entity="material", field=required)

            report = await import_table(work, kind=TableKind.MATERIALS, table="number,unit\nA,pcs\n", dry_run=True)

        assert [(one.row, one.error.code) for one in report.problems] == [(2, "value_missing")]

    async def test_knows_no_columns_of_fields_that_are_not_shown_in_exports(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            hidden = FieldDefinition(
                key="secret", type=FieldType.TEXT, labels={"en": "Secret"}, shown_in=frozenset({FieldPlace.FORM})
            )
            await add_field(work, entity="material", field=hidden)

            assert "secret" not in await export_table(work, kind=TableKind.MATERIALS)
            table = "number,unit,custom.secret\nA,pcs,x\n"
            with pytest.raises(WrongColumns):
                await import_table(work, kind=TableKind.MATERIALS, table=table, dry_run=True)

    async def test_finds_no_things_of_another_organization(self, floor: Floor, other: Floor) -> None:
        await stocked(floor)
        async with begin(other.scope) as work:
            machine = await work.session.get_one(Machine, other.machine_id)
            machine.code = "THEIRS"

        async with begin(floor.scope) as work:
            table = "number,unit,custom.reference\nA,pcs,THEIRS\n"
            report = await import_table(work, kind=TableKind.MATERIALS, table=table, dry_run=True)

        assert [one.error.code for one in report.problems] == ["value_not_there"]

    @pytest.mark.parametrize("kind", [kind for kind in FieldType if kind is not FieldType.REFERENCE])
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
    @given(data=st.data())
    def test_keeps_every_value_of_every_type(self, kind: FieldType, data: st.DataObject) -> None:
        one = field(kind)
        stored = checked_value(one, data.draw(VALUES[kind]))

        (_, cells) = csv_lines(write_table([one.name, "end"], [[_cell(one, stored, {}), "x"]]))

        class Row:
            def __init__(self) -> None:
                self.cells = {one.name: cells[0]}

        assert checked_value(one, (CustomColumns((one,)).given(Row(), is_new=True) or {})["one"]) == stored


class TestExcel:
    async def test_brings_back_every_type(self, floor: Floor) -> None:
        custom = await stocked(floor)
        async with read(floor.acting_as(Role.ADMIN)) as work:
            columns, rows = await export_cells(work, kind=TableKind.MATERIALS)
        content = await write_workbook("materials", columns, rows)
        await emptied(floor)

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            lines = await read_workbook(content)
            report = await import_table(work, kind=TableKind.MATERIALS, table=lines, dry_run=False)

        assert is_workbook(content)
        assert (report.problems, report.updated) == ((), 2)
        assert await held(floor.scope) == {"A": custom, "B": {}}

    async def test_holds_numbers_dates_and_no_formulas(self, floor: Floor) -> None:
        await stocked(floor)
        async with read(floor.scope) as work:
            columns, rows = await export_cells(work, kind=TableKind.MATERIALS)

        sheet = openpyxl.load_workbook(BytesIO(await write_workbook("materials", columns, rows))).worksheets[0]
        cells = {str(head.value): cell for head, cell in zip(sheet[1], sheet[2], strict=True)}

        assert (cells["custom.number"].value, cells["custom.number"].data_type) == (1234567.125, "n")
        assert cells["custom.date"].number_format == "yyyy-mm-dd"
        assert cells["custom.text"].data_type == "s"

    @pytest.mark.parametrize(
        "content", [b"", b"PK\x03\x04", b"PK\x03\x04" + b"x" * 1000, b"\xd0\xcf\x11\xe0 an old workbook"]
    )
    async def test_refuses_what_is_no_workbook(self, content: bytes) -> None:
        with pytest.raises(UnreadableWorkbook):
            await read_workbook(content)

    async def test_refuses_a_zip_that_is_something_else(self) -> None:
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("readme.txt", "no workbook")

        with pytest.raises(UnreadableWorkbook):
            await read_workbook(packed.getvalue())

    async def test_refuses_a_bomb(self) -> None:
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(5):
                archive.writestr(f"xl/worksheets/sheet{number}.xml", b"0" * 50_000_000)

        assert len(packed.getvalue()) < 1_000_000
        with pytest.raises(UnreadableWorkbook):
            await read_workbook(packed.getvalue())

    async def test_is_not_kept_busy_by_a_cell_far_away(self) -> None:
        workbook = openpyxl.Workbook()
        sheet = workbook.active
        assert sheet is not None
        sheet["A1"], sheet["XFD1048576"] = "number", "far"
        content = BytesIO()
        workbook.save(content)

        assert [line[0] for line in await read_workbook(content.getvalue())] == ["number"]


class TestOrders:
    async def test_come_in_with_their_fields(self, floor: Floor, make: Make) -> None:
        async with undone(floor.scope) as work:
            weight = FieldDefinition(key="weight", type=FieldType.NUMBER, labels={"en": "Weight"})
            await add_field(work, entity="work_order", field=weight)
            await make.material(work, number="KS-1")
            plants = await work.fetch("SELECT code FROM plants")
            plant = plants[0]["code"]
            table = f"plant,number,material,quantity,due,priority,custom.weight\n{plant},X-1,KS-1,10,2026-05-01,7,2.5\n"

            report = await import_table(work, kind=TableKind.ORDERS, table=table, dry_run=False)
            again = table.replace("2026-05-01", "").replace("2.5", "3")
            changed = await import_table(work, kind=TableKind.ORDERS, table=again, dry_run=False)
            (order,) = (await list_orders(work)).items

        assert (report.problems, report.added, changed.problems, changed.updated) == ((), 1, (), 1)
        assert (order.number, order.priority, order.due_at, order.custom) == ("X-1", 7, None, {"weight": 3})


async def test_of_plants_come_back_with_their_fields(work: Work, make: Make) -> None:
    size = FieldDefinition(key="size", type=FieldType.NUMBER, labels={"en": "Size"}, unit="m²")
    await add_field(work, entity="plant", field=size)
    await make.plant(work, code="HAM")

    table = "code,name,time_zone,custom.size\nHAM,Hamburg,Europe/Berlin,1200\nBER,Berlin,Europe/Berlin,\n"
    report = await import_table(work, kind=TableKind.PLANTS, table=table, dry_run=False)

    assert (report.added, report.updated, report.problems) == (1, 1, ())
    assert "HAM,Hamburg,Europe/Berlin,1200" in await export_table(work, kind=TableKind.PLANTS)
