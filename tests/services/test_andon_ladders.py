"""Who is told when nobody answers: ladders, and how calls climb them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from domain.andon.calls import CallCategory, CallMovedOn, CallSeverity
from domain.andon.ladders import (
    Channel,
    InvalidLadder,
    InvalidShelving,
    InvalidWait,
    LadderMovedOn,
    LadderStep,
    Recipient,
)
from domain.checks import InvalidChoice, InvalidText
from domain.errors import Forbidden, NotFound
from domain.events import AndonCallEscalated
from domain.identity.roles import Role
from services.andon.calls import acknowledge_call, raise_call, resolve_call
from services.andon.escalations import EscalateCall, escalate_call
from services.andon.ladders import LadderInfo, list_duties, list_ladders, remove_ladder, set_ladder
from services.andon.shelves import EndShelf, end_shelf, shelve_call, unshelve_call
from services.db.tables import AndonCall, AndonNotification, Crew, CrewMember, ShiftOccurrenceRow
from services.db.work import Work, begin, read
from services.jobs.worker import work_once
from services.mail import NoMailer, use_mailer
from services.ports import Mail, MailNotSent
from tests.factories import Connection, Floor, Make

QUALITY = CallCategory.QUALITY
SCREEN, SOUND, MAIL = Channel.SCREEN, Channel.SOUND, Channel.MAIL


def step(minutes: float, whom: str = "supervisor", *channels: Channel, on_call: bool = False) -> LadderStep:
    recipient = Recipient.ON_CALL if on_call else Recipient.ROLE
    return LadderStep(timedelta(minutes=minutes), recipient, whom, frozenset(channels or {SCREEN}))


STEPS = (step(0), step(5, "admin", SCREEN, SOUND), step(15, "admin"))


@pytest.fixture(autouse=True)
async def _empty_queue(superuser_connection: Connection) -> None:
    await superuser_connection.execute("DELETE FROM pgmq.q_jobs; DELETE FROM pgmq.a_jobs")


@dataclass
class Postbox:
    """A mailer that keeps what it is given, and fails as often as it is told."""

    mails: list[Mail] = field(default_factory=list)
    failures: int = 0

    async def send(self, mail: Mail) -> None:
        if self.failures:
            self.failures -= 1
            raise MailNotSent("nobody there")
        self.mails.append(mail)


@pytest.fixture
async def postbox() -> AsyncIterator[Postbox]:
    postbox = Postbox()
    use_mailer(postbox)
    yield postbox
    use_mailer(None)


async def laddered(floor: Floor, *steps: LadderStep, seen: int | None = None, **more: object) -> LadderInfo:
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        return await set_ladder(
            work, plant_id=floor.plant_id, category=QUALITY, steps=steps or STEPS, seen_version=seen,
            **more,  # type: ignore[arg-type]
        )  # fmt: skip


async def called(floor: Floor, severity: CallSeverity = CallSeverity.MAJOR) -> UUID:
    async with begin(floor.acting_as(Role.OPERATOR)) as work:
        return (await raise_call(work, machine_id=floor.machine_id, category=QUALITY, severity=severity)).id


async def minutes_pass(floor: Floor, connection: Connection, call_id: UUID, minutes: float) -> None:
    """Let the call and its messages be older: what lies in the queue for then is visible."""
    earlier = timedelta(minutes=minutes)
    async with begin(floor.scope) as work:
        await work.session.execute(
            update(AndonCall)
            .where(AndonCall.id == call_id)
            .values(
                raised_at=AndonCall.raised_at - earlier,
                shelved_at=AndonCall.shelved_at - earlier,
                shelved_until=AndonCall.shelved_until - earlier,
            )
        )
    await connection.execute("UPDATE pgmq.q_jobs SET vt = vt - $1::interval", earlier)
    await connection.execute(
        "UPDATE pgmq.q_jobs SET message = jsonb_set(message, '{payload,until}',"
        " to_jsonb((message #>> '{payload,until}')::timestamptz - $1::interval))"
        " WHERE message -> 'payload' ? 'until'",
        earlier,
    )


async def work_all() -> int:
    done = 0
    while batch := await work_once():
        done += batch
    return done


async def told(floor: Floor) -> list[AndonNotification]:
    async with read(floor.scope) as work:
        found = await work.session.execute(select(AndonNotification).order_by(AndonNotification.step))
        return list(found.scalars())


class TestSetLadder:
    async def test_keeps_steps_targets_and_the_severity_that_holds(self, floor: Floor) -> None:
        await laddered(floor, response_target_s=300, resolution_target_s=3600, holds_operation_from=CallSeverity.MAJOR)

        async with read(floor.acting_as(Role.VIEWER)) as work:
            (ladder,) = (await list_ladders(work, plant_id=floor.plant_id)).items

        assert (ladder.category, ladder.response_target_s, ladder.resolution_target_s) == ("quality", 300, 3600)
        assert (ladder.holds_operation_from, ladder.steps) == ("major", STEPS)

    async def test_takes_the_place_of_the_one_before(self, floor: Floor) -> None:
        first = await laddered(floor)

        second = await laddered(floor, step(1, "admin"), seen=first.version)

        assert (second.id, second.version) == (first.id, first.version + 1)
        async with read(floor.scope) as work:
            assert [ladder.steps for ladder in (await list_ladders(work)).items] == [(step(1, "admin"),)]

    async def test_refuses_to_overwrite_what_was_not_seen(self, floor: Floor) -> None:
        first = await laddered(floor)
        await laddered(floor, step(1), seen=first.version)

        for seen in (None, first.version):
            with pytest.raises(LadderMovedOn):
                await laddered(floor, step(2), seen=seen)

    async def test_at_once_by_two_people_is_won_by_one(self, floor: Floor) -> None:
        results = await asyncio.gather(laddered(floor), laddered(floor, step(2)), return_exceptions=True)

        assert sorted(type(result).__name__ for result in results) == ["LadderInfo", "LadderMovedOn"]

    @pytest.mark.parametrize(
        ("steps", "error"),
        [
            ((step(5), step(5)), InvalidLadder),
            ((step(-1),), InvalidLadder),
            ((step(60 * 24 * 8),), InvalidLadder),
            ((step(0, ""),), InvalidLadder),
            ((step(0, "   ", on_call=True),), InvalidText),
            ((step(0, "janitor"),), InvalidChoice),
            ((step(0, "x" * 61, on_call=True),), InvalidText),
            (tuple(step(number) for number in range(21)), InvalidLadder),
        ],
    )
    async def test_refuses_steps_that_cannot_be_climbed(
        self, floor: Floor, steps: tuple[LadderStep, ...], error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            await laddered(floor, *steps)

    @pytest.mark.parametrize("target", [0, -1, 10**9])
    async def test_refuses_targets_that_are_none(self, floor: Floor, target: int) -> None:
        with pytest.raises(InvalidWait):
            await laddered(floor, response_target_s=target)

    async def test_refuses_mail_that_could_never_be_sent(self, floor: Floor) -> None:
        with pytest.raises(NoMailer, match="UNISON_SMTP_URL"):
            await laddered(floor, step(0, "admin", MAIL))

    async def test_concerns_calls_that_wait_already(self, floor: Floor, superuser_connection: Connection) -> None:
        call_id = await called(floor)
        await laddered(floor, step(3), step(30))

        await minutes_pass(floor, superuser_connection, call_id, 3.1)
        await work_all()

        assert [one.step for one in await told(floor)] == [0]

    async def test_and_removing_is_the_admins(self, floor: Floor) -> None:
        ladder = await laddered(floor)
        for role in (Role.SUPERVISOR, Role.OPERATOR):
            async with begin(floor.acting_as(role)) as work:
                with pytest.raises(Forbidden):
                    await set_ladder(work, plant_id=floor.plant_id, category=QUALITY, steps=STEPS)
                with pytest.raises(Forbidden):
                    await remove_ladder(work, ladder_id=ladder.id, seen_version=ladder.version)


class TestRemoveLadder:
    async def test_lets_nobody_be_told_any_more(self, floor: Floor, superuser_connection: Connection) -> None:
        ladder = await laddered(floor)
        call_id = await called(floor)
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await remove_ladder(work, ladder_id=ladder.id, seen_version=ladder.version)

        await minutes_pass(floor, superuser_connection, call_id, 20)
        await work_all()

        assert await told(floor) == []

    async def test_refuses_what_was_edited_since(self, floor: Floor) -> None:
        ladder = await laddered(floor)
        await laddered(floor, step(1), seen=ladder.version)

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(LadderMovedOn):
                await remove_ladder(work, ladder_id=ladder.id, seen_version=ladder.version)


class TestEscalation:
    async def test_keeps_the_targets_of_the_moment_it_was_raised(self, floor: Floor) -> None:
        first = await laddered(floor, response_target_s=60, resolution_target_s=600)
        call_id = await called(floor)
        await laddered(floor, seen=first.version, response_target_s=5)

        async with read(floor.scope) as work:
            call = await work.session.get_one(AndonCall, call_id)
        assert (call.response_target_s, call.resolution_target_s) == (60, 600)

    async def test_fires_each_step_at_its_time(self, floor: Floor, superuser_connection: Connection) -> None:
        await laddered(floor)
        call_id = await called(floor)

        for minutes, steps in ((0, [0]), (4.9, [0]), (0.11, [0, 1]), (10, [0, 1, 2])):
            await minutes_pass(floor, superuser_connection, call_id, minutes)
            await work_all()
            assert [one.step for one in await told(floor)] == steps

        first, second, _ = await told(floor)
        assert (first.user_ids, first.is_late) == ([floor.user_ids[Role.SUPERVISOR]], False)
        assert (second.user_ids, sorted(second.channels)) == ([floor.user_ids[Role.ADMIN]], ["screen", "sound"])

    async def test_says_so_to_screens(self, floor: Floor) -> None:
        await laddered(floor)
        call_id = await called(floor)

        async with begin(floor.scope) as work:
            await escalate_call(work, EscalateCall(call_id=call_id, step=0))

            assert work.events == [
                AndonCallEscalated(
                    plant_id=floor.plant_id, lane_id=floor.lane_id, machine_id=floor.machine_id, call_id=call_id, step=0
                )
            ]

    async def test_fires_once_when_a_message_is_handled_twice_at_once(self, floor: Floor) -> None:
        await laddered(floor)
        call_id = await called(floor)
        emitted = []

        async def handle() -> None:
            async with begin(floor.scope) as work:
                await escalate_call(work, EscalateCall(call_id=call_id, step=0))
                emitted.extend(work.events)

        await asyncio.gather(*(handle() for _ in range(4)))

        assert [one.step for one in await told(floor)] == [0]
        assert len(emitted) == 1

    async def test_fires_after_a_worker_died_between(self, floor: Floor, superuser_connection: Connection) -> None:
        await laddered(floor)
        call_id = await called(floor)

        async def die() -> None:
            async with begin(floor.scope) as work:
                await escalate_call(work, EscalateCall(call_id=call_id, step=0))
                raise ConnectionAbortedError

        with pytest.raises(Exception):  # noqa: B017, PT011 - however the worker died, nothing of it stays
            await die()
        assert await told(floor) == []
        await work_all()

        assert [one.step for one in await told(floor)] == [0]

    async def test_fires_once_and_late_when_nobody_worked_for_a_while(
        self, floor: Floor, superuser_connection: Connection
    ) -> None:
        await laddered(floor)
        call_id = await called(floor)

        await minutes_pass(floor, superuser_connection, call_id, 20)
        await work_all()

        notifications = await told(floor)
        assert [(one.step, one.is_late) for one in notifications] == [(0, True), (1, True), (2, True)]
        assert [one.fired_at - one.due_at > timedelta(minutes=4) for one in notifications] == [True, True, True]

    @pytest.mark.parametrize("answer", [acknowledge_call, resolve_call])
    async def test_stops_when_somebody_answers(
        self, floor: Floor, superuser_connection: Connection, answer: object
    ) -> None:
        await laddered(floor)
        call_id = await called(floor)
        await work_all()
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            await answer(work, call_id=call_id)  # type: ignore[operator]

        await minutes_pass(floor, superuser_connection, call_id, 30)
        await work_all()

        assert [one.step for one in await told(floor)] == [0]

    async def test_tells_only_people_whose_plants_include_it(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            elsewhere = await make.plant(work)
            await make.user(work, role=Role.SUPERVISOR, plant_ids=[elsewhere.id])
            here = await make.user(work, role=Role.SUPERVISOR, plant_ids=[floor.plant_id])
        await laddered(floor)
        await called(floor)

        await work_all()

        (notification,) = await told(floor)
        assert set(notification.user_ids) == {floor.user_ids[Role.SUPERVISOR], here.id}

    async def test_of_another_organization_is_nobodys(self, floor: Floor, other: Floor) -> None:
        call_id = await called(floor)

        async with begin(other.scope) as work:
            with pytest.raises(NotFound, match="call"):
                await escalate_call(work, EscalateCall(call_id=call_id, step=0))


async def on_shift(work: Work, floor: Floor, duty: str, role: Role = Role.OPERATOR) -> None:
    """Let a crew work now whose member with the role is on call for a duty."""
    of_plant = {"org_id": floor.scope.org_id, "plant_id": floor.plant_id}
    crew = Crew(**of_plant, name=f"Crew {duty}")
    work.session.add(crew)
    await work.session.flush()
    hour = timedelta(hours=1)
    work.session.add_all(
        [
            CrewMember(**of_plant, crew_id=crew.id, user_id=floor.user_ids[role], duties=[duty]),
            ShiftOccurrenceRow(
                **of_plant, lane_id=floor.lane_id, crew_id=crew.id, day=work.now.date(), name="Now",
                starts_at=work.now - hour, ends_at=work.now + hour,
            ),
        ]
    )  # fmt: skip


class TestOnCall:
    async def test_tells_whoever_of_the_working_crew_has_the_duty(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            await on_shift(work, floor, "maintenance")
        await laddered(floor, step(0, "maintenance", on_call=True))
        await called(floor)

        await work_all()

        (notification,) = await told(floor)
        assert (notification.user_ids, notification.fell_back) == ([floor.user_ids[Role.OPERATOR]], False)
        async with read(floor.scope) as work:
            assert await list_duties(work) == ("maintenance",)

    async def test_falls_back_to_the_supervisors_and_says_so(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            await on_shift(work, floor, "quality")
        await laddered(floor, step(0, "maintenance", on_call=True))
        await called(floor)

        await work_all()

        (notification,) = await told(floor)
        assert (notification.user_ids, notification.fell_back) == ([floor.user_ids[Role.SUPERVISOR]], True)


class TestShelving:
    async def shelved(
        self, floor: Floor, call_id: UUID, minutes: float = 60, reason: str = "no spare part"
    ) -> AndonCall:
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            return await shelve_call(work, call_id=call_id, until=work.now + timedelta(minutes=minutes), reason=reason)

    async def test_lets_the_ladder_wait_and_go_on_when_it_ends(
        self, floor: Floor, superuser_connection: Connection
    ) -> None:
        await laddered(floor)
        call_id = await called(floor)
        await work_all()
        await self.shelved(floor, call_id)
        await minutes_pass(floor, superuser_connection, call_id, 30)
        await work_all()
        assert [one.step for one in await told(floor)] == [0]

        await minutes_pass(floor, superuser_connection, call_id, 30.02)
        await work_all()

        assert [(one.step, one.is_late) for one in await told(floor)] == [(0, False), (1, False), (2, False)]

    async def test_ends_early_when_somebody_says_so(self, floor: Floor, superuser_connection: Connection) -> None:
        await laddered(floor)
        call_id = await called(floor)
        await work_all()
        await self.shelved(floor, call_id)
        await minutes_pass(floor, superuser_connection, call_id, 6)

        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            call = await unshelve_call(work, call_id=call_id)

            assert call.shelved_until == work.now
            assert [event.topic for event in work.events] == ["andon.call.escalated", "andon.call.changed"]
        assert [one.step for one in await told(floor)] == [0, 1]

    async def test_again_makes_the_first_end_meaningless(self, floor: Floor) -> None:
        call_id = await called(floor)
        first = (await self.shelved(floor, call_id)).shelved_until
        await self.shelved(floor, call_id, 120)
        assert first is not None

        async with begin(floor.scope) as work:
            await end_shelf(work, EndShelf(call_id=call_id, until=first))

            assert work.events == []

    async def test_of_what_gets_worse_ends(self, floor: Floor) -> None:
        call_id = await called(floor)
        await self.shelved(floor, call_id)

        await called(floor, CallSeverity.MAJOR)
        async with read(floor.scope) as work:
            still = (await work.session.get_one(AndonCall, call_id)).shelved_until
            assert still is not None
            assert still > work.now
        await called(floor, CallSeverity.CRITICAL)

        async with read(floor.scope) as work:
            ended = (await work.session.get_one(AndonCall, call_id)).shelved_until
            assert ended is not None
            assert ended <= work.now

    @pytest.mark.parametrize("minutes", [0, -1, 8 * 60 + 1])
    async def test_lasts_at_most_a_shift(self, floor: Floor, minutes: float) -> None:
        call_id = await called(floor)

        with pytest.raises(InvalidShelving):
            await self.shelved(floor, call_id, minutes)

    async def test_needs_a_reason_and_an_open_call(self, floor: Floor) -> None:
        call_id = await called(floor)
        with pytest.raises(InvalidText):
            await self.shelved(floor, call_id, reason="  ")
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            await resolve_call(work, call_id=call_id)

        with pytest.raises(CallMovedOn, match="already resolved"):
            await self.shelved(floor, call_id)

    async def test_is_the_supervisors_and_of_one_organization(self, floor: Floor, other: Floor) -> None:
        call_id = await called(floor)
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            with pytest.raises(Forbidden):
                await shelve_call(work, call_id=call_id, until=work.now + timedelta(hours=1), reason="x")
            with pytest.raises(Forbidden):
                await unshelve_call(work, call_id=call_id)
        async with begin(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound, match="call"):
                await shelve_call(work, call_id=call_id, until=work.now + timedelta(hours=1), reason="x")
            with pytest.raises(NotFound, match="call"):
                await unshelve_call(work, call_id=call_id)


class TestMail:
    async def test_goes_out_after_the_step_in_the_readers_language(self, floor: Floor, postbox: Postbox) -> None:
        async with begin(floor.scope) as work:
            await work.session.execute(text("UPDATE users SET language = 'de'"))
        await laddered(floor, step(0, "supervisor", MAIL))
        await called(floor)

        await work_all()

        (mail,) = postbox.mails
        assert mail.to == floor.emails[Role.SUPERVISOR]
        assert floor.machine_code in mail.subject
        assert "Qualität" in mail.text

    async def test_is_tried_again_when_the_server_refuses(
        self, floor: Floor, postbox: Postbox, superuser_connection: Connection
    ) -> None:
        postbox.failures = 1
        await laddered(floor, step(0, "supervisor", MAIL))
        await called(floor)
        await work_all()
        assert postbox.mails == []

        await superuser_connection.execute("UPDATE pgmq.q_jobs SET vt = now()")
        await work_all()

        assert len(postbox.mails) == 1

    async def test_is_not_sent_when_somebody_has_answered(
        self, floor: Floor, postbox: Postbox, superuser_connection: Connection
    ) -> None:
        postbox.failures = 1
        await laddered(floor, step(0, "supervisor", MAIL))
        call_id = await called(floor)
        await work_all()
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            await acknowledge_call(work, call_id=call_id)

        await superuser_connection.execute("UPDATE pgmq.q_jobs SET vt = now()")
        await work_all()

        assert postbox.mails == []


class TestForeignOrganization:
    async def test_has_ladders_of_its_own(self, floor: Floor, other: Floor) -> None:
        ladder = await laddered(floor)

        async with begin(other.acting_as(Role.ADMIN)) as work:
            assert (await list_ladders(work)).items == ()
            with pytest.raises(NotFound, match="plant"):
                await set_ladder(work, plant_id=floor.plant_id, category=QUALITY, steps=STEPS)
            with pytest.raises(NotFound, match="ladder"):
                await remove_ladder(work, ladder_id=ladder.id, seen_version=ladder.version)
