"""An organization with a row in every table, made by the use cases."""

from datetime import time, timedelta
from decimal import Decimal

from sqlalchemy import select

from domain.andon.calls import CallCategory
from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from domain.production.machine_reports import RunStarted
from services.andon.calls import acknowledge_call, close_call, raise_call, resolve_call
from services.audit.chain import seal_now
from services.db.keys import new_id
from services.db.tables import (
    AndonCall,
    AndonLadder,
    AndonLadderStep,
    AndonNotification,
    AndonRule,
    ApiKey,
    ApiKeyUse,
    Branding,
    CounterReading,
    Crew,
    CrewMember,
    CustomConversion,
    CustomField,
    CycleTime,
    HourlyFact,
    IdempotencyKey,
    JobRun,
    KeptFile,
    Machine,
    MachinePlace,
    Material,
    NumberSeries,
    Operation,
    OrganizationFeature,
    OwnRole,
    PasswordReset,
    RecoveryCode,
    RefreshToken,
    Reversal,
    RoleGrant,
    Routing,
    RoutingOperation,
    SecondFactor,
    ShiftExceptionRow,
    ShiftFact,
    ShiftOccurrenceRow,
    ShiftTemplateRow,
    SignInPolicyRow,
    SignInProvider,
    SignInSession,
    Task,
    UsedSignIn,
    UserBadge,
    UserIdentity,
    UserInvitation,
    Webhook,
    WebhookDelivery,
    WorkOrder,
)
from services.db.work import Work, begin
from services.plant.machine_states import change_machine_state
from services.production.machine_reports import book_machine_report
from services.production.production_logs import Pieces, report_production
from tests.factories import Floor


async def furnish(floor: Floor) -> None:
    """Commit at least one row in every table of the floor's organization, all in its one plant."""
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        await make_pieces(work, floor)
        await _stop(work, floor)
        await _call_for_help(work, floor)
        await sign_in(work, floor)
        await _ways_in(work, floor)
        await _plan_orders(work, floor)
        await _plan_shifts(work, floor)
        await _escalate(work, floor)
        await _add_fields(work, floor)
        await _keep_files(work, floor)
        await _make_roles(work, floor)
        _run_things(work, floor)
        await _tell_others(work, floor)
    await seal_now(floor.scope)


async def make_pieces(work: Work, floor: Floor) -> None:
    """Start a run on the floor's machine and report good pieces, scrap and rework."""
    key = new_id().hex
    await book_machine_report(
        work,
        machine_code=floor.machine_code,
        report=RunStarted(
            key=key, at=work.now, run_key=key, order_number="WO-1", part_number="P-1", target=Decimal(100)
        ),
    )
    pieces = Pieces(
        good=Decimal(8),
        scrap=Decimal(2),
        scrap_reason_id=floor.scrap_reason_id,
        rework=Decimal(1),
        rework_reason_id=floor.rework_reason_id,
    )
    client_key = new_id()
    await report_production(work, machine_id=floor.machine_id, pieces=pieces, client_key=client_key)
    work.session.add(
        CounterReading(
            org_id=floor.scope.org_id, client_key=client_key, plant_id=floor.plant_id, machine_id=floor.machine_id,
            at=work.now, start_reading=Decimal(100), end_reading=Decimal(111), was_reset=False,
        )
    )  # fmt: skip
    await work.session.flush()


async def _stop(work: Work, floor: Floor) -> None:
    await change_machine_state(
        work, machine_id=floor.machine_id, state=MachineState.UNPLANNED_STOP, reason_id=floor.stop_reason_id
    )


async def _call_for_help(work: Work, floor: Floor) -> None:
    answered = await raise_call(work, machine_id=floor.machine_id, category=CallCategory.QUALITY)
    for answer in (acknowledge_call, resolve_call, close_call):
        await answer(work, call_id=answered.id)
    await raise_call(work, machine_id=floor.machine_id, category=CallCategory.MATERIAL)


async def sign_in(work: Work, floor: Floor) -> None:
    """Sign the floor's admin in and let them send a write."""
    org_id, user_id = floor.scope.org_id, floor.user_ids[Role.ADMIN]
    session = SignInSession(org_id=org_id, user_id=user_id, expires_at=work.now + timedelta(days=1))
    work.session.add(session)
    await work.session.flush()
    work.session.add(RefreshToken(org_id=org_id, session_id=session.id, expires_at=session.expires_at))
    work.session.add(IdempotencyKey(org_id=org_id, user_id=user_id, key=new_id().hex, fingerprint=b"a hash"))


