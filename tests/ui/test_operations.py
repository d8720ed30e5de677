"""The desk of whoever runs the installation: health, jobs, features."""

from nicegui.testing import User

from domain.identity.roles import Role
from services.custom_fields.keys import MakeCustomKeys
from services.db.keys import new_id
from services.db.work import begin
from services.jobs.registry import enqueue
from services.jobs.worker import work_once
from services.operations.features import switch_feature
from services.tasks.tasks import TaskJob, start_task
from tests.factories import Connection, Floor
from tests.ui.conftest import SignIn, sees, until
from ui.components.page_sight import PageSight


class TestHealthPage:
    async def test_says_in_words_how_every_part_is_and_hides_secrets(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)

        await admin.open("/admin/health")

        await sees(admin, "Postgres 18")
        await sees(admin, "All applied")
        await sees(admin, "1 of yours on this server process")
        await sees(admin, "UNISON_SECRET_KEY")
        await sees(admin, "Least severe level that is logged: DEBUG, INFO, WARNING or ERROR.")
        await sees(admin, "Jobs of all organizations")
        await sees(admin, "postgres/btree_gist")
        await admin.should_not_see("kkkkkkkk")

    async def test_does_not_call_what_works_a_good_piece(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        admin.http_client.headers["accept-language"] = "de"

        await admin.open("/admin/health")

        await sees(admin, "In Ordnung")
        await admin.should_not_see("Gutteile")


class TestJobsPage:
    async def test_follows_a_task_and_cancels_it(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/jobs")
        await sees(admin, "No task was started yet.")

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await start_task(work, TaskJob(task_id=new_id()))
        await sees(admin, "system.task.run")
        await admin.should_see(marker="cancel-task", retries=60)
        admin.find(marker="cancel-task").click()

        await sees(admin, "Cancelled")

    async def test_follows_jobs_from_the_queue_to_their_end(
        self, floor: Floor, sign_in: SignIn, superuser_connection: Connection
    ) -> None:
        await superuser_connection.execute("DELETE FROM pgmq.q_jobs")
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/jobs")
        await sees(admin, "No job ended in the last 24 hours.")

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await enqueue(work, MakeCustomKeys(field_id=new_id()))
        await sees(admin, MakeCustomKeys.name)
        await admin.should_see(marker="retry-job", retries=60)
        await work_once()

        await sees(admin, "Nothing waits: every job is done.")
        await admin.should_not_see("No job ended in the last 24 hours.")

    async def test_rests_while_its_tab_is_in_the_background(
        self, floor: Floor, sign_in: SignIn, superuser_connection: Connection
    ) -> None:
        await superuser_connection.execute("DELETE FROM pgmq.q_jobs")
        hidden, shown = await sign_in(floor, Role.ADMIN), await sign_in(floor, Role.ADMIN)
        for one in (hidden, shown):
            await one.open("/admin/jobs")
            await sees(one, "Nothing waits: every job is done.")
        hidden.find(kind=PageSight).trigger("change", args=False)

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await enqueue(work, MakeCustomKeys(field_id=new_id()))
        await sees(shown, MakeCustomKeys.name)
        await hidden.should_not_see(MakeCustomKeys.name)
        hidden.find(kind=PageSight).trigger("change", args=True)

        await sees(hidden, MakeCustomKeys.name)


class TestFeaturesPage:
    async def test_switches_what_leaves_open_screens_at_once(self, floor: Floor, sign_in: SignIn) -> None:
        admin, supervisor = await sign_in(floor, Role.ADMIN), await sign_in(floor, Role.SUPERVISOR)
        await supervisor.open("/orders")
        await admin.open("/admin/features")

        admin.find(marker="feature-orders").click()

        await sees(admin, "Saved")
        await supervisor.open("/orders")
        await sees(supervisor, "Your organization has switched this off.")
        await supervisor.open("/plant")
        await supervisor.should_not_see("Materials")

    async def test_shows_what_somebody_else_switched(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/features")

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await switch_feature(work, feature="andon", is_on=False, version=0)

        await _is_off(admin, "feature-andon")


async def _is_off(user: User, marker: str) -> None:
    await until(lambda: not any(element.value for element in user.find(marker=marker).elements))  # type: ignore[attr-defined]
