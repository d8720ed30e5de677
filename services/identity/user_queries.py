"""The people of an organization as lists and tables: searched, filtered, sorted, page by page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import asyncpg
import orjson

from domain.custom_fields.filters import FieldFilter, FieldSort
from domain.errors import NotFound
from domain.identity.roles import Permission
from services.audit.notes import note_read
from services.custom_fields.entities import ENTITIES
from services.custom_fields.fields import load_fields
from services.custom_fields.searches import holding, words_of
from services.custom_fields.tables import Condition, TablePage, TableQuestion, find_rows
from services.db.paging import Page, page_of
from services.db.work import Work
from services.identity.session_lists import is_own_sign_in

ROWS = """
SELECT users.id, users.email, users.display_name, users.language, users.time_zone, users.number_format,
       users.plant_ids, users.is_active, users.created_at, users.version, users.custom::text AS custom,
       users.password_hash IS NOT NULL AS has_password,
       ARRAY(SELECT role FROM user_roles WHERE org_id = users.org_id AND user_id = users.id ORDER BY role) AS roles,
       (SELECT max(created_at) FROM sign_in_sessions AS one WHERE one.org_id = users.org_id AND one.user_id = users.id)
         AS signed_in_at,
       invited.expires_at AS invitation_expires_at,
       EXISTS (SELECT FROM second_factors AS two WHERE two.org_id = users.org_id AND two.user_id = users.id
                                                 AND two.confirmed_at IS NOT NULL) AS has_second_factor,
       EXISTS (SELECT FROM user_badges WHERE org_id = users.org_id AND user_id = users.id AND kind = 'badge')
         AS has_badge,
       EXISTS (SELECT FROM user_badges WHERE org_id = users.org_id AND user_id = users.id AND kind = 'pin') AS has_pin
FROM unnest($1::uuid[]) WITH ORDINALITY AS page (id, place)
JOIN users ON users.id = page.id
LEFT JOIN user_invitations AS invited ON invited.org_id = users.org_id AND invited.user_id = users.id
                                     AND invited.used_at IS NULL
ORDER BY page.place
"""
INVITED = """
thing.is_active AND thing.password_hash IS NULL
AND EXISTS (SELECT FROM user_invitations AS open
            WHERE open.org_id = thing.org_id AND open.user_id = thing.id AND open.used_at IS NULL)
"""
HAS_ROLE = """
EXISTS (SELECT FROM user_roles AS held
        WHERE held.org_id = thing.org_id AND held.user_id = thing.id AND held.role = {})
