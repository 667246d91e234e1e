from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from datasync.config import file, hidden, toml
from datasync.config.spec import Bearer, Config, PostgresTo
from datasync.errors import ConfigError
from tests.config_trees import CANARY, read, tree

SMALL: dict[str, Any] = {
    "api": {"base_url": "https://${HOST:-localhost}/v1", "auth": {"kind": "bearer", "token": "${TOKEN}"}},
    "sink": {"kind": "postgres", "url": "postgresql://u:${PASSWORD}@h/db"},
    "endpoint": [{"name": "a", "path": "/a", "records": "$.data"}],
}
SET = {"TOKEN": "t0ken", "PASSWORD": "pa55word"}


def changed(**api: Any) -> dict[str, Any]:
    content = deepcopy(SMALL)
    content["api"] |= api
    return content


def token(config: Config) -> str:
    assert isinstance(config.api.auth, Bearer)
    return config.api.auth.token.reveal()


def test_variables_are_put_in_and_secrets_know_where_they_came_from(tmp_path: Path) -> None:
    with capture_logs() as logs:
        config = read(SMALL, tmp_path, SET)
    assert isinstance(config.sink, PostgresTo)
    assert isinstance(config.api.auth, Bearer)
    assert config.api.base_url == "https://localhost/v1"
    assert config.endpoints[0].records == "$.data"
    assert (token(config), config.api.auth.token.source) == ("t0ken", "${TOKEN}")
    assert config.sink.url.reveal() == "postgresql://u:pa55word@h/db"
    assert config.sink.url.source == "sink.url with ${PASSWORD}"
    assert not logs


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20))
def test_doubled_dollars_give_any_text_back(tmp_path: Path, text: str) -> None:
    content = deepcopy(SMALL)
    content["endpoint"][0]["params"] = {"q": text.replace("$", "$$")}
    config = read(content, tmp_path, SET)
    assert config.endpoints[0].params == {"q": text}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text("$ab.{}", max_size=8))
def test_what_is_shown_can_be_read_again(tmp_path: Path, text: str) -> None:
    content = deepcopy(SMALL)
    content["endpoint"][0]["params"] = {"q": text.replace("$", "$$")}
    content["sink"] = "jsonl"
    config = read(content, tmp_path, SET)
    (tmp_path / "shown.toml").write_text(toml.dumps(hidden.masked(config)))
    again = file.read(tmp_path / "shown.toml", SET, env_file=tmp_path / "empty.env")
    assert again.endpoints == config.endpoints
    assert token(again) == token(config)


def test_all_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    content = changed(auth={"kind": "basic", "username": "${WHO}", "password": {"env": "PW"}}, budget="${WHO}")
    content["sink"]["url"] = {"file": "url.txt"}
    with pytest.raises(ConfigError) as caught:
        read(content, tmp_path, {"WHO": ""})
    text = str(caught.value)
    for named in ("WHO (api.budget)", "PW (api.auth.password)", f"the file {tmp_path / 'url.txt'} (sink.url)"):
        assert text.count(named) == 1
    assert "${NAME:-default}" in str(caught.value.hint)
    assert "into that file" in str(caught.value.hint)


def test_of_a_secrets_file_that_is_not_there_no_variable_is_spoken_of(tmp_path: Path) -> None:
    content = changed()
    content["sink"]["url"] = {"file": "nofile"}
    with pytest.raises(ConfigError, match=r"not there: the file .*nofile \(sink\.url\)$") as caught:
        read(content, tmp_path, SET)
    assert "variable" not in str(caught.value.hint)
    assert "environment" not in str(caught.value.hint)


def test_a_secret_may_be_in_a_variable_or_in_a_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text(" t0ken \r\n")
    config = read(changed(auth={"kind": "basic", "username": "u", "password": {"file": "token.txt"}}), tmp_path, SET)
    ((_, password), *_) = hidden.found(config)
    assert (password.reveal(), password.source) == (" t0ken ", "file token.txt")
    config = read(changed(auth={"kind": "bearer", "token": {"env": "TOKEN"}}), tmp_path, SET)
    assert token(config) == "t0ken"


def test_env_and_file_are_keys_like_others_where_keys_are_free(tmp_path: Path) -> None:
    content = deepcopy(SMALL)
    content["endpoint"][0]["params"] = {"env": "prod"}
    content["api"]["auth"] = {"kind": "token", "url": "/l", "token": "t", "body": {"env": "prod"}}
    config = read(content, tmp_path, SET)
    assert config.endpoints[0].params == {"env": "prod"}
    assert [secret.reveal() for path, secret in hidden.found(config) if path[-1] == "env"] == ["prod"]


@pytest.mark.parametrize("text", ["${", "${}", "${1A}", "${A", "a${B-c}", "${A:-x"])
def test_a_malformed_reference_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"api\.budget: has a `\$\{` that begins no reference"):
        read(changed(budget=text), tmp_path, SET)


def test_half_a_secret_from_an_env_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "datasync.toml"
    path.write_text(toml.dumps(SMALL))
    env = tmp_path / "vars.env"
    env.write_text("TOKEN=canary-${NOWHERE}\nPASSWORD=x\n")
    env.chmod(0o600)
    with pytest.raises(ConfigError, match="TOKEN holds a") as caught:
        file.read(path, {}, env_file=env)
    assert "canary" not in str(caught.value)


def test_an_env_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    path = tmp_path / "datasync.toml"
    path.write_text(toml.dumps(SMALL))
    env = tmp_path / "vars.env"
    env.write_text("TOKEN=file\nPASSWORD=x\n")
    env.chmod(0o600)
    assert token(file.read(path, {}, env_file=env)) == "file"
    assert token(file.read(path, {"TOKEN": "environment"}, env_file=env)) == "environment"


def test_a_secret_in_the_file_itself_is_warned_of_by_its_path_and_never_shown(tmp_path: Path) -> None:
    with capture_logs() as logs:
        read(tree(auth=7), tmp_path)
    (line,) = logs
    assert line["log_level"] == "warning"
    assert line["keys"] == ["api.auth.body.password", "api.auth.headers.X-Key", "sink.url"]
    assert CANARY not in str(logs)


def test_a_default_is_as_good_as_a_secret_in_the_file(tmp_path: Path) -> None:
    with capture_logs() as logs:
        config = read(changed(auth={"kind": "bearer", "token": "${NOT_THERE:-canary}"}), tmp_path, SET)
    assert logs[0]["keys"] == ["api.auth.token"]
    assert "canary" not in toml.dumps(hidden.masked(config))


def test_a_variable_of_ours_with_a_typo_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "datasync.toml"
    path.write_text(toml.dumps(SMALL))
    with pytest.raises(ConfigError, match="DATASYNC_MEMRY"):
        file.read(path, SET | {"DATASYNC_MEMRY": "1GiB"})


@pytest.mark.parametrize("where", [("sink", "kind"), ("api", "budget"), ("api", "timeout"), ("memory",)])
def test_no_message_shows_what_a_variable_holds(tmp_path: Path, where: tuple[str, ...]) -> None:
    content = deepcopy(SMALL)
    inner = content
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = "${TOKEN}"
    with pytest.raises(ConfigError) as caught:
        read(content, tmp_path, SET | {"TOKEN": "canary-misplaced"})
    assert "canary" not in f"{caught.value}{caught.value.hint}{caught.value.__cause__}"
