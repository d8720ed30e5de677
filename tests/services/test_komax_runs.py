"""Runs, their pieces and their keys, from small days of a Komax machine written by hand."""

from decimal import Decimal
from pathlib import Path

from domain.production.machine_reports import RunEnded, RunPaused, RunResumed, RunStarted, StateEntered
from tests.services.komax_files import ORDER, block, ends, read, states, user, write_day


class TestRuns:
    def test_follow_one_job_from_start_to_end(self, tmp_path: Path) -> None:
        job = (
            block("JobStarted", "07:00:00", JobRequestedPieces=85)
            + block("JobPaused", "07:10:00", JobRequestedPieces=85, UserRequestedPieces=0, TotalGoodPieces=40)
            + block("JobRestarted", "07:20:00", JobRequestedPieces=85, UserRequestedPieces=0, TotalGoodPieces=40)
            + block("JobTerminated", "07:30:00", JobRequestedPieces=85, UserRequestedPieces=2, TotalGoodPieces=87)
        )

        reports = [each for each in read(write_day(tmp_path, Job=job)) if not isinstance(each, StateEntered)]

        run_key = f"{ORDER}/1/W-1@2025-02-03T06:00:00Z"
        started, paused, resumed, ended = reports
        assert isinstance(started, RunStarted)
        assert (started.order_number, started.part_number, started.target) == (ORDER, "W-1", Decimal(85))
        assert paused == RunPaused(
            key=f"komax/JobPaused/{ORDER}/1/W-1@2025-02-03T06:10:00Z", at=paused.at, run_key=run_key
        )
        assert isinstance(resumed, RunResumed)
        assert isinstance(ended, RunEnded)
        assert {started.run_key, resumed.run_key, ended.run_key} == {run_key}
        assert (ended.outcome, ended.good, ended.target) == ("completed", Decimal(87), Decimal(87))

    def test_book_the_pieces_of_aborted_jobs_with_the_machines_reason(self, tmp_path: Path) -> None:
        job = block("JobStarted", "07:00:00") + block("JobAborted", "07:30:00", TotalGoodPieces=7, Reason=4)

        (ended,) = ends(read(write_day(tmp_path, Job=job)))

        assert (ended.outcome, ended.good, ended.note, ended.target) == ("aborted", Decimal(7), "Reason 4", None)

    def test_that_overlap_are_told_apart_by_their_sub_number(self, tmp_path: Path) -> None:
        job = (
            block("JobStarted", "07:00:00", job="A, 3")
            + block("JobStarted", "07:00:02", job="A, 4")
            + block("JobAborted", "07:00:02", job="A, 4", TotalGoodPieces=0)
            + block("JobAborted", "07:00:04", job="A, 3", TotalGoodPieces=15)
        )

        ended = ends(read(write_day(tmp_path, Job=job)))

        assert [(end.run_key, end.order_number, end.good) for end in ended] == [
            ("A/4/W-1@2025-02-03T06:00:02Z", "A", Decimal(0)),
            ("A/3/W-1@2025-02-03T06:00:00Z", "A", Decimal(15)),
        ]

    def test_end_with_nothing_when_the_same_job_starts_again(self, tmp_path: Path) -> None:
        job = (
            block("JobStarted", "07:00:00")
            + block("JobInterrupted", "07:00:03", TotalGoodPieces=5)
            + block("JobStarted", "07:03:00")
            + block("JobTerminated", "07:09:00", TotalGoodPieces=9)
        )

        first, second = ends(read(write_day(tmp_path, Job=job)))

        assert (first.run_key, first.outcome, first.good) == (
            f"{ORDER}/1/W-1@2025-02-03T06:00:00Z",
            "aborted",
            Decimal(0),
        )
        assert (second.run_key, second.outcome, second.good) == (
            f"{ORDER}/1/W-1@2025-02-03T06:03:00Z",
            "completed",
            Decimal(9),
        )

    def test_of_local_jobs_are_tests(self, tmp_path: Path) -> None:
        job = block("JobStarted", "07:00:00", job="LOCAL(1), 1") + block("JobStarted", "07:01:00")

        tests = [each.is_test for each in read(write_day(tmp_path, Job=job)) if isinstance(each, RunStarted)]

        assert tests == [True, False]

    def test_find_their_article_however_it_was_typed(self, tmp_path: Path) -> None:
        job = block("JobStarted", "07:00:00", article="364E34-Rev02") + block(
            "JobTerminated", "07:01:00", article="364e34-rEV02", TotalGoodPieces=1
        )

        (ended,) = ends(read(write_day(tmp_path, Job=job)))

        assert ended.run_key == f"{ORDER}/1/364E34-Rev02@2025-02-03T06:00:00Z"

    def test_keep_commas_in_the_number_of_a_job(self, tmp_path: Path) -> None:
        job = block("JobStarted", "07:00:00", job="A,17, 2") + block("JobStarted", "07:01:00", job="B,x")

        orders = [each for each in read(write_day(tmp_path, Job=job)) if isinstance(each, RunStarted)]

        assert [each.order_number for each in orders] == ["A,17", "B,x"]
        assert [each.run_key.partition("@")[0] for each in orders] == ["A,17/2/W-1", "B,x//W-1"]


