"""The kinds of things that can have custom fields; another one joins by one line here, and its column and triggers."""

from dataclasses import dataclass

from domain.checks import InvalidChoice
from domain.errors import marked
from domain.identity.roles import Permission


@dataclass(frozen=True)
class Entity:
    """A kind of things with custom fields."""

    key: str
    """Names it in addresses and in the table of fields."""
    table: str
    code: str
    """The column by which people and tables of others name a thing."""
    title: str
    """The column that says more about it."""
    words: str
    """What people call the things, to be translated."""
    read: Permission
    """Who may see the things."""
    edit: Permission
    """Who may change them, and attach files to them."""


READ_ORDERS, EDIT_ORDERS = Permission.READ_ORDERS, Permission.EDIT_ORDERS
READ_PLANT, EDIT_PLANT = Permission.READ_PLANT, Permission.EDIT_PLANT
_ALL = (
    Entity("material", "materials", "number", "description", marked("Materials"), READ_ORDERS, EDIT_ORDERS),
    Entity("work_order", "work_orders", "number", "note", marked("Orders"), READ_ORDERS, EDIT_ORDERS),
    Entity("machine", "machines", "code", "name", marked("Machines"), READ_PLANT, EDIT_PLANT),
    Entity("lane", "lanes", "code", "name", marked("Lanes"), READ_PLANT, EDIT_PLANT),
    Entity("department", "departments", "code", "name", marked("Departments"), READ_PLANT, EDIT_PLANT),
    Entity("plant", "plants", "code", "name", marked("Plants"), READ_PLANT, EDIT_PLANT),
    Entity("reason", "reasons", "code", "label", marked("Reasons"), READ_PLANT, EDIT_PLANT),
    Entity("user", "users", "email", "display_name", marked("Users"), Permission.READ_USERS, Permission.EDIT_USERS),
)
ENTITIES: dict[str, Entity] = {entity.key: entity for entity in _ALL}
"""By key, in the order in which the set-up lists them."""


def entity_of(key: str, *, field: str = "entity") -> Entity:
    """Return the entity that a key names.

    Raises:
        InvalidChoice: there is none.
    """
    if key not in ENTITIES:
        raise InvalidChoice(field=field, choices=", ".join(ENTITIES))
    return ENTITIES[key]
