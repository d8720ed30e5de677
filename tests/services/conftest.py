"""What several files of tests of the services need."""

from collections.abc import AsyncIterator

import pytest

from tests.factories import Connection
from tests.services.receivers import Receiver, listening, way_out


@pytest.fixture
async def receiver(superuser_connection: Connection) -> AsyncIterator[Receiver]:
    """A receiver of webhooks that listens and may be reached; nobody else's messages wait."""
    async with way_out(superuser_connection), listening() as receiver:
        yield receiver
