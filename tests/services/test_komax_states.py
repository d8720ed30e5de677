"""A Komax machine's timeline and the alarms in it, from small days written by hand."""

from pathlib import Path

import pytest

from domain.plant.machine_states import MachineState
from domain.production.machine_reports import (
    StateEntered,
)
from services.adapters.komax_log import KomaxLogMalformed
from tests.services.komax_files import alarm, block, read, states, user, write_day


class TestStates:
    def test_follow_a_job_through_setup_production_and_its_end(self, tmp_path: Path) -> None:
        job = block("JobStarted", "07:00:00") + block("JobTerminated", "07:20:00", TotalGoodPieces=1)
        production = (
            block("SampleStarted", "07:01:00")
            + block("SampleTerminated", "07:02:00")
            + block("ProductionStarted", "07:03:00")
            + block("ProductionInterrupted", "07:04:00")
            + block("LearnStarted", "07:05:00")
            + block("LearnTerminated", "07:06:00")
            + block("ProductionRestarted", "07:07:00")
            + block("ProductionInterrupted", "07:08:00")
            + block("ProductionRestarted", "07:20:01")
            + block("ProductionTerminated", "07:20:02")
        )

        told = states(read(write_day(tmp_path, Job=job, Producti=production)))

        assert told == [
            ("07:00:00", "setup"),
            ("07:03:00", "running"),
            ("07:04:00", "unplanned_stop"),
            ("07:05:00", "setup"),
            ("07:07:00", "running"),
            ("07:08:00", "unplanned_stop"),
            ("07:20:00", "idle"),
            ("07:20:01", "running"),
            ("07:20:02", "idle"),
        ]

    def test_keep_running_while_sub_jobs_follow_each_other(self, tmp_path: Path) -> None:
        job = (
            block("JobStarted", "07:00:00", job="A, 1")
            + block("JobTerminated", "07:05:00", job="A, 1", TotalGoodPieces=1)
            + block("JobStarted", "07:05:00", job="A, 3")
            + block("JobAborted", "07:06:00", job="A, 3", TotalGoodPieces=1)
        )
        production = block("ProductionStarted", "07:01:00") + block("ProductionTerminated", "07:10:00")

        told = states(read(write_day(tmp_path, Job=job, Producti=production)))

        assert told == [("07:00:00", "setup"), ("07:01:00", "running"), ("07:10:00", "idle")]

    def test_are_setup_after_production_while_another_job_is_open(self, tmp_path: Path) -> None:
        job = block("JobStarted", "07:00:00", job="A, 3")
        production = block("ProductionStarted", "07:01:00") + block("ProductionTerminated", "07:10:00")

        told = states(read(write_day(tmp_path, Job=job, Producti=production)))

        assert told[-1] == ("07:10:00", "setup")

    def test_hold_only_the_last_one_of_a_second(self, tmp_path: Path) -> None:
        production = (
            block("ProductionStarted", "07:00:00")
            + block("ProductionInterrupted", "07:00:05")
            + block("ProductionRestarted", "07:00:05")
            + block("ProductionInterrupted", "07:00:09")
        )

        told = states(read(write_day(tmp_path, Producti=production)))

        assert told == [("07:00:00", "running"), ("07:00:09", "unplanned_stop")]

    def test_are_unknown_while_nobody_is_logged_in(self, tmp_path: Path) -> None:
        job = block("JobStarted", "07:00:00") + block("JobPaused", "07:13:39") + block("JobRestarted", "07:14:05")
        users = (
            user("LoggedIn", "06:59:00")
            + user("LoggedOut", "07:13:39")
            + user("LoggedIn", "07:13:50", name="")
            + user("LoggedIn", "07:14:02")
        )

        told = states(read(write_day(tmp_path, Job=job, User=users)))

        assert told == [
            ("06:59:00", "idle"),
            ("07:00:00", "setup"),
            ("07:13:39", "no_data"),
            ("07:14:02", "unplanned_stop"),
            ("07:14:05", "setup"),
        ]

    def test_go_on_when_a_user_leaves_a_running_machine(self, tmp_path: Path) -> None:
        day = write_day(tmp_path, Producti=block("ProductionStarted", "07:00:00"), User=user("LoggedOut", "07:05:00"))

        assert states(read(day)) == [("07:00:00", "running")]

    def test_need_neither_jobs_nor_alarms(self, tmp_path: Path) -> None:
        day = write_day(tmp_path, Producti=block("ProductionInterrupted", "07:00:00"))

        (stop,) = read(day)

        assert isinstance(stop, StateEntered)
        assert (stop.state, stop.detail) == (MachineState.UNPLANNED_STOP, "")


class TestAlarms:
    @pytest.mark.parametrize(
        ("at", "detail"),
        [("07:00:57", "Slip"), ("07:01:00", "Slip"), ("07:01:01", "Slip"), ("07:00:56", ""), ("07:01:02", "")],
    )
    def test_explain_a_stop_that_is_near(self, tmp_path: Path, at: str, detail: str) -> None:
        production = block("ProductionStarted", "07:00:00") + block("ProductionInterrupted", "07:01:00")

        *_, stop = read(write_day(tmp_path, Producti=production, Error=alarm(at, "Slip")))

        assert isinstance(stop, StateEntered)
        assert stop.detail == detail

    def test_from_before_the_last_start_explain_nothing(self, tmp_path: Path) -> None:
        production = (
            block("ProductionStarted", "07:00:00")
            + block("ProductionInterrupted", "07:01:00")
            + block("ProductionRestarted", "07:01:01")
            + block("ProductionInterrupted", "07:01:02")
        )

        reports = read(write_day(tmp_path, Producti=production, Error=alarm("07:01:00", "Slip")))

        assert [each.detail for each in reports if isinstance(each, StateEntered)] == ["", "Slip", "", ""]

    def test_that_are_new_change_a_stop(self, tmp_path: Path) -> None:
        day = write_day(
            tmp_path,
            Producti=block("ProductionInterrupted", "07:01:00") + block("ProductionInterrupted", "07:05:00"),
            Job=block("JobPaused", "07:09:00"),
            Error=alarm("07:01:00", "Slip") + alarm("07:05:00", "No printer"),
        )

        details = [each.detail for each in read(day) if isinstance(each, StateEntered)]

        assert details == ["Slip", "No printer"]

    def test_of_several_lines_become_one(self, tmp_path: Path) -> None:
        text = "AEH-G Error:\r\nModule is not ready.\r\n\r\nPress 'Retry'. "
        production = block("ProductionInterrupted", "07:01:00")

        (stop,) = read(write_day(tmp_path, Producti=production, Error=alarm("07:01:00", text)))

        assert isinstance(stop, StateEntered)
        assert stop.detail == "AEH-G Error: Module is not ready. Press 'Retry'."

    def test_that_are_still_being_written_wait(self, tmp_path: Path) -> None:
        table = alarm("07:01:00", "Slip") + alarm("07:01:01", "Printer\r\nis not ready")[:-40]

        *_, stop = read(write_day(tmp_path, Producti=block("ProductionInterrupted", "07:01:01"), Error=table))

        assert isinstance(stop, StateEntered)
        assert stop.detail == "Slip"

    def test_that_make_no_sense_are_refused_with_their_line(self, tmp_path: Path) -> None:
        table = alarm("07:01:00", "a\r\nb") + "nonsense\r\n" + alarm("07:01:00", "c")

        with pytest.raises(KomaxLogMalformed) as refused:
            read(write_day(tmp_path, Error=table))

        assert (refused.value.fields["file"], refused.value.fields["line"]) == ("Error.ldc", 4)
