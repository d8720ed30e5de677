"""Custom fields: what they are, and sorted keys of their values."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.db.keys import new_id
from services.db.tables.base import Row


class CustomField(Row):
    """A field that an organization added to a kind of its things."""

    __tablename__ = "custom_fields"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    entity: Mapped[str]
    key: Mapped[str]
    type: Mapped[str]
    labels: Mapped[dict[str, str]] = mapped_column(JSONB)
    unit: Mapped[str] = mapped_column(default="")
    is_required: Mapped[bool] = mapped_column(default=False)
    default_value: Mapped[object | None] = mapped_column(JSONB(none_as_null=True))
    rules: Mapped[dict[str, object]] = mapped_column(JSONB, default=dict)
    choices: Mapped[list[dict[str, object]]] = mapped_column(JSONB, default=list)
    reference: Mapped[str | None]
    section: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)
    position: Mapped[int] = mapped_column(Integer, default=0)
    shown_in: Mapped[list[str]] = mapped_column(ARRAY(Text))
    is_active: Mapped[bool] = mapped_column(default=True)
    has_keys: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}


class CustomKey(Row):
    """A value of a field to filter by, as a text that sorts as the value does; triggers keep them."""

    __tablename__ = "custom_keys"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    field_id: Mapped[UUID] = mapped_column(primary_key=True)
    row_id: Mapped[UUID] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True)
    plant_id: Mapped[UUID | None]
    key: Mapped[str | None]


class CustomConversion(Row):
    """A change of the type of a custom field."""

    __tablename__ = "custom_conversions"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    field_id: Mapped[UUID]
    field_version: Mapped[int] = mapped_column(Integer)
    from_type: Mapped[str]
    to_type: Mapped[str]
    definition: Mapped[dict[str, object]] = mapped_column(JSONB)
    state: Mapped[str]
    total: Mapped[int] = mapped_column(Integer, default=0)
    leftover: Mapped[int] = mapped_column(Integer, default=0)
    leftovers: Mapped[str | None]
    samples: Mapped[list[dict[str, object]]] = mapped_column(JSONB, default=list)
    task_id: Mapped[UUID | None]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}
