"""What happens at a terminal that several people share, and what is to be done there, click by click."""

from decimal import Decimal

import pytest
from nicegui.testing import User
from sqlalchemy import select

from domain.events import UserChanged
from domain.identity.badges import BadgeKind
from domain.identity.roles import Role
from domain.plant.counters import CountingSource
from services.andon.open_calls import load_waiting_calls
from services.db.keys import new_id
from services.db.tables import Lane, Machine, MachineStateChange, Operation, Plant, ProductionLogEntry, WorkOrder
from services.db.tables import User as UserRow
from services.db.work import begin, read
from services.identity.badges import set_badge
from services.plant.machines import edit_machine
from services.production.operations import start_operation
from services.production.production_logs import Pieces, report_counter, report_production
from services.production.terminals import RecentReport, load_terminal
from tests.factories import Floor, Make
from tests.ui.conftest import SignIn, sees, until
from ui.components.kiosk_person import KioskPerson
from ui.components.offline_reports import OfflineReports
from ui.components.pin_pad import PinPad
from ui.components.scanner import Scanner
from ui.kit.process import Process

PIN, BADGE = "2580", "UM-10042"
ASKED = "Scan your badge or enter your PIN"


@pytest.fixture
async def kiosk(floor: Floor, process: Process, sign_in: SignIn) -> User:
    """A tablet before the floor's machine, where the operator has a PIN and a badge."""
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        for kind, value in ((BadgeKind.PIN, PIN), (BadgeKind.BADGE, BADGE)):
            user_id = floor.user_ids[Role.OPERATOR]
            await set_badge(work, key=process.badge_key, user_id=user_id, kind=kind, value=value)
    tablet = await sign_in(floor, Role.TERMINAL)
    await tablet.open(f"/terminal/{floor.machine_code}")
    return tablet


@pytest.fixture
async def operation(floor: Floor, make: Make) -> Operation:
    """An operation that is ready at the floor's machine."""
    async with begin(floor.scope) as work:
        order = await make.order(work, machine=await work.session.get_one(Machine, floor.machine_id), quantity=100)
        (ready,) = await make.operations(work, order)
        return ready


def types(user: User, pin: str) -> None:
    user.find(kind=PinPad).trigger("pin", {"value": pin})


def scans(user: User, value: str) -> None:
    user.find(kind=Scanner).trigger("scan", {"value": value})


def person_shown(user: User) -> str:
    (person,) = user.find(kind=KioskPerson).elements
    return str(person.props["name"])


def offered(user: User) -> list[str]:
    """Return the operations to which pieces can be reported."""
    (reports,) = user.find(kind=OfflineReports).elements
    return [operation["id"] for operation in reports.props["operations"]]


def machine_shown(user: User) -> str:
    (reports,) = user.find(kind=OfflineReports).elements
    return str(reports.props["machine"]["id"])


def reports_shown(user: User) -> tuple[str, str | None]:
    """Return how pieces are reported, and where the counter stood."""
    shown = list(user.find(kind=OfflineReports).elements) if user.find(kind=OfflineReports) else []
    return (str(shown[0].props["mode"]), shown[0].props["reading"]) if shown else ("", None)


async def counts(floor: Floor, source: CountingSource) -> None:
    """Let the machine's pieces be counted otherwise, as an admin does."""
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        await edit_machine(work, machine_id=floor.machine_id, version=1, counting_source=source.value)


async def recent(floor: Floor, role: Role = Role.OPERATOR) -> tuple[RecentReport, ...]:
    async with read(floor.acting_as(role)) as work:
        return (await load_terminal(work, machine_id=floor.machine_id)).recent


async def booked(floor: Floor) -> None:
    async with begin(floor.acting_as(Role.OPERATOR)) as work:
        await report_production(work, machine_id=floor.machine_id, pieces=Pieces(good=Decimal(8)), client_key=new_id())


