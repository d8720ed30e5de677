"""How organizations look."""

from uuid import UUID

from sqlalchemy import Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.db.keys import new_id
from services.db.tables.base import Row


class Branding(Row):
    """An organization's colours, words and pictures."""

    __tablename__ = "branding"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(default="")
    colors: Mapped[dict[str, dict[str, str]]] = mapped_column(JSONB, default=dict)
    wall_text: Mapped[str] = mapped_column(default="")
    sign_in_text: Mapped[str] = mapped_column(default="")
    mail_text: Mapped[str] = mapped_column(default="")
    mail_language: Mapped[str] = mapped_column(default="")
    pdf_text: Mapped[str] = mapped_column(default="")
    logo_id: Mapped[UUID | None]
    logo_dark_id: Mapped[UUID | None]
    favicon_id: Mapped[UUID | None]
    sign_in_picture_id: Mapped[UUID | None]
    mail_logo_id: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}
