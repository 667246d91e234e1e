from pathlib import Path

import pytest

from datasync.config import Secret, Settings, load, load_database
from datasync.config.overrides import Options
from datasync.errors import ConfigError

GOOD = {
    "DATABASE_URL": "postgresql://user:s3cret-pw@host/db",
    "API_BASE_URL": "https://api.example.com/v1/",
    "API_KEY": "s3cret-key",
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # so that no .env of the developer's is read


@pytest.mark.fault(65)
@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_or_empty_variable_is_named(name: str, value: str | None) -> None:
    environ = {key: text for key, text in GOOD.items() if key != name}
    if value is not None:
        environ[name] = value
    with pytest.raises(ConfigError, match=f"not set: {name}$") as caught:
        load(environ)
    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_an_env_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"API_KEY=\xff\xfe")
    with pytest.raises(ConfigError, match="can't be read"):
        load(GOOD)


@pytest.mark.parametrize(
    ("lines", "line"),
    [("A=1\nthis is canary\n", 2), ('\n\nAPI_KEY="canary\nB=2\n', 3), ("=canary\n", 1), ("# c\n\n\nA='canary", 4)],
)
def test_a_line_of_an_env_file_that_says_nothing_is_refused_once_by_its_number(
    lines: str, line: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".env").write_text(lines)
    with pytest.raises(ConfigError, match=rf"^\.env:{line}: is no `NAME=value`$") as caught:
        load(GOOD)
    assert caught.value.hint
    assert not caplog.records


def test_comments_exports_and_values_of_several_lines_are_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# mine\n\nexport API_KEY='of the file'\nLONG=\"a\nb\"\nNOTHING\n")
    assert load({**GOOD, "API_KEY": ""}).api_key.reveal() == "of the file"


def test_all_missing_variables_are_named_at_once() -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL, API_BASE_URL, API_KEY"):
        load({})


def test_a_dotenv_file_in_the_working_directory_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    lines = [f"{name}={value}\n" for name, value in GOOD.items()]
    (tmp_path / ".env").write_text("".join(lines))
    settings = load({"API_KEY": "from-environment"})
    assert settings.api_base_url == "https://api.example.com/v1"
    assert settings.api_key.reveal() == "from-environment"
    assert settings.database_url.reveal() == GOOD["DATABASE_URL"]


def test_of_a_command_that_wants_the_database_alone_only_a_configuration_with_postgres_is_spoken_of() -> None:
    with pytest.raises(ConfigError, match="not set: DATABASE_URL") as caught:
        load_database({})
    assert "`postgres`" in str(caught.value.hint)
    assert "datasync init" not in str(caught.value.hint)


def test_an_unknown_sslmode_is_a_mistake_and_no_server_that_is_down() -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL has an unknown `sslmode`") as caught:
        load({**GOOD, "DATABASE_URL": "postgresql://u:p@h/db?sslmode=nope"})
    assert "verify-full" in str(caught.value.hint)
    assert load({**GOOD, "DATABASE_URL": "postgresql://u:p@h/db?sslmode=require"})


@pytest.mark.fault(65)
def test_a_named_env_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not there"):
        load(GOOD, env_file=tmp_path / "nothing")


@pytest.mark.fault(65, 66)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://root:s3cret@h/db"),
        ("DATABASE_URL", "s3cret"),
        ("DATABASE_URL", "postgresql://"),
        ("DATABASE_URL", "postgresql://u:s3cret@host"),
        ("DATABASE_URL", "postgresql:///db?user=s3cret"),
        ("DATABASE_URL", "postgresql://[s3cret/db"),
        ("API_BASE_URL", "http://[::1/s3cret"),
        ("API_BASE_URL", "http://h:abc/s3cret"),
        ("API_BASE_URL", "http://h/s3cret\tx"),
        ("API_BASE_URL", "http://xn--/s3cret"),
        ("API_BASE_URL", "ftp://host/s3cret"),
        ("API_BASE_URL", "api.example.com/v1"),
        ("API_BASE_URL", "https://user:s3cret@host/v1"),
        ("API_BASE_URL", "https://host/v1?key=s3cret"),
        ("API_KEY", "s3cret\nX-Other: 1"),
        ("API_KEY", "s3cret-ключ"),
    ],
)
def test_a_malformed_value_is_refused_by_name_and_never_shown(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        load(GOOD | {name: value})
    assert "s3cret" not in f"{caught.value}{caught.value.hint}{caught.value!r}"


@pytest.mark.parametrize("value", ["0", "101", "-1", "4.5", "many", "²"])
def test_a_number_of_partitions_that_makes_no_sense_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="DATASYNC_PARTITIONS"):
        load(GOOD | {"DATASYNC_PARTITIONS": value})


