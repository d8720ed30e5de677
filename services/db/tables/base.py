"""What all rows share."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Numeric, Text, Uuid
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeEngine

QUANTITY: TypeEngine[Decimal] = Numeric(18, 6)
"""Quantities: twelve digits before the point, six behind it."""


class Row(DeclarativeBase):
    """A row of the database."""

    type_annotation_map = {
        str: Text,
        int: BigInteger,
        UUID: Uuid(as_uuid=True),
        datetime: DateTime(timezone=True),
        Decimal: QUANTITY,
    }
