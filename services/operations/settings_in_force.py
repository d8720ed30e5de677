"""The settings with which this process runs, where each came from, and no secret among them."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import get_args

from dotenv import dotenv_values
from pydantic import SecretStr

from domain.identity.roles import Permission
from domain.scope import Scope
from services.config import Settings, meaning_of

SET, NOT_SET = "set", "not set"


class Origin(StrEnum):
    """Where a setting's value came from."""

    ENVIRONMENT = "environment"
    FILE = ".env"
    COMMAND = "command line"
    DEFAULT = "default"


@dataclass(frozen=True)
class SettingInForce:
    """One setting."""

    name: str
    """As an environment variable."""
    value: str
    """As it would be written; of a secret only whether it is set."""
    origin: Origin
    meaning: str
    """In English, as the README says it; the catalogues have it in other languages."""


def settings_in_force(scope: Scope, settings: Settings) -> tuple[SettingInForce, ...]:
    """Return every setting in the order of the code.

    Raises:
        Forbidden: the actor may not inspect the system.
    """
    scope.require(Permission.INSPECT_SYSTEM)
    variables = {name.upper() for name in os.environ}
    file = {name.upper() for name in _env_file()}
    return tuple(
        SettingInForce(
            name=f"UNISON_{name.upper()}",
            value=_shown(getattr(settings, name), is_secret=SecretStr in _kinds(field.annotation)),
            origin=_origin(f"UNISON_{name.upper()}", name in settings.model_fields_set, variables, file),
            meaning=meaning_of(name),
        )
        for name, field in Settings.model_fields.items()
    )


def _origin(variable: str, is_given: bool, variables: set[str], file: set[str]) -> Origin:
    if not is_given:
        return Origin.DEFAULT
    if variable in variables:
        return Origin.ENVIRONMENT
    return Origin.FILE if variable in file else Origin.COMMAND


def _kinds(annotation: object) -> tuple[object, ...]:
    return (annotation, *get_args(annotation))


def _env_file() -> Mapping[str, str | None]:
    return dotenv_values(".env")


def _shown(value: object, *, is_secret: bool) -> str:
    if is_secret:
        return NOT_SET if value is None else SET
    if value is None:
        return ""
    if isinstance(value, tuple):
        return json.dumps(value) if value else ""
    return str(value).lower() if isinstance(value, bool) else str(value)