def test_partitions_come_from_the_argument_then_the_variable_then_from_the_slots() -> None:
    assert load(GOOD).partitions is None
    assert load(GOOD | {"DATASYNC_PARTITIONS": " 100 "}).partitions == 100
    assert load(GOOD | {"DATASYNC_PARTITIONS": "8"}, Options(partitions=3)).partitions == 3


def test_the_endpoint_is_the_list_unless_the_variable_or_the_option_says_otherwise() -> None:
    assert load(GOOD).endpoint == "datasync"
    environ = GOOD | {"DATASYNC_ENDPOINT": "datasync-feed"}
    assert load(environ).endpoint == "datasync-feed"
    assert load(environ, Options(endpoint="other")).endpoint == "other"


def test_access_headers_are_read_as_secrets(tmp_path: Path) -> None:
    assert load(GOOD).access_headers == {}
    environ = GOOD | {"DATASYNC_ACCESS_HEADERS": '{"X-Dashboard": "s3cret-header", "X-Mode": "1"}'}
    settings = load(environ)
    assert {name: value.reveal() for name, value in settings.access_headers.items()} == {
        "X-Dashboard": "s3cret-header",
        "X-Mode": "1",
    }
    assert {value.source for value in settings.access_headers.values()} == {"DATASYNC_ACCESS_HEADERS"}
    assert "s3cret" not in repr(settings)
    (tmp_path / ".env").write_text("""DATASYNC_ACCESS_HEADERS='{"X-Dashboard": "from the file"}'\n""")
    assert load(GOOD).access_headers["X-Dashboard"].reveal() == "from the file"


@pytest.mark.fault(65, 66)
@pytest.mark.parametrize(
    "value",
    [
        "X-Dashboard: s3cret",
        "s3cret",
        '["s3cret"]',
        '{"X-A": 5}',
        '{"X-A": "s3cret}',
        '{"X-A": "s3cret\\r\\nX-Other: 1"}',
        '{"X-A": "s3cret-\u043a\u043b\u044e\u0447"}',
        '{"X-A": ""}',
        '{"X-A": "' + "s3cret" * 1000 + '"}',
        '{"X-s3cret: a": "b"}',
        '{"X-s3cret\\r\\n": "b"}',
        '{"": "s3cret"}',
        '{"Host": "s3cret"}',
        '{"content-length": "5"}',
        '{"Transfer-Encoding": "chunked"}',
        '{"Accept-Encoding": "br"}',
        '{"Proxy-Authorization": "s3cret"}',
        '{"X-A": "s3cret", "x-a": "s3cret"}',
        "{" + ", ".join(f'"X-{number}": "s3cret"' for number in range(33)) + "}",
    ],
)
def test_access_headers_that_cannot_be_sent_are_refused_by_name_and_never_shown(value: str) -> None:
    with pytest.raises(ConfigError, match="DATASYNC_ACCESS_HEADERS") as caught:
        load(GOOD | {"DATASYNC_ACCESS_HEADERS": value})
    assert "s3cret" not in f"{caught.value}{caught.value.hint}{caught.value.__cause__}"
    assert caught.value.exit_code == 2


def test_a_secret_shows_in_no_text_form() -> None:
    secret = Secret("s3cret", source="API_KEY")
    settings = load(GOOD)
    for text in (f"{secret}", repr(secret), f"{[secret]}", f"{settings!r}", str(settings)):
        assert "s3cret" not in text
    assert "API_KEY" in repr(secret)


@pytest.mark.parametrize(
    ("told", "nbytes"), [(None, 256 << 20), ("16384KiB", 16 << 20), (" 64 MiB ", 64 << 20), ("2GiB", 2 << 30)]
)
def test_memory_is_read_with_its_unit(told: str | None, nbytes: int) -> None:
    assert load(GOOD, Options(memory=told)).memory_bytes == nbytes
    assert load({**GOOD, "DATASYNC_MEMORY": told or ""}).memory_bytes == nbytes
    if told is None:
        assert Settings(Secret("", source=""), "", Secret("", source="")).memory_bytes == nbytes, (
            "the schema says the same"
        )


@pytest.mark.parametrize("value", ["much", "-1MiB", "256", "15MiB", "0.5GiB", "64MB", "\u0666\u0664MiB"])
def test_a_size_that_is_none_or_too_small_is_refused_by_name(value: str) -> None:
    with pytest.raises(ConfigError, match="DATASYNC_MEMORY or --memory") as caught:
        load(GOOD, Options(memory=value))
    assert "256MiB" in (caught.value.hint or "")