async def _ways_in(work: Work, floor: Floor) -> None:
    org_id, user_id = floor.scope.org_id, floor.user_ids[Role.ADMIN]
    key = ApiKey(
        org_id=org_id, user_id=user_id, name="ERP", prefix="unison_abc", digest=new_id().bytes, scopes=["*.*.read"],
        expires_at=work.now + timedelta(days=1),
    )  # fmt: skip
    work.session.add(key)
    await work.session.flush()
    work.session.add(ApiKeyUse(org_id=org_id, api_key_id=key.id, last_used_at=work.now))
    provider = SignInProvider(
        org_id=org_id, label="Works account", issuer="https://id.example", client_id="unison", email_domains=[],
    )  # fmt: skip
    work.session.add(provider)
    await work.session.flush()
    work.session.add(UserIdentity(org_id=org_id, provider_id=provider.id, subject="ada", user_id=user_id))
    work.session.add(UserInvitation(org_id=org_id, user_id=user_id, digest=b"a digest", expires_at=work.now))
    work.session.add(SecondFactor(org_id=org_id, user_id=user_id, secret=b"sealed"))
    work.session.add(
        SignInPolicyRow(
            org_id=org_id, shortest_password=10, kinds=[], refuses_breached=True, attempts=10, lock_minutes=15,
            second_factor="optional", second_factor_roles=[],
        )
    )  # fmt: skip
    await work.session.flush()
    work.session.add(RecoveryCode(org_id=org_id, user_id=user_id, digest=b"a digest"))
    work.session.add(PasswordReset(org_id=org_id, user_id=user_id, digest=b"a digest", expires_at=work.now))
    work.session.add(UsedSignIn(org_id=org_id, state_digest=b"a digest", expires_at=work.now))
    await work.session.flush()


async def _plan_orders(work: Work, floor: Floor) -> None:
    of_plant = {"org_id": floor.scope.org_id, "plant_id": floor.plant_id}
    material = Material(org_id=floor.scope.org_id, number="P-1", unit="pcs")
    work.session.add_all([material, NumberSeries(org_id=floor.scope.org_id, series="WO", year=2026, last_number=1)])
    await work.session.flush()
    routing = Routing(**of_plant, material_id=material.id, revision=1, state="active")
    order = WorkOrder(
        **of_plant, number="WO-2026-000001", material_id=material.id, quantity=Decimal(100), unit="pcs",
        deadline_kind="none",
    )  # fmt: skip
    work.session.add_all([routing, order])
    await work.session.flush()
    at_machine = {"sequence": 10, "name": "Mill", "machine_id": floor.machine_id}
    work.session.add_all(
        [
            RoutingOperation(**of_plant, **at_machine, routing_id=routing.id),
            Operation(**of_plant, **at_machine, work_order_id=order.id, quantity=Decimal(100), is_last=True),
            CycleTime(**of_plant, machine_id=floor.machine_id, material_id=material.id, cycle_time_s=Decimal(30)),
            Reversal(**of_plant, reversed_id=new_id(), reversal_id=new_id(), at=work.now),
        ]
    )
    await work.session.flush()


async def _plan_shifts(work: Work, floor: Floor) -> None:
    of_plant = {"org_id": floor.scope.org_id, "plant_id": floor.plant_id}
    crew = Crew(**of_plant, name="Red")
    work.session.add(crew)
    await work.session.flush()
    hours = {"starts": time(6), "ends": time(14)}
    template = ShiftTemplateRow(
        **of_plant, **hours, lane_id=floor.lane_id, name="Early", crew_id=crew.id, weekdays=[0, 1, 2, 3, 4]
    )
    work.session.add(template)
    await work.session.flush()
    work.session.add_all(
        [
            CrewMember(**of_plant, crew_id=crew.id, user_id=floor.user_ids[Role.SUPERVISOR], duties=["maintenance"]),
            ShiftExceptionRow(**of_plant, lane_id=floor.lane_id, day=work.now.date(), template_id=template.id),
            ShiftOccurrenceRow(
                **of_plant, lane_id=floor.lane_id, day=work.now.date(), name="Early", starts_at=work.now,
                ends_at=work.now + timedelta(hours=8),
            ),
            MachinePlace(**of_plant, machine_id=floor.machine_id, lane_id=floor.lane_id, since=work.now),
            *(
                facts(
                    **of_plant, lane_id=floor.lane_id, machine_id=floor.machine_id, hour_at=work.now,
                    shift_id=new_id(), day=work.now.date(), is_planned=True,
                )
                for facts in (HourlyFact, ShiftFact)
            ),
        ]
    )  # fmt: skip
    await work.session.flush()


