"""What an operator does at a terminal, click by click."""

from datetime import timedelta
from uuid import UUID

import pytest
from nicegui import ui
from nicegui.element import Element
from nicegui.testing import User
from structlog.testing import capture_logs

from domain.andon.calls import CallCategory
from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from services.andon.open_calls import WaitingCall, load_waiting_calls
from services.andon.shelves import shelve_call
from services.db.tables import Lane
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


async def waiting_at(floor: Floor) -> tuple[WaitingCall, ...]:
    async with read(floor.scope) as work:
        return await load_waiting_calls(work, machine_id=floor.machine_id)


async def called(floor: Floor, make: Make, *, category: CallCategory = CallCategory.QUALITY) -> UUID:
    async with begin(floor.scope) as work:
        return (await make.call(work, machine_id=floor.machine_id, category=category)).id


def is_among_the_waiting(user: User, card: Element) -> bool:
    (waiting,) = user.find(marker="calls").elements
    return card in list(waiting.descendants())


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
        await terminal.should_see("Raised by The operator", retries=60)
        (call,) = await waiting_at(floor)
        assert (call.category, call.severity, call.raised_by) == ("material", "major", "The operator")

    async def test_cannot_be_answered_by_the_operator(self, floor: Floor, operator: User, make: Make) -> None:
        await called(floor, make)

        await operator.open(f"/terminal/{floor.machine_code}")

        await operator.should_see(marker="call")
        await operator.should_see("Quality")
        await operator.should_see("Waiting")
        for button in ("acknowledge", "resolve", "shelve"):
            await operator.should_not_see(marker=button)

    async def test_are_acknowledged_and_resolved_by_the_supervisor(
        self, floor: Floor, supervisor: User, make: Make
    ) -> None:
        await called(floor, make, category=CallCategory.SAFETY)
        await supervisor.open(f"/terminal/{floor.machine_code}")

        supervisor.find(marker="acknowledge").click()
        await sees(supervisor, "The supervisor is coming")
        await supervisor.should_not_see(marker="acknowledge")
        supervisor.find(marker="resolve").click()
        await sees(supervisor, "What was it?")
        supervisor.find(marker="save").click()

        await supervisor.should_not_see(marker="call", retries=60)
        assert await waiting_at(floor) == ()

    async def test_lie_folded_on_the_shelf(self, floor: Floor, supervisor: User, make: Make) -> None:
        call_id = await called(floor, make)
        await called(floor, make, category=CallCategory.MATERIAL)
        await supervisor.open(f"/terminal/{floor.machine_code}")
        await supervisor.should_not_see("On the shelf")

        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            await shelve_call(work, call_id=call_id, until=work.now + timedelta(hours=1), reason="no spare part")

        await sees(supervisor, "On the shelf: 1")
        (shown,) = [card for card in supervisor.find(marker="call").elements if is_among_the_waiting(supervisor, card)]
        assert shown.props["data-call-state"] == "raised"

    async def test_of_other_machines_are_not_shown(self, floor: Floor, operator: User, make: Make) -> None:
        async with begin(floor.scope) as work:
            second = await make.machine(work, lane=await work.session.get_one(Lane, floor.lane_id))
            await make.call(work, machine_id=second.id)

        await operator.open(f"/terminal/{floor.machine_code}")

        await operator.should_see("Call for help")
        await operator.should_not_see(marker="call")


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
