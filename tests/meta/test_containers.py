"""The contract of the containers: their names and order, what the images are made of, and how the runner ends."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from datasync.cli.simulate import simulate

ROOT = Path(__file__).parents[2]
KEY = "sk-must-never-be-shown"
STARTED = "2026-01-02T03:04:05.678901234Z"
# As if the ingestion had leaked the key into the very line that is looked for.
COMPLETED = f'{{"event": "ingestion complete", "key": "{KEY}"}}\n'
BUSY = f'{{"event": "progress", "headers": "X-API-Key: {KEY}"}}\n'

# Plays the part of docker, one stage for each `inspect`; an earlier run of the container is complete.
STAND_IN = f"""#!/bin/sh
printf '%s | %s\\n' "$PWD" "$*" >> "$STAGES/calls"
stage=$(cat "$STAGES/stage")
case "$1" in
  compose) echo "$API_KEY" > "$STAGES/key"; exit "$(cat "$STAGES/up")" ;;
  inspect) stage=$((stage + 1)); echo "$stage" > "$STAGES/stage"; cat "$STAGES/$stage.state" ;;
  exec) cat "$STAGES/$stage.count" ;;
  logs) [ "$2 $3" = "--since {STARTED}" ] || echo "ingestion complete"; cat "$STAGES/$stage.log" >&2 ;;
  *) exit 64 ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """What docker answers until the next `inspect`; no rows means that the table isn't there yet."""

    state: str
    rows: int | None
    log: str


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    output: str
    calls: list[str]
    key_for_compose: str