class TestOtherDays:
    def test_name_a_run_that_began_the_day_before_by_its_job(self, tmp_path: Path) -> None:
        job = block("JobRestarted", "06:00:00") + block("JobTerminated", "06:30:00", TotalGoodPieces=50)

        resumed, ended = (each for each in read(write_day(tmp_path, Job=job)) if not isinstance(each, StateEntered))

        assert isinstance(resumed, RunResumed)
        assert isinstance(ended, RunEnded)
        assert resumed.run_key == ended.run_key == f"open:{ORDER}/1/W-1"
        assert (ended.order_number, ended.part_number, ended.good) == (ORDER, "W-1", Decimal(50))

    def test_book_a_pause_across_midnight_once(self, tmp_path: Path) -> None:
        started = block("JobStarted", "22:00:00") + block("JobPaused", "23:59:59", TotalGoodPieces=37)
        ended = block("JobRestarted", "04/02/2025,00:00:05") + block(
            "JobTerminated", "04/02/2025,00:10:00", TotalGoodPieces=60
        )

        evening = read(write_day(tmp_path / "evening", Job=started))
        morning = read(write_day(tmp_path / "morning", Job=ended))

        assert ends(evening) == []
        assert [end.good for end in ends(morning)] == [60]

    def test_start_idle_when_somebody_logs_in(self, tmp_path: Path) -> None:
        day = write_day(tmp_path, User=user("LoggedIn", "06:40:54"), Job=block("JobStarted", "07:00:19"))

        assert states(read(day)) == [("06:40:54", "idle"), ("07:00:19", "setup")]

    def test_can_have_no_jobs_at_all(self, tmp_path: Path) -> None:
        day = write_day(tmp_path, User=user("LoggedIn", "06:40:54"))

        assert states(read(day)) == [("06:40:54", "idle")]


class TestKeys:
    def test_stay_when_the_file_grows(self, tmp_path: Path) -> None:
        early = block("JobStarted", "07:00:00") + block("JobPaused", "07:10:00")
        late = block("JobRestarted", "07:20:00") + block("JobTerminated", "07:30:00", TotalGoodPieces=5)

        before = read(write_day(tmp_path, Job=early))
        after = read(write_day(tmp_path, Job=early + late))

        assert after[: len(before)] == before
        assert len(after) > len(before)

    def test_are_the_same_in_exports_that_overlap(self, tmp_path: Path) -> None:
        first, second, third = (
            block("JobStarted", "07:00:00"),
            block("JobTerminated", "07:10:00", TotalGoodPieces=5),
            block("JobStarted", "07:20:00"),
        )

        one = {each.key for each in read(write_day(tmp_path / "one", Job=first + second))}
        two = {each.key for each in read(write_day(tmp_path / "two", Job=second + third))}

        assert [key for key in one & two if "JobTerminated" in key]

    def test_are_one_for_a_block_that_was_written_twice(self, tmp_path: Path) -> None:
        start, end = block("JobStarted", "07:00:00"), block("JobTerminated", "07:10:00", TotalGoodPieces=5)

        reports = read(write_day(tmp_path, Job=start + start + end + end))

        assert reports == read(write_day(tmp_path, Job=start + end))
        assert [each.good for each in ends(reports)] == [5]

    def test_differ_for_runs_of_the_same_second(self, tmp_path: Path) -> None:
        start, end = block("JobStarted", "07:00:00"), block("JobAborted", "07:00:00", TotalGoodPieces=0)

        reports = read(write_day(tmp_path, Job=(start + end) * 2))

        runs = [each.run_key for each in reports if isinstance(each, RunStarted)]
        assert len({each.key for each in reports}) == len(reports)
        assert len(set(runs)) == 2
        assert [each.run_key for each in ends(reports)] == runs