async def _escalate(work: Work, floor: Floor) -> None:
    of_plant = {"org_id": floor.scope.org_id, "plant_id": floor.plant_id}
    ladder = AndonLadder(**of_plant, category="material")
    call = (await work.session.execute(select(AndonCall).where(AndonCall.category == "material"))).scalar_one()
    told = {"recipient": "role", "whom": Role.SUPERVISOR.value, "channels": ["screen"]}
    work.session.add(ladder)
    await work.session.flush()
    work.session.add_all(
        [
            AndonLadderStep(**of_plant, **told, ladder_id=ladder.id, number=0, after_s=60),
            AndonRule(**of_plant, state="unplanned_stop", after_s=300, category="machine", severity="major"),
            AndonNotification(
                **of_plant, **told, call_id=call.id, step=0, due_at=work.now, fired_at=work.now, is_late=False,
                user_ids=[floor.user_ids[Role.SUPERVISOR]],
            ),
            UserBadge(org_id=floor.scope.org_id, user_id=floor.user_ids[Role.OPERATOR], kind="pin", digest=b"a digest"),
        ]
    )  # fmt: skip


async def _add_fields(work: Work, floor: Floor) -> None:
    work.session.add(
        CustomField(
            org_id=floor.scope.org_id, entity="machine", key="colour", type="text", labels={"en": "Colour"},
            shown_in=["form", "filter"],
        )
    )  # fmt: skip
    await work.session.flush()
    field = (await work.session.execute(select(CustomField))).scalar_one()
    work.session.add(
        CustomConversion(
            org_id=floor.scope.org_id, field_id=field.id, field_version=1, from_type="text", to_type="number",
            definition={}, state="done", started_at=work.now,
        )
    )  # fmt: skip
    machine = await work.session.get_one(Machine, floor.machine_id)
    machine.custom = {"colour": "red"}
    await work.session.flush()


async def _keep_files(work: Work, floor: Floor) -> None:
    file = KeptFile(
        org_id=floor.scope.org_id, purpose="branding", name="logo.png", media_type="image/png", size=1,
        sha256=bytes(32), created_by=floor.user_ids[Role.ADMIN],
    )  # fmt: skip
    work.session.add(file)
    await work.session.flush()
    pictures = dict.fromkeys(("logo_id", "logo_dark_id", "favicon_id", "sign_in_picture_id", "mail_logo_id"), file.id)
    work.session.add(Branding(org_id=floor.scope.org_id, name="Ours", **pictures))
    await work.session.flush()


async def _make_roles(work: Work, floor: Floor) -> None:
    role = OwnRole(org_id=floor.scope.org_id, key=f"planner-{floor.plant_id.hex}", name="Planner")
    work.session.add(role)
    await work.session.flush()
    work.session.add(RoleGrant(org_id=floor.scope.org_id, role_id=role.id, pattern="production.order.*"))
    await work.session.flush()


def _run_things(work: Work, floor: Floor) -> None:
    org_id = floor.scope.org_id
    work.session.add_all(
        [
            Task(
                id=new_id(), org_id=org_id, kind="test", requested_at=work.now, requested_by=floor.user_ids[Role.ADMIN]
            ),
            OrganizationFeature(org_id=org_id, feature="printing", is_on=True),
            JobRun(
                id=new_id(), org_id=org_id, job_id=1, name="test.job.done", outcome="done", attempts=1,
                started_at=work.now, ended_at=work.now,
            ),
        ]
    )  # fmt: skip


async def _tell_others(work: Work, floor: Floor) -> None:
    org_id = floor.scope.org_id
    hook = Webhook(
        id=new_id(), org_id=org_id, url="https://example.com", topics=["*.*.*"], secret=b"sealed", is_active=False,
        created_at=work.now,
    )  # fmt: skip
    work.session.add(hook)
    await work.session.flush()
    work.session.add(
        WebhookDelivery(
            id=new_id(), org_id=org_id, webhook_id=hook.id, event_key=new_id().hex, topic="plant.model.changed",
            body="{}", created_at=work.now,
        )
    )  # fmt: skip
