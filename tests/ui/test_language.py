"""A person who reads German finds no English."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from uuid import UUID

import orjson
import pytest
from nicegui.element import Element
from nicegui.testing import User

from domain.identity.roles import Role
from services.db.keys import new_id
from services.db.tables import User as UserRow
from services.db.work import begin
from services.production.production_logs import Pieces, report_production
from services.production.reversals import reverse_report
from tests.factories import Floor, Make
from tests.ui.conftest import SignIn, sees
from tests.ui.test_access import PAGES, address
from tests.ui.update_translations import source_messages
from ui.kit.translate import translator

NAMES = frozenset({"Plant", "Department", "Lane", "Machine", "Reason", "The admin", "Test works", "pcs", "English"})
"""What the organization itself called its things, its unit among them, and what speakers call their language."""


async def reported(floor: Floor, *, good: int) -> UUID:
    """Book good pieces in the admin's name, and return the report's key."""
    client_key = new_id()
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        pieces = Pieces(good=Decimal(good))
        await report_production(work, machine_id=floor.machine_id, pieces=pieces, client_key=client_key)
    return client_key


@pytest.fixture
async def reader(floor: Floor, sign_in: SignIn) -> User:
    """The floor's admin, who reads German."""
    async with begin(floor.scope) as work:
        row = await work.session.get_one(UserRow, floor.user_ids[Role.ADMIN])
        row.language = "de"
    return await sign_in(floor, Role.ADMIN)


def english_only() -> frozenset[str]:
    """Return the messages that German says otherwise, but for words that are German for something else (Pause)."""
    german = translator("de")
    sources = {str(message.id) for message in source_messages() if message.id}
    said = {german(source) for source in sources}
    return frozenset(source for source in sources if german(source) != source and source not in said) - NAMES


def words_on(user: User) -> set[str]:
    """Return every text of the page, also those that browsers and screen readers alone make use of."""
    return {text for element in user.current_layout.descendants() for text in texts_of(element)}


def texts_of(element: Element) -> Iterator[str]:
    yield from strings(getattr(element, "text", ""))
    for name in ("label", "labels", "fields", "options", "title", "aria-label", "placeholder", "content"):
        yield from strings(element.props.get(name))


def strings(value: object) -> Iterator[str]:
    if isinstance(value, orjson.Fragment):
        value = orjson.loads(orjson.dumps(value))
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for item in value.values() for text in strings(item))
    elif isinstance(value, list | tuple):
        yield from (text for item in value for text in strings(item))


class TestGermanPages:
    @pytest.mark.parametrize("path", [*PAGES, "/terminal/nowhere"])
    async def test_contain_no_english(self, path: str, reader: User, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            await make.call(work, machine_id=floor.machine_id)

        await reader.open(await address(path, floor))

        assert words_on(reader) & english_only() == set()
        assert reader.client is not None
        assert reader.client.page.resolve_language() == "de"

    @pytest.mark.parametrize(
        ("button", "question"),
        [("andon", "Welche Hilfe wird gebraucht?"), ("state-unplanned_stop", "Warum steht die Maschine?")],
    )
    async def test_ask_no_question_in_english(self, button: str, question: str, reader: User, floor: Floor) -> None:
        await reader.open(f"/terminal/{floor.machine_code}")

        reader.find(marker=button).click()

        await sees(reader, question)
        assert words_on(reader) & english_only() == set()

    async def test_refuse_in_german(self, reader: User, floor: Floor) -> None:
        client_key = await reported(floor, good=8)
        await reader.open(f"/terminal/{floor.machine_code}")
        reader.find(marker="undo").click()
        await sees(reader, "Diese Meldung zurücknehmen?")
        async with begin(floor.scope) as work:
            await reverse_report(work, client_key=client_key, reversal_key=new_id())

        reader.find(marker="undo-yes").click()

        await sees(reader, "Das wurde bereits zurückgenommen.")

    async def test_write_numbers_and_times_as_germans_do(self, reader: User, floor: Floor) -> None:
        await reported(floor, good=12_345)

        await reader.open(f"/terminal/{floor.machine_code}")

        await sees(reader, "12.345 gut")
        await reader.should_not_see("AM")
        await reader.should_not_see("PM")


class TestLanguageOfAPage:
    async def test_belongs_to_its_reader_alone(self, reader: User, floor: Floor, sign_in: SignIn) -> None:
        english = await sign_in(floor, Role.SUPERVISOR)

        await reader.open("/wall")
        await english.open("/wall")

        await english.should_see("Walls")
        assert english.client is not None
        assert english.client.page.resolve_language() == "en-US"

    async def test_is_the_browsers_for_a_user_who_chose_none(self, floor: Floor, sign_in: SignIn) -> None:
        supervisor = await sign_in(floor, Role.SUPERVISOR)
        supervisor.http_client.headers["accept-language"] = "de-CH,de;q=0.9,en;q=0.8"

        await supervisor.open("/orders")

        await supervisor.should_see("Aufträge")

    async def test_is_ours_for_a_user_whose_language_is_not_complete(self, floor: Floor, sign_in: SignIn) -> None:
        async with begin(floor.scope) as work:
            row = await work.session.get_one(UserRow, floor.user_ids[Role.VIEWER])
            row.language = "tlh"
        user = await sign_in(floor, Role.VIEWER)

        await user.open("/wall")

        await user.should_see("Walls")
