"""What an operator does at a terminal, click by click."""

import pytest
from nicegui import ui
from nicegui.testing import User
from structlog.testing import capture_logs

from domain.andon.calls import CallCategory
from domain.plant.machine_states import MachineState
from services.db.work import begin, read
from services.plant.machine_states import change_machine_state
from services.production.terminals import TerminalView, load_terminal
from tests.factories import Floor, Make
from tests.ui.conftest import sees, until
from ui.components.machine_state_badge import MachineStateBadge
from ui.pages import terminal_calls


def state_shown(user: User) -> str:
    (badge,) = user.find(kind=MachineStateBadge).elements
    return str(badge.props["data-state"])


async def now_at(floor: Floor) -> TerminalView:
    async with read(floor.scope) as work:
        return await load_terminal(work, machine_id=floor.machine_id)


async def change_state(floor: Floor, state: MachineState) -> None:
    """Change the machine's state as somebody else does, in a transaction of their own."""
    async with begin(floor.scope) as work:
        await change_machine_state(work, machine_id=floor.machine_id, state=state)


@pytest.fixture
async def terminal(floor: Floor, operator: User) -> User:
    """The operator in front of the floor's machine."""
    await operator.open(f"/terminal/{floor.machine_code}")
    return operator


class TestMachineState:
    async def test_changes_with_one_tap(self, terminal: User, floor: Floor) -> None:
        terminal.find(marker="state-setup").click()

        await sees(terminal, "Saved")
        assert (await now_at(floor)).state is MachineState.SETUP

    async def test_asks_why_the_machine_stands_still(self, terminal: User, floor: Floor) -> None:
        terminal.find(marker="state-unplanned_stop").click()
        await sees(terminal, "Why does the machine stand still?")

        terminal.find(marker="stop-reason").click()

        await sees(terminal, "Saved")
        now = await now_at(floor)
        assert (now.state, now.reason) == (MachineState.UNPLANNED_STOP, "Reason")

    async def test_takes_a_stop_whose_reason_is_not_known_yet(self, terminal: User, floor: Floor) -> None:
        terminal.find(marker="state-unplanned_stop").click()
        await sees(terminal, "Why does the machine stand still?")

        terminal.find(marker="reason-unknown").click()

        await sees(terminal, "Saved")
        now = await now_at(floor)
        assert (now.state, now.reason) == (MachineState.UNPLANNED_STOP, None)

    async def test_stays_when_the_question_is_cancelled(self, terminal: User, floor: Floor) -> None:
        terminal.find(marker="state-unplanned_stop").click()
        await sees(terminal, "Why does the machine stand still?")

        terminal.find("Cancel").click()

        await terminal.should_not_see("Why does the machine stand still?")
        assert (await now_at(floor)).state is MachineState.NO_DATA

    async def test_does_not_change_from_a_state_that_the_person_did_not_see(self, terminal: User, floor: Floor) -> None:
        await change_state(floor, MachineState.RUNNING)
        await until(lambda: state_shown(terminal) == "running")
        terminal.find(marker="state-unplanned_stop").click()
        await sees(terminal, "Why does the machine stand still?")
        await change_state(floor, MachineState.MAINTENANCE)
        await until(lambda: state_shown(terminal) == "maintenance")

        terminal.find(marker="stop-reason").click()

        await sees(terminal, "The machine has changed its state in the meantime. Look again, then decide.")
        assert (await now_at(floor)).state is MachineState.MAINTENANCE


class TestCalls:
    async def test_are_raised_with_two_taps(self, terminal: User, floor: Floor) -> None:
        terminal.find(marker="andon").click()
        await sees(terminal, "What kind of help?")

        terminal.find(kind=ui.button, content="Material").click()

        await sees(terminal, "Help was called")
        await sees(terminal, "Material · Waiting")
        (call,) = (await now_at(floor)).calls
        assert (call.category, call.severity) == ("material", "major")

    async def test_cannot_be_answered_by_the_operator(self, floor: Floor, operator: User, make: Make) -> None:
        async with begin(floor.scope) as work:
            await make.call(work, machine_id=floor.machine_id)

        await operator.open(f"/terminal/{floor.machine_code}")

        await operator.should_see("Quality · Waiting")
        await operator.should_not_see("Acknowledge")
        await operator.should_not_see("Resolve")

    async def test_are_acknowledged_and_resolved_by_the_supervisor(
        self, floor: Floor, supervisor: User, make: Make
    ) -> None:
        async with begin(floor.scope) as work:
            await make.call(work, machine_id=floor.machine_id, category=CallCategory.SAFETY)
        await supervisor.open(f"/terminal/{floor.machine_code}")

        supervisor.find("Acknowledge").click()
        await sees(supervisor, "Safety · Someone is coming")
        await supervisor.should_not_see("Acknowledge")
        supervisor.find("Resolve").click()

        await supervisor.should_not_see("Safety · Someone is coming", retries=60)
        assert (await now_at(floor)).calls == ()


class TestFault:
    async def test_shows_a_number_that_the_log_knows_once(
        self, terminal: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(terminal_calls, "raise_call", broken)

        with capture_logs() as log:
            terminal.find(marker="andon").click()
            await sees(terminal, "What kind of help?")
            terminal.find(kind=ui.button, content="Material").click()
            await sees(terminal, "Ask for help with the number")

        (failure,) = [line for line in log if line["log_level"] == "error"]
        await terminal.should_see(f"Ask for help with the number {failure['request_id'][-12:]}.")


async def broken(*_: object, **__: object) -> None:
    raise RuntimeError("a fault of ours")
