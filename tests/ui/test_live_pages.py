"""Pages that change by themselves when somebody else changes something."""

from datetime import timedelta
from decimal import Decimal

import orjson
import pytest
from nicegui.testing import User
from structlog.testing import capture_logs

from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from services.db.engine import Database
from services.db.keys import new_id
from services.db.tables import Machine
from services.db.work import begin
from services.plant.machine_states import change_machine_state
from services.production.production_logs import Pieces, report_production
from tests.factories import Floor, Make
from tests.ui.conftest import SignIn, database_away, sees, until
from ui.components.andon_wall import AndonWall
from ui.components.machine_state_badge import MachineStateBadge
from ui.components.plant_board import PlantBoard
from ui.kit import live_boards
from ui.kit.process import Process
from ui.pages import terminal_desk


async def report(floor: Floor, good: int) -> None:
    """Book pieces as another terminal does, in a transaction of its own."""
    async with begin(floor.scope) as work:
        pieces = Pieces(good=Decimal(good))
        await report_production(work, machine_id=floor.machine_id, pieces=pieces, client_key=new_id())


async def run_machine(floor: Floor) -> None:
    async with begin(floor.scope) as work:
        await change_machine_state(work, machine_id=floor.machine_id, state=MachineState.RUNNING)


def badges(user: User) -> list[str]:
    return [str(badge.props["data-state"]) for badge in user.find(kind=MachineStateBadge).elements]


class TestTerminal:
    async def test_shows_what_another_terminal_booked(self, operator: User, floor: Floor) -> None:
        await operator.open(f"/terminal/{floor.machine_code}")
        await operator.should_see("Nothing was booked in the last 24 hours.")

        await report(floor, good=7)

        await sees(operator, "7 good")
        await operator.should_not_see("Nothing was booked in the last 24 hours.")

    async def test_shows_a_call_as_long_as_it_waits(self, operator: User, floor: Floor, make: Make) -> None:
        await operator.open(f"/terminal/{floor.machine_code}")

        async with begin(floor.scope) as work:
            await make.call(work, machine_id=floor.machine_id)

        await sees(operator, "Quality")

    async def test_stays_alone_with_its_own_organization(
        self, operator: User, floor: Floor, other: Floor, process: Process
    ) -> None:
        await operator.open(f"/terminal/{floor.machine_code}")

        await report(other, good=7)
        await report(floor, good=9)

        await sees(operator, "9 good")
        await operator.should_not_see("7 good")

    async def test_catches_up_when_the_database_is_back(
        self, operator: User, floor: Floor, database: Database, process: Process
    ) -> None:
        await operator.open(f"/terminal/{floor.machine_code}")
        await report(floor, good=3)
        await sees(operator, "3 good")

        async with database_away(database) as tried:
            process.hub.resync()
            await tried.wait()
        process.hub.resync()  # what the pump does when it is back
        await report(floor, good=5)

        await sees(operator, "5 good")

    async def test_survives_a_fault_while_it_loads_again(
        self, operator: User, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await operator.open(f"/terminal/{floor.machine_code}")
        with capture_logs() as log, monkeypatch.context() as broken:
            broken.setattr(terminal_desk, "load_terminal", fail)
            await report(floor, good=3)
            await until(lambda: any(line["log_level"] == "error" for line in log))

        await report(floor, good=5)

        await sees(operator, "5 good")


class TestListOfTerminals:
    async def test_follows_the_machines_states(self, operator: User, floor: Floor) -> None:
        await operator.open("/terminal")
        assert badges(operator) == ["no_data"]

        await run_machine(floor)

        await until(lambda: badges(operator) == ["running"])

    async def test_takes_in_a_new_machine(self, operator: User, floor: Floor, make: Make) -> None:
        await operator.open("/terminal")

        async with begin(floor.scope) as work:
            machine = await make.machine(work)

        await sees(operator, machine.code)
        await operator.should_see(floor.machine_code)


class TestBoards:
    async def test_are_drawn_from_what_is_true_now(self, supervisor: User, floor: Floor) -> None:
        await run_machine(floor)
        await report(floor, good=4)

        await supervisor.open(f"/wall/andon/{floor.lane_id}")

        (wall,) = supervisor.find(kind=AndonWall).elements
        machine = orjson.loads(orjson.dumps(wall.props["snapshot"]))["machines"][str(floor.machine_id)]
        assert (machine["state"], machine["good_today"]) == ("running", "4")

    async def test_show_no_clock_for_a_machine_that_never_reported(self, supervisor: User, floor: Floor) -> None:
        await supervisor.open("/plant")

        (board,) = supervisor.find(kind=PlantBoard).elements
        lane = orjson.loads(orjson.dumps(board.props["snapshot"]))["lanes"][str(floor.lane_id)]
        machine = lane["machines"][str(floor.machine_id)]
        assert machine["state"] == "no_data"
        assert "since" not in machine

    async def test_load_what_stands_aside_after_its_own_events(
        self, supervisor: User, floor: Floor, make: Make, process: Process, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(live_boards, "ASIDE_PAUSE_S", 0.01)
        await supervisor.open("/plant")
        (feed,) = [feed for key, feed in process.boards._feeds.items() if key.subject == floor.plant_id]
        assert feed.snapshot["risk_count"] == 0

        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            order = await make.order(work, machine=machine, due_at=work.now - timedelta(hours=1))

        await until(lambda: feed.snapshot["risk_count"] == 1)
        assert list(feed.snapshot["risks"]) == [str(order.id)]  # type: ignore[arg-type]

    @pytest.mark.parametrize(("role", "may"), [(Role.VIEWER, False), (Role.OPERATOR, True)])
    async def test_lead_to_terminals_only_those_who_work_there(
        self, floor: Floor, sign_in: SignIn, role: Role, may: bool
    ) -> None:
        user = await sign_in(floor, role)

        await user.open("/plant")

        (board,) = user.find(kind=PlantBoard).elements
        assert board.props["has-terminals"] is may


class TestFault:
    async def test_fills_the_page_with_a_number_that_the_log_knows_once(
        self, operator: User, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(terminal_desk, "load_terminal", fail)

        with capture_logs() as log:
            answer = await operator.http_client.get(f"/terminal/{floor.machine_code}")

        number = answer.headers["x-request-id"][-12:]
        assert answer.status_code == 500
        assert f"Ask for help with the number {number}." in answer.text
        assert "RuntimeError" not in answer.text
        assert [line["event"] for line in log if line["log_level"] == "error"] == ["a page failed"]

    async def test_says_that_the_database_is_away(self, operator: User, floor: Floor, database: Database) -> None:
        await operator.open("/wall")

        async with database_away(database):
            await operator.open(f"/terminal/{floor.machine_code}")

        await operator.should_see("The system cannot be reached right now.")
        await operator.should_see("Try again")


async def fail(*_: object, **__: object) -> None:
    raise RuntimeError("a fault of ours")