class TestIdentify:
    async def test_is_asked_before_anything_can_be_done(self, kiosk: User) -> None:
        await sees(kiosk, ASKED)
        await kiosk.should_not_see("Call for help")
        await kiosk.should_not_see(kind=OfflineReports)

    async def test_opens_the_terminal_in_the_persons_name(self, kiosk: User, floor: Floor) -> None:
        types(kiosk, PIN)

        await sees(kiosk, "Call for help")
        assert person_shown(kiosk) == "The operator reports"
        (reports,) = kiosk.find(kind=OfflineReports).elements
        assert reports.props["who"]["name"] == "The operator"
        assert reports.props["account"] == str(floor.user_ids[Role.TERMINAL])
        assert reports.props["device"] == "The terminal"

    async def test_takes_a_badge_as_well(self, kiosk: User) -> None:
        scans(kiosk, BADGE)

        await sees(kiosk, "Call for help")

    async def test_says_the_same_of_a_wrong_pin_and_of_none(self, kiosk: User) -> None:
        types(kiosk, "9999")

        await sees(kiosk, "This badge or PIN is not known here.")
        await sees(kiosk, ASKED)

    async def test_acts_in_the_persons_name(self, kiosk: User, floor: Floor) -> None:
        types(kiosk, PIN)
        await sees(kiosk, "Call for help")

        kiosk.find(marker="state-setup").click()
        await sees(kiosk, "Saved")

        async with read(floor.scope) as work:
            changers = (await work.session.execute(select(MachineStateChange.user_id))).scalars().all()
        assert changers == [floor.user_ids[Role.OPERATOR]]

    async def test_ends_when_the_person_leaves(self, kiosk: User) -> None:
        types(kiosk, PIN)
        await sees(kiosk, "Call for help")

        kiosk.find(kind=KioskPerson).trigger("leave", {})

        await sees(kiosk, ASKED)
        await kiosk.should_not_see("Call for help")

    async def test_ends_by_itself_after_the_plants_time(self, floor: Floor, kiosk: User, operator: User) -> None:
        async with begin(floor.scope) as work:
            (await work.session.get_one(Plant, floor.plant_id)).idle_sign_out_s = 45
        await kiosk.open(f"/terminal/{floor.machine_code}")
        types(kiosk, PIN)
        await sees(kiosk, "Call for help")
        await operator.open(f"/terminal/{floor.machine_code}")

        idle_s = [next(iter(user.find(kind=KioskPerson).elements)).props["idle_s"] for user in (kiosk, operator)]

        assert idle_s == [45, 0]  # whoever signed in on a device of their own stays

    async def test_another_badge_changes_the_person(self, kiosk: User, floor: Floor, process: Process) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            user_id = floor.user_ids[Role.SUPERVISOR]
            await set_badge(work, key=process.badge_key, user_id=user_id, kind=BadgeKind.BADGE, value="UM-10007")
        types(kiosk, PIN)
        await sees(kiosk, "Call for help")

        scans(kiosk, "UM-10007")

        await until(lambda: person_shown(kiosk) == "The supervisor reports")

    async def test_ends_at_once_when_the_person_is_deactivated(self, kiosk: User, floor: Floor) -> None:
        types(kiosk, PIN)
        await sees(kiosk, "Call for help")

        async with begin(floor.scope) as work:
            user_id = floor.user_ids[Role.OPERATOR]
            (await work.session.get_one(UserRow, user_id)).is_active = False
            work.emit(UserChanged(user_id=user_id))

        await sees(kiosk, ASKED)

    async def test_sends_somebody_away_who_reports_nothing(self, kiosk: User, floor: Floor, process: Process) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            user_id = floor.user_ids[Role.VIEWER]
            await set_badge(work, key=process.badge_key, user_id=user_id, kind=BadgeKind.PIN, value="3691")

        types(kiosk, "3691")

        await sees(kiosk, "You may not do this.")
        await sees(kiosk, ASKED)


class TestCalls:
    """Who may answer depends on who stands at the kiosk."""

    async def test_are_answered_in_the_name_of_who_identified_themself(
        self, kiosk: User, floor: Floor, process: Process, make: Make
    ) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            user_id = floor.user_ids[Role.SUPERVISOR]
            await set_badge(work, key=process.badge_key, user_id=user_id, kind=BadgeKind.BADGE, value="UM-10007")
            await make.call(work, machine_id=floor.machine_id)
        types(kiosk, PIN)
        await kiosk.should_see(marker="call", retries=60)
        for button in ("acknowledge", "resolve", "shelve"):
            await kiosk.should_not_see(marker=button)

        scans(kiosk, "UM-10007")
        await kiosk.should_see(marker="shelve", retries=60)
        kiosk.find(marker="acknowledge").click()

        await sees(kiosk, "The supervisor is coming")
        async with read(floor.scope) as work:
            (call,) = await load_waiting_calls(work, machine_id=floor.machine_id)
        assert (call.state, call.acknowledged_by) == ("acknowledged", "The supervisor")


class TestOwnDevice:
    async def test_asks_nobody_who_signed_in_by_themself(self, operator: User, floor: Floor) -> None:
        await operator.open(f"/terminal/{floor.machine_code}")

        await operator.should_not_see(ASKED)
        assert person_shown(operator) == "The operator reports"
        (reports,) = operator.find(kind=OfflineReports).elements
        assert reports.props["who"]["token"] == ""


