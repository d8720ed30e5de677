"""Settings: parsed once at the start, frozen afterwards, each field documented where it stands.

Environment variables come before `.env`, which comes before the defaults; every name has the prefix `UNISON_`.
"""

import re
import secrets
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SECRET_MIN_LENGTH = 32


class WrongSetting(Exception):
    """A setting cannot be used; the message is one sentence that names it."""


class Settings(BaseSettings):
    """Everything that an installation can choose."""

    model_config = SettingsConfigDict(
        env_prefix="UNISON_", env_file=".env", extra="ignore", frozen=True, use_attribute_docstrings=True
    )

    host: str = "127.0.0.1"
    """Address to listen on. The default can be reached from this machine only; `0.0.0.0` opens it to the network."""
    port: int = Field(default=8000, ge=1, le=65535)
    """Port to listen on."""
    data_dir: Path = Path(".unison")
    """Where the embedded Postgres, the generated secret and files live."""
    database_url: SecretStr | None = None
    """`postgresql://` URL of a given server, signing in as the runtime role `unison_app`.
    Without it an embedded Postgres is started."""
    database_owner_url: SecretStr | None = None
    """URL of the same database as its owner; needed by `migrate` when `database_url` is set."""
    database_pool_size: int = Field(default=10, ge=2, le=200)
    """Connections kept open to Postgres; as many again are opened under load."""
    secret_key: SecretStr | None = None
    """Signs tokens; at least 32 characters. Demo mode makes one and keeps it in the data directory."""
    demo: bool | None = None
    """Whether to seed the demo organizations and run simulated machines.
    By default only when the database is embedded and was empty at the first start."""
    demo_password: SecretStr | None = None
    """Password of the demo sign-ins; made and printed when missing."""
    access_token_minutes: int = Field(default=30, ge=1, le=1440)
    """Lifetime of an access token in minutes."""
    refresh_token_days: int = Field(default=7, ge=1, le=365)
    """Lifetime of a refresh token in days; each use makes a new one."""
    sign_in_attempts: int = Field(default=10, ge=1)
    """Failed sign-ins allowed per account, and five times as many per address, within 15 minutes; an
    organization can set its own number per account."""
    breached_passwords: Path | None = None
    """File of breached passwords that nobody may choose: SHA-1 hashes, one a line and sorted, as they are published, or
    the passwords themselves, one a line."""
    private_providers: bool = False
    """Whether sign-in providers may have private addresses, as a Keycloak in the factory's own network has, and use
    `http://` on this computer. Without it only public `https://` addresses are asked."""
    private_webhooks: bool = False
    """Whether webhooks may go to private addresses, as an ERP in the factory's own network has, and over `http://`.
    Without it only public `https://` addresses are told."""
    requests_per_minute: int = Field(default=1200, ge=10)
    """Requests allowed per minute to the API for each signed-in session, or each address without one."""
    max_body_bytes: int = Field(default=2_000_000, ge=10_000)
    """Largest request body that is read, in bytes."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of other sites that may call the API from a browser (CORS), as a JSON list."""
    public_url: str | None = None
    """Address under which people reach the system, if a proxy stands before it, for example `https://mes.example`."""
    smtp_url: SecretStr | None = None
    """Mail server: `smtp://user:password@host:587`, or `smtps://` for TLS from the start; `folder:` keeps mails as
    files in the data directory instead. Without it nobody is told by mail."""
    mail_from: str = "Unison MES <unison@localhost>"
    """Sender of mails."""
    files_url: SecretStr | None = None
    """Where files are kept: `s3://key:secret@host/bucket`, `s3+http://` for a server without TLS, with `?region=` where
    it matters; the bucket must exist. Without it they lie in `files` in the data directory."""
    max_upload_bytes: int = Field(default=10_000_000, ge=100_000)
    """Largest file that is taken, in bytes."""
    reconnect_timeout_s: float = Field(default=60.0, ge=3)
    """How long a screen may be offline before the server forgets what it showed, in seconds."""
    notify_throttle_ms: int = Field(default=20, ge=0, le=1000)
    """Shortest time between two doorbell rings of a live queue, in milliseconds."""
    worker: bool = True
    """Whether the server also runs the background worker."""
    log_level: str = "INFO"
    """Least severe level that is logged: DEBUG, INFO, WARNING or ERROR."""
    log_json: bool = False
    """Whether to log JSON lines instead of readable lines."""

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @field_validator("secret_key")
    @classmethod
    def _long_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SECRET_MIN_LENGTH:
            raise ValueError(f"must have at least {SECRET_MIN_LENGTH} characters")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(r"(smtps?://[^/]+|folder:)$", value.get_secret_value()):
            raise ValueError("must be smtp://host, smtps://host or folder:")
        return value

    @field_validator("files_url")
    @classmethod
    def _bucket(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(
            r"s3(\+http)?://([^/@]+:[^/@]+@)?[^/@]+/[^/?]+", value.get_secret_value()
        ):
            raise ValueError("must be s3://key:secret@host/bucket")
        return value

    @field_validator("mail_from")
    @classmethod
    def _one_sender(cls, value: str) -> str:
        if not re.fullmatch(r"[^@\r\n]+@[^@\s<>]+>?", value):
            raise ValueError("must be one e-mail address")
        return value

    @field_validator("database_url", "database_owner_url")
    @classmethod
    def _postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("must start with postgresql://")
        return value

    @model_validator(mode="after")
    def _secret_outside_demo(self) -> Self:
        may_make_one = self.demo or (self.demo is None and self.embedded)
        if self.secret_key is None and not may_make_one:
            raise ValueError(
                "UNISON_SECRET_KEY must be set to at least 32 characters; only demo mode makes one by itself"
            )
        return self

    @property
    def embedded(self) -> bool:
        """Whether this installation brings its own Postgres."""
        return self.database_url is None

    @cached_property
    def signing_key(self) -> str:
        """The secret that signs tokens: the one given, or the one kept in the data directory.

        Raises:
            WrongSetting: the kept secret cannot be read or is too short.
        """
        if self.secret_key is not None:
            return self.secret_key.get_secret_value()
        return _kept_secret(self.data_dir / "secret_key")


def load_settings(**overrides: object) -> Settings:
    """Read the settings from the environment, `.env` and defaults; `overrides` (command line) come first.

    Raises:
        WrongSetting: one sentence that names the first setting at fault.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        reason = str(first["msg"]).removeprefix("Value error, ")
        if not first["loc"]:
            raise WrongSetting(f"{reason}.") from None
        name = f"UNISON_{str(first['loc'][0]).upper()}"
        raise WrongSetting(f"The setting {name} cannot be used: {reason}.") from None


def settings_table() -> str:
    """Return every setting as a Markdown table: its environment variable, default and meaning."""
    lines = ["| setting | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in {None, ()} else f"`{_as_written(field.default)}`"
        lines.append(f"| `UNISON_{name.upper()}` | {default} | {meaning_of(name)} |")
    return "\n".join(lines)


def meaning_of(name: str) -> str:
    """Return what a setting means, in one line: as it is documented above, as the README and the page of health say."""
    return " ".join((Settings.model_fields[name].description or "").split())


def _as_written(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def _kept_secret(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    secret = path.read_text().strip()
    if len(secret) < SECRET_MIN_LENGTH:
        raise WrongSetting(f"The secret in {path} is shorter than {SECRET_MIN_LENGTH} characters; delete the file.")
    return secret