"""
EVERYBODY = 2**31 - 1
AT_ONCE = 2_000


class UserState(StrEnum):
    """Whether somebody can come in."""

    ACTIVE = "active"
    INVITED = "invited"  # has not chosen a password yet
    DEACTIVATED = "deactivated"


STATES: dict[UserState, str] = {
    UserState.ACTIVE: f"(thing.is_active AND NOT ({INVITED}))",
    UserState.INVITED: f"({INVITED})",
    UserState.DEACTIVATED: "NOT thing.is_active",
}


class UserSort(StrEnum):
    """What a table of people can be sorted by."""

    NAME = "name"
    EMAIL = "email"
    STATE = "state"
    CREATED = "created"


SORTS: dict[UserSort, str] = {
    UserSort.NAME: "thing.display_name",
    UserSort.EMAIL: "thing.email",
    UserSort.STATE: f"(CASE WHEN NOT thing.is_active THEN 2 WHEN {INVITED} THEN 1 ELSE 0 END)",
    UserSort.CREATED: "thing.created_at",
}


@dataclass(frozen=True)
class UserInfo:
    """A person or device of the organization."""

    id: UUID
    email: str
    display_name: str
    language: str
    """BCP 47 tag; empty for that of their browser."""
    time_zone: str | None
    """None for that of the plant they look at."""
    number_format: str
    plant_ids: tuple[UUID, ...] | None
    """None for all."""
    is_active: bool
    created_at: datetime
    version: int
    has_password: bool
    roles: tuple[str, ...]
    signed_in_at: datetime | None
    """The newest sign-in of the last month; aware UTC."""
    invitation_expires_at: datetime | None
    """When the open invitation ends or ended; None where there is none."""
    has_second_factor: bool
    has_badge: bool
    has_pin: bool
    custom: Mapping[str, object]

    @property
    def state(self) -> UserState:
        """Whether they can come in."""
        if not self.is_active:
            return UserState.DEACTIVATED
        is_invited = not self.has_password and self.invitation_expires_at is not None
        return UserState.INVITED if is_invited else UserState.ACTIVE


@dataclass(frozen=True)
class UserRows:
    """Some of the people that a search found."""

    total: int
    """How many it found, ten thousand at most."""
    has_more: bool
    rows: tuple[UserInfo, ...]


@dataclass(frozen=True)
class UserFilter:
    """Which people are wanted."""

    words: str = ""
    state: UserState | None = None
    role: str | None = None
    plant_id: UUID | None = None
    """Those who may see this plant, whether by name or because they may see all."""


async def list_user_rows(
    work: Work,
    *,
    wanted: UserFilter,
    filters: Sequence[FieldFilter] = (),
    order: UserSort | FieldSort = UserSort.NAME,
    is_descending: bool = False,
    offset: int = 0,
    limit: int = 50,
) -> UserRows:
    """Return the people who hold every word in their name, their address or a field for searches, from the `offset`th
    on.

    Raises:
        Forbidden: the actor may not read users.
    """
    await work.permit(Permission.READ_USERS)
    page = await _find(work, wanted, filters, order, is_descending=is_descending, offset=offset, limit=limit)
    return UserRows(page.total, page.has_more, await _in_order(work, page.ids))


async def open_user_table(work: Work) -> None:
    """Note that the actor opens the table of people, once for all its pages.

    Raises:
        Forbidden: the actor may not read users.
    """
    await work.permit(Permission.READ_USERS)
    note_read(work.scope, what="identity.users")


async def export_user_rows(
    work: Work,
    *,
    wanted: UserFilter,
    filters: Sequence[FieldFilter] = (),
    order: UserSort | FieldSort = UserSort.NAME,
    is_descending: bool = False,
) -> tuple[UserInfo, ...]:
    """Return everybody whom `list_user_rows` finds, however many.

    Raises:
        Forbidden: the actor may not read users.
    """
    await work.permit(Permission.READ_USERS)
    found = await _find(work, wanted, filters, order, is_descending=is_descending, offset=0, limit=EVERYBODY)
    people: list[UserInfo] = []
    for first in range(0, len(found.ids), AT_ONCE):
        people += await _in_order(work, found.ids[first : first + AT_ONCE])
    note_read(work.scope, what="identity.users.export", people=len(people))
    return tuple(people)


async def list_users(
    work: Work, *, wanted: UserFilter, after: tuple[str, UUID] | None = None, limit: int = 100
) -> Page[UserInfo]:
    """Return people by name; `after` is the name and id of the last one.

    Raises:
        Forbidden: the actor may not read users.
    """
    await work.permit(Permission.READ_USERS)
    note_read(work.scope, what="identity.users")
    conditions = await _conditions(work, wanted)
    if after is not None:
        conditions.append(Condition("(thing.display_name, thing.id) > ({}, {})", after))
    values: list[object] = []
    clauses = ["true"]
    for condition in conditions:
        first = len(values) + 1
        values += condition.values
        clauses.append(condition.sql.format(*(f"${place}" for place in range(first, first + len(condition.values)))))
    rows = await work.fetch(
        f"SELECT thing.id FROM users AS thing WHERE {' AND '.join(clauses)}"
        f" ORDER BY thing.display_name, thing.id LIMIT ${len(values) + 1}",
        *values,
        limit + 1,
    )
    return page_of(await _in_order(work, [row["id"] for row in rows]), limit)


async def get_user(work: Work, user_id: UUID) -> UserInfo:
    """Return one person.

    Raises:
        Forbidden: the actor may not read users, and it is not them.
        NotFound: there is no such user.
    """
    if user_id != work.scope.user_id or not await is_own_sign_in(work):
        await work.permit(Permission.READ_USERS)
    found = await _in_order(work, [user_id])
    if not found:
        raise NotFound(what="user")
    return found[0]


async def _find(
    work: Work,
    wanted: UserFilter,
    filters: Sequence[FieldFilter],
    order: UserSort | FieldSort,
    *,
    is_descending: bool,
    offset: int,
    limit: int,
) -> TablePage:
    direction = "DESC" if is_descending else "ASC"
    return await find_rows(
        work,
        TableQuestion(
            entity=ENTITIES["user"],
            filters=filters,
            conditions=await _conditions(work, wanted),
            sort=(order,) if isinstance(order, FieldSort) else (),
            order="thing.display_name, thing.id"
            if isinstance(order, FieldSort)
            else f"{SORTS[order]} {direction}, thing.id {direction}",
            offset=offset,
            limit=limit,
        ),
    )


async def _conditions(work: Work, wanted: UserFilter) -> list[Condition]:
    words = words_of(wanted.words)
    fields = await load_fields(work, "user") if words else ()
    conditions = holding(words, fields, columns="(thing.display_name || ' ' || thing.email)", table="thing")
    if wanted.state is not None:
        conditions.append(Condition(STATES[wanted.state]))
    if wanted.role is not None:
        conditions.append(Condition(HAS_ROLE, (wanted.role,)))
    if wanted.plant_id is not None:
        conditions.append(Condition("(thing.plant_ids IS NULL OR {} = ANY (thing.plant_ids))", (wanted.plant_id,)))
    return conditions


async def _in_order(work: Work, ids: Iterable[UUID]) -> tuple[UserInfo, ...]:
    return tuple(_info(row) for row in await work.fetch(ROWS, list(ids)))


def _info(row: "asyncpg.Record") -> UserInfo:
    plants = row["plant_ids"]
    return UserInfo(
        **{
            **row,
            "plant_ids": None if plants is None else tuple(plants),
            "roles": tuple(row["roles"]),
            "custom": orjson.loads(row["custom"]),
        }
    )
