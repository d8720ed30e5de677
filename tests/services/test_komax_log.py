"""How a Komax machine's files are written, whole and broken."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.production.machine_reports import (
    RunStarted,
)
from services.adapters.komax import KomaxLog, KomaxMachineUnnamed
from services.adapters.komax_log import KomaxLogMalformed, KomaxLogMissing
from tests.services.komax_files import BERLIN, ORDER, block, read, user, write_day


class TestTime:
    def test_does_not_go_back_when_the_clock_does(self, tmp_path: Path) -> None:
        stamps = ["02:50:00", "02:59:59", "02:00:00", "02:30:00", "03:00:00"]
        job = "".join(block("JobStarted", f"26/10/2025,{stamp}", job=f"A, {n}") for n, stamp in enumerate(stamps))

        starts = [each.at for each in read(write_day(tmp_path, Job=job)) if isinstance(each, RunStarted)]

        assert [f"{at:%H:%M:%S}" for at in starts] == ["00:50:00", "00:59:59", "01:00:00", "01:30:00", "02:00:00"]

    def test_jumps_an_hour_in_spring(self, tmp_path: Path) -> None:
        stamps = ["30/03/2025,01:59:59", "30/03/2025,03:00:00"]
        job = "".join(block("JobStarted", stamp, job=f"A, {n}") for n, stamp in enumerate(stamps))

        before, after = (each.at for each in read(write_day(tmp_path, Job=job)) if isinstance(each, RunStarted))

        assert after - before == timedelta(seconds=1)

    def test_is_the_plants(self, tmp_path: Path) -> None:
        day = write_day(tmp_path, Job=block("JobStarted", "07:00:00"))

        start, _ = read(day, ZoneInfo("America/Monterrey"))

        assert start.at == datetime(2025, 2, 3, 13, tzinfo=UTC)


class TestWriting:
    def test_may_stop_within_the_last_block(self, tmp_path: Path) -> None:
        start, end = block("JobStarted", "07:00:00"), block("JobTerminated", "07:10:00", TotalGoodPieces=50)
        whole = read(write_day(tmp_path, Job=start))

        for written in range(1, len(end) - 1):
            assert read(write_day(tmp_path, Job=start + end[:written])) == whole

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
    @pytest.mark.parametrize("line_end", ["\r\n", "\n"])
    def test_comes_with_any_mark_line_end_and_umlaut(self, tmp_path: Path, encoding: str, line_end: str) -> None:
        job = block("JobStarted", "07:00:00", job="Größe, 1").replace("\r\n", line_end)

        start, _ = read(write_day(tmp_path, Job=job.encode(encoding)))

        assert isinstance(start, RunStarted)
        assert start.order_number == "Größe"

    def test_keeps_its_umlauts_when_an_odd_byte_follows(self, tmp_path: Path) -> None:
        job = block("JobStarted", "07:00:00", job="Größe, 1").encode()
        odd = block("JobStarted", "07:01:00", job="Grün, 1").encode("latin-1")

        orders = [each for each in read(write_day(tmp_path, Job=job + odd)) if isinstance(each, RunStarted)]

        assert [each.order_number for each in orders] == ["Größe", "Grün"]

    def test_may_hold_sections_and_lines_that_mean_nothing_here(self, tmp_path: Path) -> None:
        job = "\r\n\r\n[Counter]\r\nno value\r\n\r\n[Unheard]\r\nA=B\r\n\r\n\r\n" + block("JobStarted", "07:00:00")

        start, _ = read(write_day(tmp_path, Job=job))

        assert isinstance(start, RunStarted)

    @pytest.mark.parametrize(
        ("broken", "field", "line"),
        [
            (block("JobStarted", "07:00:00").replace("DateTimeStamp", "Stamp"), "DateTimeStamp", 6),
            (block("JobStarted", "99/99/2025,07:00:00"), "DateTimeStamp", 6),
            (block("JobStarted", "07:00:00", job=""), "Job", 6),
            (block("JobStarted", "07:00:00", article=""), "ArticleKey", 6),
            (block("JobStarted", "07:00:00", JobRequestedPieces="many"), "JobRequestedPieces", 6),
            (block("JobTerminated", "07:00:00"), "TotalGoodPieces", 6),
            (block("JobTerminated", "07:00:00", TotalGoodPieces=-1), "TotalGoodPieces", 6),
            (block("JobStarted", "07:00:00").replace("Job=", "Job "), f"Job {ORDER}, 1", 8),
        ],
    )
    def test_that_makes_no_sense_is_refused_with_its_line(
        self, tmp_path: Path, broken: str, field: str, line: int
    ) -> None:
        job = block("JobStarted", "06:00:00") + broken + block("JobStarted", "08:00:00")

        with pytest.raises(KomaxLogMalformed) as refused:
            read(write_day(tmp_path, Job=job))

        assert refused.value.fields == {"file": "Job.sdc", "line": line, "field": field}

    def test_without_a_section_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(KomaxLogMalformed):
            read(write_day(tmp_path, Job="Job=A, 1\r\n" + block("JobStarted", "07:00:00")))

    def test_nowhere_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(KomaxLogMissing):
            read(tmp_path)
        with pytest.raises(KomaxLogMissing):
            read(tmp_path / "nowhere")

    def test_is_found_whatever_the_case_of_its_name(self, tmp_path: Path) -> None:
        (tmp_path / "JOB.SDC").write_text(block("JobStarted", "07:00:00"))

        assert len(read(tmp_path)) == 2


class TestMachineName:
    async def test_is_asked_for_when_the_files_name_none(self, tmp_path: Path) -> None:
        day = write_day(tmp_path, Job=block("JobStarted", "07:00:00"))

        with pytest.raises(KomaxMachineUnnamed):
            [reported async for reported in KomaxLog(day, BERLIN).reports()]
        told = {reported.machine_code async for reported in KomaxLog(day, BERLIN, "K-1").reports()}

        assert told == {"K-1"}

    async def test_of_the_files_comes_first(self, tmp_path: Path) -> None:
        day = write_day(tmp_path, User=user("LoggedIn", "07:00:00"))

        told = {reported.machine_code async for reported in KomaxLog(day, BERLIN, "K-1").reports()}

        assert told == {"A565-0026"}
