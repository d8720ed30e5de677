"""One running product for all tests that share it; whoever needs another one makes it."""

import shutil
from collections.abc import Iterator

import pytest

from tests.product.installation import DEMO_PASSWORD, Installation, new_directory


@pytest.fixture(scope="package")
def product() -> Iterator[Installation]:
    """A running product with the demo's organizations and machines."""
    place = Installation(new_directory(), demo_password=DEMO_PASSWORD, requests_per_minute="100000")
    try:
        place.start()
        yield place
    finally:
        place.put_away()
        print(place.log)  # pytest shows it beside a failure
        shutil.rmtree(place.directory, ignore_errors=True)
