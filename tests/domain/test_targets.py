"""What a shift should have made."""

from decimal import Decimal

from domain.production.targets import PlannedHour, Target, hour_targets, pace, targets_together

HOUR_S, HALF_S = Decimal(3600), Decimal(1800)


def made(
    pieces: int, cycle_s: int | None = 60, *, planned_s: Decimal = HOUR_S, gone_s: Decimal = HOUR_S
) -> PlannedHour:
    planned_run_s = None if cycle_s is None else Decimal(pieces * cycle_s)
    return PlannedHour(planned_s, gone_s, Decimal(pieces), Decimal(pieces), planned_run_s)


class TestHourTargets:
    def test_divide_planned_time_by_the_planned_cycle_time_of_what_was_made(self) -> None:
        assert hour_targets([made(50), made(20, 120)]) == (
            Target(Decimal(60), Decimal(60)),
            Target(Decimal(30), Decimal(30)),
        )

    def test_count_only_what_is_over_of_the_running_hour(self) -> None:
        (target,) = hour_targets([made(10, gone_s=HALF_S)])

        assert target == Target(Decimal(60), Decimal(30))

    def test_leave_breaks_out(self) -> None:
        (target,) = hour_targets([made(10, planned_s=HALF_S, gone_s=HALF_S)])

        assert target.whole == 30

    def test_of_an_hour_without_pieces_take_the_cycle_time_of_the_pieces_before_else_after(self) -> None:
        assert [target.whole for target in hour_targets([made(0), made(5), made(0), made(5, 120), made(0)])] == [
            60, 60, 60, 30, 30,
        ]  # fmt: skip

    def test_are_never_invented(self) -> None:
        assert hour_targets([made(0)]) == (Target(None, None),)
        assert hour_targets([made(7, None)]) == (Target(None, None, is_missing=True),)
        assert [target.whole for target in hour_targets([made(5), made(7, None), made(0)])] == [60, None, None]


class TestTargetsTogether:
    def test_add_up_and_pass_over_machines_that_have_made_nothing(self) -> None:
        together = targets_together(
            [Target(Decimal(60), Decimal(30)), Target(Decimal(30), Decimal(15)), Target(None, None)]
        )

        assert together == Target(Decimal(90), Decimal(45))

    def test_are_unknown_where_pieces_have_no_planned_cycle_time(self) -> None:
        assert targets_together([Target(Decimal(60), Decimal(30)), Target(None, None, is_missing=True)]).whole is None

    def test_of_nothing_are_unknown(self) -> None:
        assert targets_together([]).whole is None


class TestPace:
    def test_is_good_pieces_ahead_of_the_target_so_far(self) -> None:
        assert pace(Decimal(42), Target(Decimal(100), Decimal(50))) == -8
        assert pace(Decimal(60), Target(Decimal(100), Decimal(50))) == 10
        assert pace(Decimal(60), Target(None, None)) is None
