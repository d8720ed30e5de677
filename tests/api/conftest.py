"""One way in per worker; organizations keep the tests apart."""

import httpx
import pytest

from services.db.engine import Database
from tests.api.doors import Door, make_door
from tests.factories import Floor


@pytest.fixture(scope="session")
def door(database: Database) -> Door:
    """The way in, with limits that no test reaches."""
    return make_door()


@pytest.fixture
async def admin(door: Door, floor: Floor) -> httpx.AsyncClient:
    """The admin of the floor."""
    return await door.caller(floor)


@pytest.fixture
async def stranger(door: Door, other: Floor) -> httpx.AsyncClient:
    """The admin of another organization."""
    return await door.caller(other)
