"""What programs hear of the installation: the same as the page of health tells people."""

import httpx

from services.config import Settings, settings_table
from tests.api.doors import V1


class TestHealth:
    async def test_tells_of_queues_workers_screens_files_migrations_and_versions(
        self, admin: httpx.AsyncClient
    ) -> None:
        health = (await admin.get(f"{V1}/infrastructure/health")).json()

        queues = {queue["name"]: queue for queue in health["queues"]}
        assert {"jobs", "webhook_events"} <= set(queues)
        assert set(queues["jobs"]) == {"name", "depth", "oldest_at", "oldest_s", "late_s", "archived"}
        assert isinstance(health["workers"], list)
        assert (health["screens"] >= 0, health["processes"] >= 0) == (True, True)
        assert (health["backend"], health["free_bytes"] > 0) == ("folder", True)
        assert (health["migrations"], health["missing"], health["revision"] > "0029") == ("good", [], True)
        assert {"unison-mes", "python", "postgres", "nicegui"} <= set(health["versions"])


class TestSettings:
    async def test_mean_what_the_readme_says(self, admin: httpx.AsyncClient) -> None:
        items = (await admin.get(f"{V1}/infrastructure/settings")).json()["items"]

        table = settings_table()
        assert [item["name"] for item in items] == [f"UNISON_{name.upper()}" for name in Settings.model_fields]
        assert [item["name"] for item in items if f"| {item['meaning']} |" not in table] == []
