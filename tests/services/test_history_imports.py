"""Importing a report log: what the database says of the past afterwards, and what is refused."""

import asyncio
import csv
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from domain.errors import Forbidden, NotFound
from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from domain.production.past_reports import PastReport, ReportKind, TimeOfReport, timeline_of
from domain.scope import Scope
from services.adapters.production_log_file import (
    FOUR_TU,
    LogColumnsMissing,
    LogEmpty,
    LogFileUnreadable,
    LogMapping,
    LogMappingWrong,
    LogRowsWrong,
    read_mapping,
    read_production_log,
)
from services.db.engine import Database
from services.db.work import begin, read
from services.plant.machine_states import change_machine_state
from services.production.history_bookings import ImportStep
from services.production.history_imports import (
    ImportedHistory,
    LogPlace,
    LogZoneMissing,
    add_up_history,
    ensure_history_months,
    import_history,
    import_log,
    zone_of_log,
)
from services.production.history_orders import OrdersTaken
from services.production.history_timelines import TimelineTaken
from tests.factories import Floor, Make, found
from tests.shared_data import shared_data

PLACE = LogPlace("HIST", "History", "Etc/GMT+5", is_given=False, unit="pcs")
HEADER = "case,task,worker,report_type,started_at,completed_at,qty_completed,qty_rejected,qty_for_mrb,rework"
START = datetime(2012, 1, 2, 5, tzinfo=UTC)
NOW = datetime(2026, 3, 2, tzinfo=UTC)
LETTERS = {"production": "D", "setup": "S", "breakdown": "B"}

RUNS = """
SELECT runs.order_number, operations.name AS task, split_part(runs.run_key, '/', 2) AS kind, count(*) AS rows,
       sum(extract(epoch FROM runs.ended_at - runs.started_at)) AS seconds, sum(coalesce(totals.good, 0)) AS good,
       sum(coalesce(totals.scrap, 0)) AS scrap, sum(coalesce(totals.rework, 0)) AS rework
FROM production_runs AS runs
JOIN operations ON operations.id = runs.operation_id
JOIN work_orders ON work_orders.id = operations.work_order_id AND work_orders.number = runs.order_number
LEFT JOIN run_totals AS totals ON totals.run_id = runs.id
GROUP BY 1, 2, 3
"""
LOG = """
SELECT runs.order_number, operations.name AS task, split_part(runs.run_key, '/', 2) AS kind, log.kind AS pieces,
       sum(log.quantity) AS quantity
FROM production_log AS log JOIN production_runs AS runs ON runs.id = log.run_id AND runs.machine_id = log.machine_id
JOIN operations ON operations.id = log.operation_id AND operations.id = runs.operation_id
GROUP BY 1, 2, 3, 4
"""
CHANGES = """
SELECT machines.name, changes.started_at, changes.state, reasons.code AS reason
FROM machine_state_changes AS changes JOIN machines ON machines.id = changes.machine_id
LEFT JOIN reasons ON reasons.id = changes.reason_id
ORDER BY machines.name, changes.started_at
"""
FACTS = """
SELECT machines.name, sum(running_s) AS running, sum(changeover_s) AS setup, sum(breakdown_s) AS breakdown,
       sum(good) AS good, sum(scrap) AS scrap, sum(rework) AS rework, bool_and(is_planned) AS is_planned
FROM hourly_facts JOIN machines ON machines.id = hourly_facts.machine_id GROUP BY machines.name
"""
ORDERS = """
SELECT number, state, source, quantity, good, scrap, started_at, ended_at, deadline_kind
FROM work_orders ORDER BY number
"""
OPERATIONS = """
SELECT work_orders.number, operations.name, operations.state, operations.good, operations.scrap, operations.rework,
       operations.is_last, operations.had_setup, operations.started_at, operations.ended_at, operations.quantity
FROM operations JOIN work_orders ON work_orders.id = operations.work_order_id
ORDER BY work_orders.number, operations.name
"""
HOURS = "SELECT sum(good) AS good, sum(scrap) AS scrap, sum(rework) AS rework FROM machine_hours"
COUNTS = """
SELECT (SELECT count(*) FROM work_orders) AS orders, (SELECT count(*) FROM production_runs) AS runs,
       (SELECT count(*) FROM production_log) AS entries, (SELECT count(*) FROM machine_state_changes) AS changes,
       (SELECT count(*) FROM plants) AS plants, (SELECT count(*) FROM booking_keys) AS keys,
       (SELECT sum(version) FROM work_orders) AS order_versions
"""


