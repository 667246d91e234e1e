#!/usr/bin/env bash
# Build and start the containers, follow the rows as they arrive, and end with the ingestion:
# 0 once its log has "ingestion complete", its own code (or 1) when it ended without.
#
# API_BASE_URL and API_KEY come from the environment or .env. Without them: COMPOSE_PROFILES=demo ./run-ingestion.sh
# POLL_SECONDS sets how often the rows are counted (5).
set -euo pipefail

readonly database=assignment-postgres
readonly ingestion=assignment-ingestion
readonly completion='ingestion complete'
readonly poll_seconds="${POLL_SECONDS:-5}"

count_rows() {
  # The table isn't there before the first run has made it.
  docker exec "$database" psql -U postgres -d ingestion -tAc 'SELECT COUNT(*) FROM ingested_events' 2>/dev/null || echo 0
}

has_completed() {
  # Only this start's log: a container that is started again still has the log of its earlier runs.
  # Read to the end, because a pipe closed early would make `docker logs` fail. The log itself is never printed.
  docker logs --since "$1" "$ingestion" 2>&1 | grep -F -- "$completion" >/dev/null
}

cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
docker compose up -d --build

while true; do
  # The state before the log: what ends in between has then written its last line.
  read -r status code started < <(
    docker inspect --format '{{.State.Status}} {{.State.ExitCode}} {{.State.StartedAt}}' "$ingestion" 2>/dev/null ||
      echo 'missing 1 0'
  )
  printf '%4d s  %s rows\n' "$SECONDS" "$(count_rows)"
  if has_completed "$started"; then
    echo 'ingestion complete'
    exit 0
  fi
  case "$status" in
    exited | dead | missing)
      echo "error: $ingestion is $status (code $code) without \"$completion\" in its log" >&2
      echo "hint: see \`docker logs $ingestion\`; running this again goes on from the last checkpoint" >&2
      exit "$((code > 0 ? code : 1))"
      ;;
  esac
  sleep "$poll_seconds"
done
