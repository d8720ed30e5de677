"""The past of a whole shop, imported by command into a running product: what programs read of it, and only once."""

import asyncio
import csv
import re
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from tests.product.installation import Installation
from tests.product.visitors import booked, listed, machine_ids, pieces, signed_in_program
from tests.shared_data import shared_data

pytestmark = pytest.mark.xdist_group("product")
ADMIN = "admin@demo.example"
REPORTS = re.compile(r"(Imported|Would import) (\d+) new reports, (\d+) known; (\d+) new orders")


async def bring_in(product: Installation, path: Path, *options: str) -> tuple[str, int, int, int]:
    """Import a log; returns what was done, and how many reports were new, known, and how many orders were new."""
    done = await asyncio.to_thread(product.run, "import", "production-log", str(path), *options)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    match = REPORTS.search(done.stdout.splitlines()[-1])
    assert match is not None, done.stdout
    return match[1], int(match[2]), int(match[3]), int(match[4])


class TestImport:
    async def test_brings_a_real_shop_in_as_its_file_says_and_only_once(self, product: Installation) -> None:
        path = shared_data("data/production_log_4tu.csv")
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        orders = {row["case"] for row in rows}
        good: dict[str, Decimal] = defaultdict(Decimal)
        scrap: dict[str, Decimal] = defaultdict(Decimal)
        for row in rows:
            good[row["task"]] += Decimal(row["qty_completed"])
            scrap[row["case"]] += Decimal(row["qty_rejected"])

        tried = await bring_in(product, path, "--dry-run")
        first = await bring_in(product, path)
        second = await bring_in(product, path)
        async with signed_in_program(product, ADMIN) as http:
            codes = await machine_ids(http)
            packed = await booked(http, codes["SHOP-PACKING"])
            turned = await booked(http, codes["SHOP-TURNING"])
            found = {order["number"]: order for order in await listed(http, "/work-orders/", state="closed")}

        assert tried == ("Would import", len(rows), 0, len(orders))
        assert first == ("Imported", len(rows), 0, len(orders))
        assert second == ("Imported", 0, len(rows), 0)
        assert pieces([entry for entry in packed if entry["kind"] == "good"]) == good["Packing"]
        assert pieces([entry for entry in turned if entry["kind"] == "good"]) == good["Turning"]
        assert {number: Decimal(str(found[number]["scrap"])) for number in orders} == scrap

    async def test_names_wrong_rows_and_imports_nothing(self, product: Installation, tmp_path: Path) -> None:
        path = tmp_path / "log.csv"
        path.write_text(
            "case,task,worker,report_type,started_at,completed_at,qty_completed,qty_rejected,qty_for_mrb,rework\n"
            "W1,Weld,A,D,2012-01-02T06:00:00Z,2012-01-02T07:00:00Z,5,0,0,0\n"
            "W1,Weld,A,D,2012-01-02T08:00:00Z,2012-01-02T07:00:00Z,many,0,0,0\n"
            "W1,Weld,A,D,2012-01-02T08:00:00Z,2012-01-02T07:00:00Z,5,0,0,0\n"
        )

        done = await asyncio.to_thread(product.run, "import", "production-log", str(path))
        async with signed_in_program(product, ADMIN) as http:
            codes = await machine_ids(http)

        assert done.returncode == 1
        assert "line 3, qty_completed: “many”" in done.stderr
        assert "line 4, completed_at: “2012-01-02T07:00:00Z” is before the start." in done.stderr
        assert "Traceback" not in done.stderr
        assert "SHOP-WELD" not in codes

    async def test_tells_which_column_or_organization_is_missing(self, product: Installation, tmp_path: Path) -> None:
        path = tmp_path / "log.csv"
        path.write_text("case,task\nW1,Weld\n")

        columns = await asyncio.to_thread(product.run, "import", "production-log", str(path))
        nobody = await asyncio.to_thread(product.run, "import", "production-log", str(path), "--organization", "nobody")

        assert (columns.returncode, nobody.returncode) == (1, 1)
        assert "has no column “report_type”" in columns.stderr
        assert nobody.stderr.strip() == "There is no organization with this id."