class TestLane:
    async def test_changes_between_machines_without_asking_again(self, kiosk: User, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            second = await make.machine(work, lane=await work.session.get_one(Lane, floor.lane_id))
        await kiosk.open(f"/terminal/lane/{floor.lane_id}")
        types(kiosk, PIN)
        await sees(kiosk, second.code)

        kiosk.find(second.code).click()

        await until(lambda: machine_shown(kiosk) == str(second.id))
        assert person_shown(kiosk) == "The operator reports"


class TestDispatch:
    async def test_is_started_paused_and_finished(self, operator: User, floor: Floor, operation: Operation) -> None:
        await operator.open(f"/terminal/{floor.machine_code}")

        operator.find(marker="start").click()
        await sees(operator, "Started")
        await until(lambda: offered(operator) == [str(operation.id)])
        operator.find(marker="pause").click()
        await sees(operator, "Paused")
        await sees(operator, "Go on")
        operator.find(marker="finish").click()

        await sees(operator, "Finished")
        await sees(operator, "No order waits for this machine.")

    async def test_is_set_up_first(self, operator: User, floor: Floor, operation: Operation) -> None:
        await operator.open(f"/terminal/{floor.machine_code}")

        operator.find(marker="setup").click()
        await sees(operator, "In setup")
        operator.find(marker="setup-done").click()

        await sees(operator, "Setup is done")

    async def test_says_why_it_cannot_start(
        self, operator: User, floor: Floor, operation: Operation, make: Make
    ) -> None:
        async with begin(floor.scope) as work:
            await make.order(work, machine=await work.session.get_one(Machine, floor.machine_id), quantity=5)
        await operator.open(f"/terminal/{floor.machine_code}")
        await operator.should_not_see("Why can't I start?")

        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            await start_operation(work, operation_id=operation.id)

        await sees(operator, "is running on this machine. Pause or finish it first.")

    async def test_is_started_by_scanning_its_order(self, operator: User, floor: Floor, operation: Operation) -> None:
        await operator.open(f"/terminal/{floor.machine_code}")
        async with read(floor.scope) as work:
            number = (await work.session.execute(select(WorkOrder.number))).scalar_one()

        scans(operator, number.lower())

        await sees(operator, "Started")

    async def test_says_that_a_code_is_none_of_its_orders(self, operator: User, floor: Floor) -> None:
        await operator.open(f"/terminal/{floor.machine_code}")

        scans(operator, "4006381333931")

        await sees(operator, "“4006381333931” is no order of this machine.")


class TestCounting:
    async def test_asks_what_the_counter_shows_and_goes_on_where_anybody_left(
        self, kiosk: User, operator: User, floor: Floor
    ) -> None:
        await counts(floor, CountingSource.COUNTER)
        types(kiosk, PIN)
        await operator.open(f"/terminal/{floor.machine_code}")
        await kiosk.should_see(kind=OfflineReports, retries=60)
        await until(lambda: reports_shown(kiosk) == ("counter", None))

        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            await report_counter(
                work, machine_id=floor.machine_id, start_reading=Decimal(1200), end_reading=Decimal(1210),
                client_key=new_id(),
            )  # fmt: skip

        for tablet in (kiosk, operator):
            await until(lambda tablet=tablet: reports_shown(tablet) == ("counter", "1210"))  # type: ignore[misc]

    async def test_asks_for_scrap_only_where_the_machine_counts(self, operator: User, floor: Floor) -> None:
        await operator.open(f"/terminal/{floor.machine_code}")
        await until(lambda: reports_shown(operator) == ("operator", None))

        await counts(floor, CountingSource.MACHINE)

        await until(lambda: reports_shown(operator) == ("machine", None))


class TestUndo:
    async def test_takes_ones_own_report_back(self, operator: User, floor: Floor) -> None:
        await booked(floor)
        await operator.open(f"/terminal/{floor.machine_code}")

        operator.find(marker="undo").click()
        await sees(operator, "Take this report back?")
        operator.find(marker="undo-yes").click()

        await sees(operator, "Undone by The operator")
        (report,) = await recent(floor)
        assert (report.is_undone, report.undone_by, report.undo_until) == (True, "The operator", None)
        async with read(floor.scope) as work:
            quantities = (await work.session.execute(select(ProductionLogEntry.quantity))).scalars().all()
        assert sorted(map(int, quantities)) == [-8, 8]

    async def test_is_offered_to_the_reporter_only(self, floor: Floor) -> None:
        await booked(floor)

        assert [report.undo_until is None for report in await recent(floor)] == [False]
        assert [report.undo_until is None for report in await recent(floor, Role.ADMIN)] == [True]

    async def test_is_over_after_the_plants_time(self, floor: Floor) -> None:
        await booked(floor)
        async with begin(floor.scope) as work:
            (await work.session.get_one(Plant, floor.plant_id)).undo_within_s = 0

        assert [report.undo_until for report in await recent(floor)] == [None]
