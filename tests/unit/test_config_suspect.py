from pathlib import Path

import pytest
from structlog.testing import capture_logs

from datasync.config import load
from datasync.errors import ConfigError

GOOD = {"DATABASE_URL": "postgresql://user:pw@host/db", "API_BASE_URL": "https://api.example.com", "API_KEY": "key"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # so that no .env of the developer's is read


def env_file(*lines: str) -> Path:
    file = Path(".env")
    file.write_text("\n".join(lines))
    file.chmod(0o600)
    return file


@pytest.mark.fault(65)
@pytest.mark.parametrize("value", ["${NOWHERE}", "half-${NOWHERE}", "'half-${NOWHERE}'"])
def test_a_reference_to_a_variable_that_is_not_set_is_refused_and_no_half_of_a_secret_is_used(value: str) -> None:
    env_file(f"API_KEY={value}")
    with pytest.raises(ConfigError, match=r"API_KEY holds a \$\{NOWHERE\}") as caught:
        load({name: text for name, text in GOOD.items() if name != "API_KEY"})
    assert "half" not in str(caught.value)


@pytest.mark.fault(65)
def test_a_reference_in_the_environment_is_refused_too() -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL") as caught:
        load(GOOD | {"DATABASE_URL": "postgresql://u:canary${SUFFIX}@h/db"})
    assert "canary" not in str(caught.value)


@pytest.mark.fault(65)
@pytest.mark.parametrize(
    ("name", "meant"),
    [("DATASYNC_RETRY_FRO", "DATASYNC_RETRY_FOR"), ("DATASYNC_PARTITION", "DATASYNC_PARTITIONS")],
)
def test_a_misspelled_name_is_refused_with_what_was_meant(name: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        load(GOOD | {name: "canary"})
    assert meant in str(caught.value.hint)
    assert "canary" not in str(caught.value)


def test_references_to_variables_that_are_set_and_defaults_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_OUTSIDE", "outside")
    env_file("PART=inside", "API_KEY=${PART}-${FROM_OUTSIDE}-${NOWHERE:-default}")
    environ = {name: text for name, text in GOOD.items() if name != "API_KEY"} | {"FROM_OUTSIDE": "outside"}
    assert load(environ).api_key.reveal() == "inside-outside-default"


def test_what_the_environment_decides_may_be_unresolved_in_the_file() -> None:
    env_file("API_KEY=${NOWHERE}")
    assert load(GOOD).api_key.reveal() == "key"


@pytest.mark.fault(65)
@pytest.mark.parametrize("name", ["DATASYNC_RETRYFOR", "DATASYNC_ENDPOINTS", "DATASYNC_NONSENSE"])
def test_a_name_of_ours_in_a_file_that_nothing_reads_is_refused(name: str) -> None:
    env_file(f"{name}=1")
    with pytest.raises(ConfigError, match=name):
        load(GOOD)


def test_names_that_others_put_into_the_environment_are_theirs() -> None:
    load(GOOD | {"DATASYNC_SERVICE_HOST": "10.0.0.1", "DATASYNC_PORT_8080_TCP": "tcp://10.0.0.1:8080"})


@pytest.mark.fault(65)
def test_secrets_in_a_file_that_everybody_can_read_are_warned_of_by_name_alone() -> None:
    file = env_file("API_KEY=canary", "DATASYNC_MAX_WAIT=5")
    with capture_logs() as quiet:
        load(GOOD)
    file.chmod(0o644)
    with capture_logs() as logs:
        load(GOOD)
    assert not quiet
    assert [line["names"] for line in logs] == [["API_KEY"]]
    assert "canary" not in str(logs)