def unheard(step: ImportStep, done: int, of: int) -> None:
    """Tell nobody how far an import has come."""


def report(since: int = 0, until: int = 60, **fields: Any) -> PastReport:
    """Return a report from and to a minute after the start."""
    told = PastReport(
        "Case1", "Lapping", "Lapping", ReportKind.PRODUCTION, START + timedelta(minutes=since),
        START + timedelta(minutes=until),
    )  # fmt: skip
    return replace(told, **fields)


async def bring_in(scope: Scope, *reports: PastReport, place: LogPlace = PLACE, **how: Any) -> ImportedHistory:
    """Import reports as the command does."""
    return await import_log(scope, reports=reports, place=place, on_progress=unheard, **how)


async def ask(scope: Scope, sql: str) -> list[dict[str, Any]]:
    """Return what a query says in an organization."""
    async with read(scope) as work:
        return [dict(row._mapping) for row in await work.session.execute(text(sql))]


def states_of(changes: Sequence[dict[str, Any]]) -> dict[str, list[tuple[datetime, str, str | None]]]:
    """Return the timeline of each machine without changes that repeat the state that goes on."""
    timelines: dict[str, list[tuple[datetime, str, str | None]]] = defaultdict(list)
    for change in changes:
        timeline = timelines[change["name"]]
        if not timeline or timeline[-1][1:] != (change["state"], change["reason"]):
            timeline.append((change["started_at"], change["state"], change["reason"]))
    return timelines


@dataclass(frozen=True)
class RealShop:
    """The log of the real job shop, as its file says and as it was imported."""

    scope: Scope
    rows: list[dict[str, str]]
    imported: ImportedHistory


@pytest.fixture(scope="module")
async def shop(database: Database) -> RealShop:
    """The real job shop, imported once for all tests that only look."""
    path = shared_data("data/production_log_4tu.csv")
    scope = await found()
    reports = read_production_log(path, mapping=FOUR_TU, zone=ZoneInfo("Etc/GMT+5"), now=datetime.now(UTC))
    imported = await bring_in(scope, *reports)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return RealShop(scope, list(csv.DictReader(file)), imported)


def seconds_of(row: dict[str, str]) -> str:
    """Return how long a row of the file took."""
    length = datetime.fromisoformat(row["completed_at"]) - datetime.fromisoformat(row["started_at"])
    return str(int(length.total_seconds()))


