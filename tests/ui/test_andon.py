"""Calls on a phone and at a desk, and the ladders that an admin sets up."""

from datetime import timedelta
from uuid import UUID

from nicegui.testing import User

from domain.andon.calls import CallCategory
from domain.andon.ladders import Channel, LadderStep, Recipient
from domain.identity.roles import Role
from services.andon.calls import acknowledge_call, raise_call
from services.andon.escalations import EscalateCall, escalate_call
from services.andon.ladders import list_ladders, set_ladder
from services.andon.open_calls import WaitingCall, load_waiting_calls
from services.andon.queries import list_calls
from services.andon.rules import list_rules
from services.andon.shelves import shelve_call
from services.db.work import begin, read
from tests.factories import Floor, Make
from tests.ui.conftest import SignIn, sees, until
from ui.components.call_alerts import CallAlerts

QUALITY = CallCategory.QUALITY


async def called(floor: Floor) -> UUID:
    """Call for help as the operator does."""
    async with begin(floor.acting_as(Role.OPERATOR)) as work:
        return (await raise_call(work, machine_id=floor.machine_id, category=QUALITY, note="burr at the edge")).id


async def escalated(floor: Floor) -> UUID:
    """Let a ladder tell the supervisor of a call."""
    step = LadderStep(timedelta(), Recipient.ROLE, Role.SUPERVISOR.value, frozenset({Channel.SOUND}))
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        await set_ladder(work, plant_id=floor.plant_id, category=QUALITY, steps=[step])
    call_id = await called(floor)
    async with begin(floor.scope) as work:
        await escalate_call(work, EscalateCall(call_id=call_id, step=0))
    return call_id


async def waiting(floor: Floor) -> list[WaitingCall]:
    async with read(floor.scope) as work:
        return list(await load_waiting_calls(work))


def alerts_of(user: User) -> list[dict[str, object]]:
    (banner,) = user.find(kind=CallAlerts).elements
    return list(banner.props["alerts"])


class TestList:
    async def test_shows_what_waits_and_how_long(self, floor: Floor, supervisor: User) -> None:
        await called(floor)

        await supervisor.open("/andon")

        await sees(supervisor, "burr at the edge")
        await supervisor.should_see(f"{floor.machine_code} · Quality")
        await supervisor.should_see("Raised by The operator")

    async def test_changes_while_others_act(self, floor: Floor, supervisor: User) -> None:
        await supervisor.open("/andon")
        await sees(supervisor, "Nobody is calling")

        call_id = await called(floor)
        await sees(supervisor, "burr at the edge")
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await acknowledge_call(work, call_id=call_id)

        await sees(supervisor, "The admin is coming")

    async def test_is_answered_with_one_tap(self, floor: Floor, supervisor: User) -> None:
        await called(floor)
        await supervisor.open("/andon")
        await sees(supervisor, "burr at the edge")

        supervisor.find(marker="acknowledge").click()

        await sees(supervisor, "The supervisor is coming")
        assert [call.state for call in await waiting(floor)] == ["acknowledged"]

    async def test_asks_what_it_was(self, floor: Floor, supervisor: User) -> None:
        await called(floor)
        await supervisor.open("/andon")
        await sees(supervisor, "burr at the edge")

        supervisor.find(marker="resolve").click()
        await sees(supervisor, "What was it?")
        supervisor.find(marker="field-resolution").type("worn insert")
        supervisor.find(marker="save").click()

        await sees(supervisor, "Nobody is calling")
        async with read(floor.scope) as work:
            assert [call.resolution for call in (await list_calls(work)).items] == ["worn insert"]

    async def test_shelves_with_a_reason(self, floor: Floor, supervisor: User) -> None:
        await called(floor)
        await supervisor.open("/andon")
        await sees(supervisor, "burr at the edge")
        supervisor.find(marker="shelve").click()
        await sees(supervisor, "Out of sight for a while")
        supervisor.find(marker="save").click()
        await sees(supervisor, "must have 1 to 500 readable characters")

        supervisor.find(marker="field-reason").type("no spare part")
        supervisor.find(marker="save").click()

        await sees(supervisor, "Nobody is calling")
        await supervisor.open("/andon?show=shelved")
        await sees(supervisor, "The supervisor: no spare part")
        supervisor.find(marker="unshelve").click()
        await sees(supervisor, "The shelf is empty")

    async def test_for_me_holds_only_what_told_me(self, floor: Floor, supervisor: User, sign_in: SignIn) -> None:
        await escalated(floor)
        admin = await sign_in(floor, Role.ADMIN)

        await supervisor.open("/andon?show=me")
        await sees(supervisor, "burr at the edge")
        await admin.open("/andon?show=me")

        await sees(admin, "Nobody waits for you")

    async def test_lets_an_operator_only_look(self, floor: Floor, operator: User) -> None:
        await called(floor)

        await operator.open("/andon")

        await sees(operator, "burr at the edge")
        await operator.should_not_see(marker="acknowledge")
        await operator.should_not_see(marker="shelve")

    async def test_shows_nothing_of_another_organization(self, floor: Floor, other: Floor, sign_in: SignIn) -> None:
        await called(floor)
        stranger = await sign_in(other, Role.ADMIN)

        await stranger.open("/andon")

        await sees(stranger, "Nobody is calling")
        await stranger.should_not_see("burr at the edge")


