"""What is given to a command and can't be meant: refused before anything is done."""

import os
from pathlib import Path

import pytest

from tests.here import Here

pytestmark = pytest.mark.usefixtures("workdir")
NOWHERE = "postgresql://nobody@127.0.0.1:9/none"


@pytest.mark.parametrize(
    ("variable", "line", "meant"),
    [
        ("DATASYNC_INGEST_JSN", "ingest", "DATASYNC_INGEST_JSON"),
        ("DATASYNC_QUARANTINE_STREM", "quarantine list", "DATASYNC_QUARANTINE_STREAM"),
        ("DATASYNC_STATUS_WACH", "status", "DATASYNC_STATUS_WATCH"),
    ],
)
@pytest.mark.parametrize("where", ["environment", "file"])
def test_a_variable_that_is_almost_that_of_an_option_is_refused_with_what_was_meant(
    here: Here, variable: str, line: str, meant: str, where: str
) -> None:
    if where == "file":
        Path(".env").write_text(f"{variable}=1\n")
    done = here(NOWHERE, *line.split(), code=2, env={variable: "1"} if where == "environment" else {})
    assert f"nothing reads the variable {variable}: is {meant} meant?" in done.stderr


def test_variables_of_other_commands_and_of_others_are_nobodys_business(here: Here) -> None:
    environ = {"DATASYNC_QUARANTINE_STREM": "1", "DATASYNC_INGEST_JSN": "1", "DATASYNC_STATUS_PORT_80_TCP": "tcp://x"}
    assert "connecting to PostgreSQL" in here(NOWHERE, "status", code=2, env=environ).stderr


@pytest.mark.parametrize("command", ["ingest", "plan", "check"])
def test_an_empty_name_of_a_configuration_is_no_folder_and_not_none(here: Here, command: str) -> None:
    assert "is empty: name a file" in here(NOWHERE, command, "--config", "", code=2).stderr


@pytest.mark.parametrize("option", ["--code", "--stream"])
def test_text_that_is_not_utf_8_is_refused_before_the_database_is_asked(here: Here, option: str) -> None:
    done = here(NOWHERE, "quarantine", "list", option, os.fsdecode(b"a\xff"), code=2)
    assert "is no text in UTF-8" in done.stderr
    assert "rows_refused" not in done.stderr