@pytest.mark.xdist_group("real_shop")  # imported once, not by each worker
class TestTheRealShop:
    async def test_was_imported_whole(self, shop: RealShop) -> None:
        assert (shop.imported.added, shop.imported.known) == (len(shop.rows), 0)
        assert shop.imported.orders == len({row["case"] for row in shop.rows})
        assert shop.imported.machines == len({row["task"] for row in shop.rows})

    async def test_agrees_with_its_file_per_order_task_and_report_type(self, shop: RealShop) -> None:
        expected: dict[tuple[str, str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 5)
        for row in shop.rows:
            key = (row["case"], row["task"], row["report_type"])
            told = ("1", seconds_of(row), row["qty_completed"], row["qty_rejected"], row["qty_for_mrb"])
            expected[key] = [before + Decimal(now) for before, now in zip(expected[key], told, strict=True)]

        found = {
            (row["order_number"], row["task"], LETTERS[row["kind"]]): [
                row[name] for name in ("rows", "seconds", "good", "scrap", "rework")
            ]
            for row in await ask(shop.scope, RUNS)
        }

        assert found == expected

    async def test_has_the_pieces_of_its_file_in_the_log(self, shop: RealShop) -> None:
        expected: dict[tuple[str, str, str, str], Decimal] = defaultdict(Decimal)
        for row in shop.rows:
            for kind, column in (("good", "qty_completed"), ("scrap", "qty_rejected"), ("rework", "qty_for_mrb")):
                if row[column] != "0":
                    expected[row["case"], row["task"], row["report_type"], kind] += Decimal(row[column])

        found = {
            (row["order_number"], row["task"], LETTERS[row["kind"]], row["pieces"]): row["quantity"]
            for row in await ask(shop.scope, LOG)
        }

        assert found == expected

    async def test_has_ended_orders_of_2012(self, shop: RealShop) -> None:
        times: dict[str, list[datetime]] = defaultdict(list)
        scrap: dict[str, Decimal] = defaultdict(Decimal)
        for row in shop.rows:
            times[row["case"]] += [datetime.fromisoformat(row[name]) for name in ("started_at", "completed_at")]
            scrap[row["case"]] += Decimal(row["qty_rejected"])

        orders = {order["number"]: order for order in await ask(shop.scope, ORDERS)}

        assert {order["state"] for order in orders.values()} == {"closed"}
        assert {number: order["scrap"] for number, order in orders.items()} == scrap
        assert {number: (order["started_at"], order["ended_at"]) for number, order in orders.items()} == {
            number: (min(instants), max(instants)) for number, instants in times.items()
        }

    async def test_has_facts_that_agree_with_the_file_and_its_timelines(self, shop: RealShop) -> None:
        pieces: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
        worked: dict[str, set[tuple[str, int]]] = defaultdict(set)
        for row in shop.rows:
            told = (row["qty_completed"], row["qty_rejected"], row["qty_for_mrb"])
            pieces[row["task"]] = [a + Decimal(b) for a, b in zip(pieces[row["task"]], told, strict=True)]
            # The file's times are whole minutes: count them, as nobody would who thinks in intervals.
            since, until = (
                int(datetime.fromisoformat(row[name]).timestamp()) // 60 for name in ("started_at", "completed_at")
            )
            worked[row["task"]] |= {(row["report_type"], minute) for minute in range(since, until)}

        facts = {fact["name"]: fact for fact in await ask(shop.scope, FACTS)}

        assert {name: [fact["good"], fact["scrap"], fact["rework"]] for name, fact in facts.items()} == pieces
        for name, minutes in worked.items():
            running, setup, breakdown = ({minute for kind, minute in minutes if kind == letter} for letter in "DSB")
            assert facts[name]["running"] == 60 * len(running), name
            assert facts[name]["setup"] == 60 * len(setup - running), name
            assert facts[name]["breakdown"] == 60 * len(breakdown - setup - running), name
        assert all(fact["is_planned"] for fact in facts.values())

    async def test_leaves_no_dirty_hour(self, shop: RealShop) -> None:
        assert await ask(shop.scope, "SELECT * FROM dirty_hours") == []

    async def test_sums_hours_like_the_log(self, shop: RealShop) -> None:
        columns = ("qty_completed", "qty_rejected", "qty_for_mrb")

        assert [list(row.values()) for row in await ask(shop.scope, HOURS)] == [
            [sum(int(row[column]) for row in shop.rows) for column in columns]
        ]


class TestImportHistory:
    async def test_books_pieces_with_reasons_at_the_end_of_the_report(self, scope: Scope) -> None:
        await bring_in(scope, report(good=Decimal(8), scrap=Decimal(2), rework=Decimal(1)))

        log = await ask(
            scope, "SELECT log.kind, quantity, at, code FROM production_log AS log LEFT JOIN reasons"
            " ON reasons.id = log.reason_id ORDER BY log.kind",
        )  # fmt: skip
        end = START + timedelta(hours=1)
        assert [tuple(row.values()) for row in log] == [
            ("good", 8, end, None), ("rework", 1, end, "IMPORT-REWORK"), ("scrap", 2, end, "IMPORT-SCRAP"),
        ]  # fmt: skip

    async def test_offers_its_reasons_to_nobody(self, scope: Scope) -> None:
        await bring_in(scope, report(good=Decimal(8)))

        assert [row["is_active"] for row in await ask(scope, "SELECT is_active FROM reasons")] == [False] * 3

    async def test_writes_breakdowns_with_their_reason_and_nothing_known_in_between(self, scope: Scope) -> None:
        await bring_in(scope, report(0, 10, kind=ReportKind.SETUP), report(20, 30, kind=ReportKind.BREAKDOWN))

        timeline = states_of(await ask(scope, CHANGES))["Lapping"]

        assert [change[1:] for change in timeline] == [
            ("setup", None), ("no_data", None), ("unplanned_stop", "IMPORT-BREAKDOWN"), ("no_data", None),
        ]  # fmt: skip
        status = await ask(scope, "SELECT state, since, day, good_today FROM machine_status")
        assert (status[0]["state"], status[0]["since"]) == ("no_data", START + timedelta(minutes=30))

    async def test_changes_nothing_the_second_time(self, scope: Scope) -> None:
        reports = [report(good=Decimal(1)), report(good=Decimal(1)), report(5, 9, order="Case2", task="Packing")]
        await bring_in(scope, *reports)
        before = await ask(scope, COUNTS)

        again = await bring_in(scope, *reports)

        assert (again.added, again.known, again.orders, again.machines) == (0, 3, 0, 0)
        assert await ask(scope, COUNTS) == before

    async def test_adds_what_is_new_as_if_all_had_come_at_once(self, database: Database) -> None:
        dice = random.Random(3)
        reports = []
        for _ in range(60):
            since = dice.randint(0, 2000)
            reports.append(
                report(
                    since, since + dice.randint(0, 200), order=f"Case{dice.randint(1, 4)}",
                    task=(task := dice.choice(["Lapping", "Packing", "Milling"])), machine=task,
                    kind=dice.choice(list(ReportKind)), good=Decimal(dice.randint(0, 5)),
                    scrap=Decimal(dice.randint(0, 1)),
                )
            )  # fmt: skip
        at_once, in_parts = await found(), await found()

        await bring_in(at_once, *reports)
        first = await bring_in(in_parts, *reports[:25])
        second = await bring_in(in_parts, *reports)

        assert (first.added, second.added, second.known) == (25, 35, 25)
        assert states_of(await ask(in_parts, CHANGES)) == states_of(await ask(at_once, CHANGES))
        for question in (ORDERS, OPERATIONS, HOURS):
            assert await ask(in_parts, question) == await ask(at_once, question)
        by_name = [{fact["name"]: fact for fact in await ask(scope, FACTS)} for scope in (in_parts, at_once)]
        assert by_name[0] == by_name[1]
        expected = {
            name: [(at, state.value) for at, state in timeline_of(
                TimeOfReport(each.kind, each.starts_at, each.ends_at) for each in reports if each.machine == name
            )] for name in ("Lapping", "Packing", "Milling")
        }  # fmt: skip
        found_states = states_of(await ask(in_parts, CHANGES))
        assert {name: [change[:2] for change in found_states[name]] for name in expected} == expected

    async def test_leaves_nothing_behind_when_it_is_a_trial(self, scope: Scope) -> None:
        before = await ask(scope, COUNTS)

        told = await bring_in(scope, report(good=Decimal(8)), is_trial=True)

        assert (told.added, told.orders, told.machines, told.good) == (1, 1, 1, Decimal(8))
        assert await ask(scope, COUNTS) == before

    async def test_imports_once_when_two_import_at_the_same_time(self, scope: Scope) -> None:
        reports = [report(number, number + 5, good=Decimal(1)) for number in range(20)]

        both = await asyncio.gather(bring_in(scope, *reports), bring_in(scope, *reports))

        assert sorted(each.added for each in both) == [0, 20]
        assert (await ask(scope, HOURS))[0]["good"] == 20

    async def test_uses_machines_of_a_given_plant_by_code_or_name(self, scope: Scope, make: Make) -> None:
        async with begin(scope) as work:
            machine = await make.machine(work, code="LAP-1")
            plant_code = (await work.session.execute(text("SELECT code FROM plants"))).scalar_one()
        place = replace(PLACE, plant_code=plant_code, is_given=True)

        imported = await bring_in(
            scope, report(machine="LAP-1"), report(0, 5, machine=machine.name, task="Pack"), place=place
        )

        assert (imported.machines, imported.machine_ids) == (0, (machine.id,))

    async def test_keeps_a_reason_that_a_person_gave(self, scope: Scope, make: Make) -> None:
        await bring_in(scope, report(0, 30, kind=ReportKind.BREAKDOWN))
        async with begin(scope) as work:
            reason = await make.reason(work)
            await work.session.execute(
                text("UPDATE machine_state_changes SET reason_id = :id WHERE state = 'unplanned_stop'"),
                {"id": reason.id},
            )

        await bring_in(scope, report(0, 30, kind=ReportKind.BREAKDOWN), report(60, 90, kind=ReportKind.BREAKDOWN))

        stops = [change["reason"] for change in await ask(scope, CHANGES) if change["state"] == "unplanned_stop"]
        assert stops == [reason.code, "IMPORT-BREAKDOWN"]

    async def test_refuses_time_that_a_live_machine_has_told(self, scope: Scope, make: Make) -> None:
        async with begin(scope) as work:
            machine = await make.machine(work)
            await change_machine_state(work, machine_id=machine.id, state=MachineState.IDLE, started_at=START)
            plant_code = (await work.session.execute(text("SELECT code FROM plants"))).scalar_one()
        place = replace(PLACE, plant_code=plant_code, is_given=True)

        with pytest.raises(TimelineTaken, match=machine.code):
            await bring_in(scope, report(10, 20, machine=machine.code), place=place)

        assert (await ask(scope, COUNTS))[0]["runs"] == 0
        await bring_in(scope, report(-20, 0, machine=machine.code), place=place)
        assert [change["state"] for change in await ask(scope, CHANGES)] == ["running", "idle"]
        assert [row["state"] for row in await ask(scope, "SELECT state FROM machine_status")] == ["idle"]

    async def test_refuses_orders_that_come_from_somewhere_else(self, scope: Scope, make: Make) -> None:
        async with begin(scope) as work:
            order = await make.order(work)

        with pytest.raises(OrdersTaken, match=order.number):
            await bring_in(scope, report(order=order.number), report(order="Case2"))

        assert [row["number"] for row in await ask(scope, ORDERS)] == [order.number]

    async def test_refuses_a_plant_that_is_not_there(self, scope: Scope) -> None:
        with pytest.raises(NotFound):
            await bring_in(scope, report(), place=replace(PLACE, is_given=True))

    async def test_asks_for_the_zone_of_a_new_plant(self, scope: Scope) -> None:
        with pytest.raises(LogZoneMissing):
            await zone_of_log(scope, place=replace(PLACE, time_zone=None))

    async def test_takes_the_zone_of_the_plant_when_nobody_says_otherwise(self, floor: Floor) -> None:
        plant_code = (await ask(floor.scope, "SELECT code FROM plants"))[0]["code"]

        zone, _ = await zone_of_log(floor.scope, place=replace(PLACE, plant_code=plant_code, time_zone=None))

        assert zone.key == "Europe/Berlin"

    @pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
    async def test_is_for_those_who_may_import(self, floor: Floor, role: Role) -> None:
        async with begin(floor.acting_as(role)) as work:
            with pytest.raises(Forbidden):
                await import_history(work, reports=[report()], place=PLACE, on_progress=unheard)
            with pytest.raises(Forbidden):
                await ensure_history_months(work, reports=[report()])
            with pytest.raises(Forbidden):
                await add_up_history(work, machine_ids=[floor.machine_id], on_progress=unheard)
        with pytest.raises(Forbidden):
            await zone_of_log(floor.acting_as(role), place=PLACE)

    async def test_is_open_to_an_admin(self, floor: Floor) -> None:
        assert (await bring_in(floor.acting_as(Role.ADMIN), report())).added == 1

    async def test_does_not_reach_another_organization(self, floor: Floor, other: Floor) -> None:
        await bring_in(floor.scope, report(good=Decimal(8)))
        before = await ask(floor.scope, COUNTS)

        theirs = await bring_in(other.scope, report(good=Decimal(3)))
        plant_code = (await ask(floor.scope, "SELECT code FROM plants ORDER BY code"))[0]["code"]
        with pytest.raises(NotFound):
            await bring_in(other.scope, report(5, 6), place=replace(PLACE, plant_code=f"{plant_code}-x", is_given=True))

        assert (theirs.added, theirs.known) == (1, 0)
        assert await ask(floor.scope, COUNTS) == before
        assert (await ask(other.scope, HOURS))[0]["good"] == 3

    async def test_does_not_add_a_plant_for_somebody_of_another_one(self, floor: Floor) -> None:
        scope = floor.acting_as(Role.ADMIN, plant_ids=frozenset({floor.plant_id}))

        with pytest.raises(NotFound):
            await bring_in(scope, report())


def read_text(tmp_path: Path, content: str | bytes, *, mapping: LogMapping = FOUR_TU) -> list[PastReport]:
    """Read a log with this content."""
    path = tmp_path / "log.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_production_log(path, mapping=mapping, zone=ZoneInfo("Europe/Berlin"), now=NOW)


ROW = "Case1,Lapping,ID1,D,2012-01-02T00:00:00.000-05:00,2012-01-02T04:50:00.000-05:00,31,2,1,0"


class TestReadProductionLog:
    def test_reads_what_a_row_says(self, tmp_path: Path) -> None:
        assert read_text(tmp_path, f"{HEADER}\n{ROW}\n") == [
            report(0, 290, worker="ID1", good=Decimal(31), scrap=Decimal(2), rework=Decimal(1))
        ]

    @pytest.mark.parametrize(
        "content",
        [
            f"\ufeff{HEADER}\r\n{ROW}\r\n",
            f"{HEADER}\n{ROW}\n".replace(",", ";"),
            f"{HEADER}\n{ROW}".replace(",", "\t"),
            f"\n{HEADER.upper()}\n\n{ROW}\n,,,,,,,,,\n",
            f'note,{HEADER}\n"two\nlines",{ROW}\n',
        ],
        ids=["mark", "semicolons", "tabs", "empty lines", "other columns"],
    )
    def test_tolerates_other_ways_to_write_the_same(self, tmp_path: Path, content: str) -> None:
        assert read_text(tmp_path, content) == read_text(tmp_path, f"{HEADER}\n{ROW}\n")

    def test_reads_times_without_offset_in_the_zone(self, tmp_path: Path) -> None:
        local = ROW.replace("2012-01-02T00:00:00.000-05:00", "2012-01-02 06:00")

        assert read_text(tmp_path, f"{HEADER}\n{local}")[0].starts_at == START

    def test_names_missing_columns_and_those_that_are_there(self, tmp_path: Path) -> None:
        with pytest.raises(LogColumnsMissing, match=r"“task”, “qty_rejected”.*“case”, “tisk”"):
            read_text(tmp_path, HEADER.replace("task", "tisk").replace("qty_rejected", "bad") + f"\n{ROW}")

    def test_names_every_wrong_cell_by_line_and_column(self, tmp_path: Path) -> None:
        wrong = [
            HEADER,
            ROW,
            ROW.replace(",D,", ",X,").replace(",31,", ",-3,"),
            "",
            ROW.replace("T04:50", "T00:00").replace("T00:00:00.000-05:00,2", "T01:00:00.000-05:00,2"),
            ROW.replace("2012-01-02T00", "2012-13-02T00"),
            ROW.replace("2012-01-02T04", "2112-01-02T04"),
            ROW.replace("Case1", " "),
            ROW.replace(",0", ""),
            ROW.replace(",1,0", ",NaN,maybe"),
        ]

        with pytest.raises(LogRowsWrong) as refused:
            read_text(tmp_path, "\n".join(wrong))

        problems = str(refused.value.fields["problems"]).splitlines()
        assert refused.value.fields["count"] == 7
        assert [problem.partition(":")[0] for problem in problems] == [
            "line 3, report_type", "line 3, qty_completed", "line 5, completed_at", "line 6, started_at",
            "line 7, completed_at", "line 8, case", "line 9", "line 10, qty_for_mrb", "line 10, rework",
        ]  # fmt: skip

    def test_shows_fifty_wrong_cells_and_how_many_more(self, tmp_path: Path) -> None:
        with pytest.raises(LogRowsWrong) as refused:
            read_text(tmp_path, "\n".join([HEADER, *[ROW.replace(",D,", ",X,")] * 62]))

        problems = str(refused.value.fields["problems"]).splitlines()
        assert refused.value.fields["count"] == 62
        assert (len(problems), problems[-1]) == (51, "... and 12 more.")

    def test_refuses_what_is_no_text_in_utf_8(self, tmp_path: Path) -> None:
        with pytest.raises(LogFileUnreadable, match="line 2"):
            read_text(tmp_path, f"{HEADER}\n".encode() + b"Fr\xe4sen")

    @pytest.mark.parametrize("content", ["", "\n", f"{HEADER}\n", f"{HEADER}\n\n"])
    def test_refuses_a_log_without_reports(self, tmp_path: Path, content: str) -> None:
        with pytest.raises(LogEmpty):
            read_text(tmp_path, content)

    def test_tells_of_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(LogFileUnreadable, match=r"none\.csv"):
            read_production_log(tmp_path / "none.csv", mapping=FOUR_TU, zone=ZoneInfo("UTC"), now=NOW)

    def test_tells_of_a_quote_that_never_ends(self, tmp_path: Path) -> None:
        with pytest.raises(LogFileUnreadable, match="line 2"):
            read_text(tmp_path, f'{HEADER}\n"{ROW}')


MAPPING = """
time_zone = "Europe/Berlin"
time_format = "%d.%m.%Y %H:%M"
[columns]
order = "Auftrag"
task = "Arbeitsgang"
machine = "Maschine"
part = "Teil"
ordered = "Menge"
report_type = "Art"
started_at = "von"
completed_at = "bis"
good = "gut"
[report_types]
production = ["P", "Q"]
setup = ["R"]
"""


class TestReadMapping:
    def test_lets_another_log_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "mapping.toml").write_text(MAPPING)
        mapping = read_mapping(tmp_path / "mapping.toml")
        content = "Auftrag;Arbeitsgang;Maschine;Teil;Menge;Art;von;bis;gut\nA1;Läppen;L1;Welle;50;Q;"

        reports = read_text(tmp_path, content + "02.01.2012 06:00;02.01.2012 07:00;2,5", mapping=mapping)

        assert reports == [
            report(order="A1", task="Läppen", machine="L1", part="Welle", ordered=Decimal(50), good=Decimal("2.5"))
        ]

    @pytest.mark.parametrize(
        "wrong", ["x = ", "[columns]\norder = 'a'", MAPPING + "[report_types.more]\n", "colour = 1"]
    )
    def test_tells_what_is_wrong_with_a_mapping(self, tmp_path: Path, wrong: str) -> None:
        (tmp_path / "mapping.toml").write_text(wrong)

        with pytest.raises(LogMappingWrong, match=r"mapping\.toml"):
            read_mapping(tmp_path / "mapping.toml")

    async def test_brings_parts_and_quantities_into_orders(self, scope: Scope) -> None:
        await bring_in(scope, report(order="A1", part="Shaft", ordered=Decimal(50), good=Decimal(8)))

        found = await ask(
            scope, "SELECT materials.number, quantity, good FROM work_orders JOIN materials"
            " ON materials.id = work_orders.material_id",
        )  # fmt: skip
        assert [tuple(row.values()) for row in found] == [("Shaft", 50, 8)]
