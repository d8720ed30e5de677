"""Recurring jobs that keep the installation healthy."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from services.db.engine import without_tenant
from services.db.keys import new_id
from services.db.tables import IdempotencyKey, RefreshToken, SignInSession
from services.db.work import begin, read
from services.jobs.registry import REGISTRY, Job
from services.jobs.upkeep import (
    MakeMonthsAhead,
    PurgeIdempotencyKeys,
    PurgeSignIns,
    ReapLiveQueues,
    make_months_ahead,
    purge_idempotency_keys,
    purge_sign_ins,
    reap_live_queues,
)
from tests.architecture.furnished import sign_in
from tests.factories import Connection, Floor


class TestMakeMonthsAhead:
    async def test_prepares_three_months_of_every_monthly_table(
        self, database: object, superuser_connection: Connection
    ) -> None:
        async with without_tenant() as connection:
            await make_months_ahead(connection, MakeMonthsAhead())

        missing = await superuser_connection.fetch(
            "SELECT table_name || to_char(now() + make_interval(months => n), '_YYYY_MM') AS name"
            " FROM app.monthly_tables, generate_series(0, 3) n"
            " WHERE to_regclass(table_name || to_char(now() + make_interval(months => n), '_YYYY_MM')) IS NULL"
        )
        assert missing == []

    @pytest.mark.parametrize("until", ["interval '30 months'", "interval '100 years'", "interval '-40 years'"])
    async def test_cannot_be_made_to_fill_the_database(self, app_connection: Connection, until: str) -> None:
        with pytest.raises(Exception, match="out of range"):
            await app_connection.execute(f"SELECT app.ensure_months(now() + {until}, now() + {until})")


class TestReapLiveQueues:
    async def test_leaves_the_living_alone(self, superuser_connection: Connection, app_connection: Connection) -> None:
        queue = f"live_{new_id().hex[-12:]}"
        await app_connection.execute("SELECT app.open_live_queue($1, '{#}')", queue)

        async with without_tenant() as connection:
            await reap_live_queues(connection, ReapLiveQueues())

        still_bound = await superuser_connection.fetchval(
            "SELECT count(*) FROM pgmq.topic_bindings WHERE queue_name = $1", queue
        )
        await app_connection.execute("SELECT app.close_live_queue($1)", queue)
        assert still_bound == 1


class TestPurge:
    async def test_forgets_old_answers_of_every_organization_and_no_young_one(self, floor: Floor, other: Floor) -> None:
        for owner in (floor, other):
            async with begin(owner.scope) as work:
                await sign_in(work, owner)
                await sign_in(work, owner)
                oldest = select(func.min(IdempotencyKey.key)).scalar_subquery()
                await work.session.execute(
                    update(IdempotencyKey)
                    .where(IdempotencyKey.key == oldest)
                    .values(created_at=work.now - timedelta(days=2))
                )

        async with without_tenant() as connection:
            await purge_idempotency_keys(connection, PurgeIdempotencyKeys())

        for owner in (floor, other):
            async with read(owner.scope) as work:
                assert await work.session.scalar(select(func.count()).select_from(IdempotencyKey)) == 1

    async def test_forgets_sessions_that_ended_long_ago_with_their_tokens(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            for _ in range(3):
                await sign_in(work, floor)
            sessions = list((await work.session.execute(select(SignInSession))).scalars())
            sessions[0].revoked_at, sessions[0].revoked_because = work.now - timedelta(days=31), "revoked"
            sessions[1].expires_at = work.now - timedelta(days=31)

        async with without_tenant() as connection:
            await purge_sign_ins(connection, PurgeSignIns())

        async with read(floor.scope) as work:
            left = list((await work.session.execute(select(SignInSession.id))).scalars())
            tokens = list((await work.session.execute(select(RefreshToken.session_id))).scalars())
        assert left == tokens == [sessions[2].id]

    @pytest.mark.parametrize("function", ["purge_idempotency_keys", "purge_sign_ins"])
    async def test_cannot_be_made_to_forget_what_is_new(self, app_connection: Connection, function: str) -> None:
        with pytest.raises(Exception, match="an hour at least"):
            await app_connection.execute(f"SELECT app.{function}('59 minutes')")

    async def test_leaves_no_organization_set_behind(self, floor: Floor) -> None:
        async with without_tenant() as connection:
            await purge_sign_ins(connection, PurgeSignIns())

            with pytest.raises(Exception, match="no organization is set"):
                await connection.execute(text("SELECT * FROM users"))


class TestSchedules:
    @pytest.mark.parametrize("job", [MakeMonthsAhead, ReapLiveQueues, PurgeIdempotencyKeys, PurgeSignIns])
    def test_come_by_themselves(self, job: type[Job]) -> None:
        assert REGISTRY[job.name].every_s