def run_ingestion(folder: Path, *stages: Stage, up: int = 0) -> Ended:
    """Run the real script against the stand-in."""
    programs = folder / "bin"
    programs.mkdir()
    docker = programs / "docker"
    docker.write_text(STAND_IN)
    docker.chmod(0o755)
    (folder / "stage").write_text("0")
    (folder / "up").write_text(str(up))
    for number, stage in enumerate(stages, 1):
        (folder / f"{number}.state").write_text(f"{stage.state} {STARTED}\n")
        (folder / f"{number}.log").write_text(stage.log)
        if stage.rows is not None:
            (folder / f"{number}.count").write_text(f"{stage.rows}\n")
    done = subprocess.run(
        [ROOT / "run-ingestion.sh"],
        cwd=folder,
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            "STAGES": str(folder),
            "API_KEY": KEY,
            "POLL_SECONDS": "0",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    key = folder / "key"
    return Ended(
        done.returncode,
        done.stdout,
        (folder / "calls").read_text().splitlines(),
        key.read_text().strip() if key.exists() else "",
    )


def test_runner_counts_rows_until_the_ingestion_is_complete(tmp_path: Path) -> None:
    ended = run_ingestion(
        tmp_path,
        Stage("running 0", None, ""),
        Stage("running 0", 1000, BUSY),
        Stage("running 0", 3000, BUSY + COMPLETED),
    )
    assert ended.code == 0
    assert re.findall(r"(\d+) rows", ended.output) == ["0", "1000", "3000"]
    assert ended.calls[0] == f"{ROOT} | compose up -d --build"
    count = "exec assignment-postgres psql -U postgres -d ingestion -tAc SELECT COUNT(*) FROM ingested_events"
    assert sum(call.endswith(count) for call in ended.calls) == 3


def test_runner_ends_when_the_container_ended_complete(tmp_path: Path) -> None:
    assert run_ingestion(tmp_path, Stage("exited 0", 3000, COMPLETED)).code == 0


@pytest.mark.parametrize(
    ("state", "code"), [("exited 1", 1), ("exited 2", 2), ("exited 137", 137), ("exited 0", 1), ("dead 0", 1)]
)
def test_runner_fails_when_the_container_ended_without_completing(tmp_path: Path, state: str, code: int) -> None:
    ended = run_ingestion(tmp_path, Stage("running 0", 10, BUSY), Stage(state, 20, BUSY))
    assert ended.code == code
    assert "error: assignment-ingestion is" in ended.output
    assert "hint:" in ended.output


def test_runner_fails_when_the_container_is_gone(tmp_path: Path) -> None:
    assert run_ingestion(tmp_path).code == 1


def test_runner_fails_when_the_containers_do_not_start(tmp_path: Path) -> None:
    ended = run_ingestion(tmp_path, up=17)
    assert (ended.code, len(ended.calls)) == (17, 1)


@pytest.mark.parametrize("words", ["Ingestion complete", "ingestion incomplete", "ingestion interrupted"])
def test_runner_is_not_fooled_by_similar_words(tmp_path: Path, words: str) -> None:
    assert run_ingestion(tmp_path, Stage("exited 1", 5, words)).code == 1


def test_runner_ignores_the_completion_of_an_earlier_run(tmp_path: Path) -> None:
    ended = run_ingestion(tmp_path, Stage("running 0", 5, BUSY), Stage("exited 1", 5, BUSY))
    assert ended.code == 1


def test_runner_shows_no_key(tmp_path: Path) -> None:
    for name, last in (("complete", Stage("exited 0", 9, BUSY + COMPLETED)), ("failed", Stage("exited 2", 9, BUSY))):
        folder = tmp_path / name
        folder.mkdir()
        ended = run_ingestion(folder, Stage("running 0", 1, BUSY), last)
        assert ended.key_for_compose == KEY
        assert KEY not in ended.output
        assert not any(KEY in call for call in ended.calls)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def test_compose_postgres_is_as_the_runner_expects(compose: dict[str, Any]) -> None:
    postgres = compose["services"]["postgres"]
    assert postgres["image"] == "postgres:16-alpine"
    assert postgres["container_name"] == "assignment-postgres"
    assert postgres["environment"] == {
        "POSTGRES_USER": "postgres",
        "POSTGRES_PASSWORD": "postgres",
        "POSTGRES_DB": "ingestion",
    }
    assert postgres["ports"] == ["5434:5432"]
    assert postgres["volumes"] == ["postgres-data:/var/lib/postgresql/data"]
    assert "postgres-data" in compose["volumes"]
    assert "pg_isready" in postgres["healthcheck"]["test"][1]
    assert postgres["healthcheck"]["interval"] == "5s"


def test_compose_ingestion_is_as_the_runner_expects(compose: dict[str, Any]) -> None:
    ingestion = compose["services"]["ingestion"]
    assert ingestion["container_name"] == "assignment-ingestion"
    assert ingestion["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert ingestion["environment"]["DATABASE_URL"] == "postgresql://postgres:postgres@postgres:5432/ingestion"
    assert ingestion["stop_grace_period"] == "15s"
    # A restarted container would never look ended to the runner.
    assert "restart" not in ingestion
    assert "profiles" not in ingestion


def test_compose_demo_needs_no_key_and_nothing_else_needs_the_demo(compose: dict[str, Any]) -> None:
    simulated, ingestion = compose["services"]["simulated-api"], compose["services"]["ingestion"]
    assert simulated["profiles"] == ["demo"]
    assert "healthcheck" in simulated
    assert ingestion["depends_on"]["simulated-api"] == {"condition": "service_healthy", "required": False}
    assert ingestion["environment"]["API_BASE_URL"] == "${API_BASE_URL:-http://simulated-api:8080/api/v1}"
    assert ingestion["environment"]["API_KEY"] == "${API_KEY:-${TARGET_API_KEY:-demo-key}}"


def test_compose_demo_starts_the_simulator_with_options_it_has(compose: dict[str, Any]) -> None:
    name, *options = compose["services"]["simulated-api"]["command"]
    arguments = [re.sub(r"\$\{\w+:-(.*)\}", r"\1", option) for option in options]
    parameters = simulate.make_context(name, arguments).params
    assert name == simulate.name
    assert (parameters["host"], parameters["port"], parameters["count"]) == ("0.0.0.0", 8080, 200_000)
    assert parameters["api_key"] == "demo-key"


def test_compose_services_share_one_network_and_build_stages_that_exist(compose: dict[str, Any]) -> None:
    stages = re.findall(r"^FROM \S+ AS (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert compose["networks"] == {"assignment-network": {"name": "assignment-network"}}
    for service in compose["services"].values():
        assert service["networks"] == ["assignment-network"]
        if "build" in service:
            assert service["build"]["target"] in stages


def has_compose() -> bool:
    docker = shutil.which("docker")
    return (
        docker is not None
        and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not has_compose(), reason="no docker client with compose")
def test_compose_file_is_valid_with_and_without_the_demo() -> None:
    for profile in ([], ["--profile", "demo"]):
        done = subprocess.run(
            ["docker", "compose", *profile, "config", "--quiet"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def dockerfile_stages() -> dict[str, str]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    parts = re.split(r"^FROM \S+ AS (\S+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_image_runs_the_ingestion_as_a_fixed_user() -> None:
    stages = dockerfile_stages()
    assert list(stages)[-1] == "runtime", "the last stage is what `docker build .` gives"
    assert 'ENTRYPOINT ["datasync"]' in stages["base"]
    assert 'CMD ["ingest"]' in stages["base"]
    assert "STOPSIGNAL SIGTERM" in stages["base"]
    assert "PYTHONUNBUFFERED=1" in stages["base"]
    assert "org.opencontainers.image.title" in stages["base"]
    for name in ("runtime", "demo"):
        assert stages[name].rstrip().endswith("USER 10001:10001")


def test_image_installs_only_what_is_locked() -> None:
    stages = dockerfile_stages()
    installs = re.findall(r"pip install (.+)", "".join(stages.values()))
    assert len(installs) == 5
    assert all("--require-hashes" in install or "--no-deps --no-index" in install for install in installs)
    assert "maturin build --release --locked" in stages["build"]
    assert "requirements/runtime.txt" in stages["runtime"]
    assert "requirements/demo.txt" in stages["demo"]


def test_image_is_made_of_files_that_exist_and_reach_the_engine() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for stage in dockerfile_stages().values():
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", stage, re.MULTILINE):
            for source in sources.split():
                assert (ROOT / source).exists(), source
                assert source.split("/")[0] in allowed, source


def test_nothing_secret_reaches_the_engine() -> None:
    patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert patterns[0] == "*"
    assert not any(pattern.startswith(("!.", "!*")) for pattern in patterns)
