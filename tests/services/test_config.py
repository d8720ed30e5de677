"""Settings, parsed once at the start."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from services.config import Settings, WrongSetting, load_settings

GIVEN = {"UNISON_DATABASE_URL": "postgresql://unison_app@db/unison", "UNISON_SECRET_KEY": "s" * 32}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start in an empty folder without any setting."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"UNISON_{name.upper()}", raising=False)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


class TestLoadSettings:
    def test_needs_nothing_for_an_installation_of_its_own(self) -> None:
        settings = load_settings()

        assert settings.embedded
        assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8000, Path(".unison"))

    def test_takes_the_command_line_before_the_environment_before_the_file_before_defaults(
        self, environment: pytest.MonkeyPatch
    ) -> None:
        Path(".env").write_text("UNISON_PORT=8001\nUNISON_HOST=file\nUNISON_LOG_LEVEL=debug\n")
        environment.setenv("UNISON_PORT", "8002")
        environment.setenv("UNISON_HOST", "environment")

        settings = load_settings(port=8003, host=None)

        assert (settings.port, settings.host, settings.log_level) == (8003, "environment", "DEBUG")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("PORT", "0"), ("PORT", "65536"), ("PORT", "eighty"), ("DATABASE_URL", "mysql://x"),
            ("DATABASE_OWNER_URL", "db"), ("DATABASE_POOL_SIZE", "1"), ("SECRET_KEY", "short"),
            ("ACCESS_TOKEN_MINUTES", "0"), ("REFRESH_TOKEN_DAYS", "-1"), ("SIGN_IN_ATTEMPTS", "0"),
            ("REQUESTS_PER_MINUTE", "1"), ("MAX_BODY_BYTES", "1"), ("RECONNECT_TIMEOUT_S", "1"),
            ("NOTIFY_THROTTLE_MS", "-5"), ("WORKER", "perhaps"), ("LOG_LEVEL", "LOUD"), ("DEMO", "maybe"),
        ],
    )  # fmt: skip
    def test_names_the_setting_at_fault_in_one_sentence(
        self, environment: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        environment.setenv(f"UNISON_{name}", value)

        with pytest.raises(WrongSetting) as refused:
            load_settings()

        sentence = str(refused.value)
        assert f"UNISON_{name}" in sentence
        assert sentence.endswith(".")
        assert "\n" not in sentence

    def test_never_repeats_a_secret_that_it_refuses(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("UNISON_SECRET_KEY", "hunter2")

        with pytest.raises(WrongSetting) as refused:
            load_settings()

        assert "hunter2" not in str(refused.value)

    def test_never_shows_secrets_when_it_is_printed(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("UNISON_DATABASE_URL", "postgresql://unison_app:hunter2@db/unison")

        assert "hunter2" not in repr(load_settings())

    def test_cannot_be_changed_afterwards(self) -> None:
        with pytest.raises(ValidationError):
            setattr(load_settings(), "port", 1)  # noqa: B010 - the type checker refuses the plain assignment


class TestSecretKey:
    def test_must_be_given_for_a_given_database(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UNISON_DATABASE_URL", GIVEN["UNISON_DATABASE_URL"])

        with pytest.raises(WrongSetting, match="UNISON_SECRET_KEY"):
            load_settings()

    def test_must_be_given_outside_demo_mode(self) -> None:
        with pytest.raises(WrongSetting, match="UNISON_SECRET_KEY"):
            load_settings(demo=False)

    def test_is_the_given_one(self, environment: pytest.MonkeyPatch) -> None:
        assert load_settings().signing_key == "s" * 32

    def test_is_made_once_and_kept_for_the_owner_only(self, tmp_path: Path) -> None:
        made = load_settings(data_dir=tmp_path / "data").signing_key

        kept = tmp_path / "data" / "secret_key"
        assert len(made) >= 32
        assert kept.stat().st_mode & 0o777 == 0o600
        assert load_settings(data_dir=tmp_path / "data").signing_key == made

    def test_that_was_cut_off_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "secret_key").write_text("half a sec")

        with pytest.raises(WrongSetting, match="secret_key is shorter"):
            _ = load_settings(data_dir=tmp_path).signing_key