class TestBanner:
    async def test_appears_on_any_page_of_those_whom_a_step_tells(
        self, floor: Floor, supervisor: User, operator: User
    ) -> None:
        await supervisor.open("/wall")
        await operator.open("/wall")
        assert alerts_of(supervisor) == []

        call_id = await escalated(floor)

        await until(lambda: len(alerts_of(supervisor)) == 1)
        (alert,) = alerts_of(supervisor)
        assert (alert["id"], alert["sound"], alert["step"]) == (str(call_id), True, 0)
        assert alerts_of(operator) == []

    async def test_goes_when_somebody_comes(self, floor: Floor, supervisor: User) -> None:
        call_id = await escalated(floor)
        await supervisor.open("/wall")
        await until(lambda: len(alerts_of(supervisor)) == 1)

        supervisor.find(kind=CallAlerts).trigger("acknowledge", str(call_id))

        await until(lambda: alerts_of(supervisor) == [])
        assert [call.acknowledged_by for call in await waiting(floor)] == ["The supervisor"]

    async def test_is_silent_about_the_shelf(self, floor: Floor, supervisor: User) -> None:
        call_id = await escalated(floor)
        await supervisor.open("/wall")
        await until(lambda: len(alerts_of(supervisor)) == 1)

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await shelve_call(work, call_id=call_id, until=work.now + timedelta(hours=1), reason="no spare part")

        await until(lambda: alerts_of(supervisor) == [])


class TestStatistics:
    async def test_show_what_happened(self, floor: Floor, supervisor: User) -> None:
        call_id = await called(floor)
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            await acknowledge_call(work, call_id=call_id)

        await supervisor.open("/andon/statistics")

        await sees(supervisor, "Calls by hour of the day")
        await supervisor.should_see("Quality")

    async def test_say_when_there_is_nothing(self, floor: Floor, supervisor: User) -> None:
        await supervisor.open("/andon/statistics?days=1")

        await sees(supervisor, "No calls in this time")


class TestLadders:
    async def test_stand_among_the_set_up_pages(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)

        await admin.open("/admin/andon")

        await sees(admin, "Badges and PINs")

    async def test_are_set_up_edited_and_removed(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/andon")
        await sees(admin, "Nobody is told.")

        admin.find(marker="edit-safety").click()
        await sees(admin, "Ladder: Safety")
        admin.find(marker="field-response_target_s").type("2.5")
        admin.find(marker="add-step").click()
        admin.find(marker="save").click()

        await sees(admin, "Answer within 2.5 min")
        async with read(floor.scope) as work:
            (ladder,) = (await list_ladders(work)).items
        assert (ladder.category, ladder.response_target_s) == ("safety", 150)
        assert [step.after for step in ladder.steps] == [timedelta(), timedelta(minutes=5)]

        admin.find(marker="edit-safety").click()
        await sees(admin, "Ladder: Safety")
        admin.find(marker="remove").click()
        await sees(admin, "Really?")
        admin.find(marker="remove").click()
        await until_removed(floor)

    async def test_say_why_mail_cannot_be_chosen(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/andon")
        admin.find(marker="edit-help").click()
        await sees(admin, "Ladder: Help")

        (how,) = admin.find(marker="step-how").elements
        how.set_value(["mail"])  # type: ignore[attr-defined]
        admin.find(marker="save").click()

        await sees(admin, "This installation cannot send mail.")


class TestRules:
    async def test_are_added_and_let_rest(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/andon")
        await sees(admin, "No machine calls by itself yet.")

        admin.find(marker="add-rule").click()
        await sees(admin, "The whole plant")
        admin.find(marker="save").click()

        await sees(admin, "5 min")
        async with read(floor.scope) as work:
            (rule,) = (await list_rules(work)).items
        assert (rule.state, rule.after_s, rule.category) == ("unplanned_stop", 300, "machine")

        admin.find(marker="edit-rule").click()
        await sees(admin, "Longer than")
        (active,) = admin.find(marker="field-is_active").elements
        active.set_value(False)  # type: ignore[attr-defined]
        admin.find(marker="save").click()
        await sees(admin, "No")


async def until_removed(floor: Floor) -> None:
    """Wait until the floor has no ladder any more."""
    for _ in range(200):
        async with read(floor.scope) as work:
            if not (await list_ladders(work)).items:
                return
    raise AssertionError("the ladder is still there")


async def test_alerts_of_a_plant_elsewhere_are_not_seen(floor: Floor, make: Make, sign_in: SignIn) -> None:
    call_id = await escalated(floor)
    admin = await sign_in(floor, Role.ADMIN)

    await admin.open("/wall")

    assert str(call_id) not in str(alerts_of(admin))
