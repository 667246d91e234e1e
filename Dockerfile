# Two images from one wheel: `runtime` (the default) ingests, `demo` can also serve the simulated API.
#   docker build -t datasync .
#   docker build -t datasync:demo --target demo .

FROM rust:1.95-slim-bookworm AS rust

FROM python:3.12-slim-bookworm AS build
# Debian's compiler is older than the edition of our crates; the official one runs on the same Debian as this image.
COPY --from=rust /usr/local/rustup /usr/local/rustup
COPY --from=rust /usr/local/cargo /usr/local/cargo
ENV RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo PATH=/usr/local/cargo/bin:$PATH
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY requirements/dev.txt requirements/dev.txt
# Of all development tools only maturin, in the version and with the hashes that are locked.
RUN awk '/^[a-z]/ { wanted = /^maturin==/ } wanted' requirements/dev.txt > build.txt \
    && pip install --no-cache-dir --disable-pip-version-check --require-hashes -r build.txt
COPY pyproject.toml Cargo.toml Cargo.lock README.md LICENSE ./
COPY rust rust
COPY python python
# Cargo compares times, and the cache may be newer than these sources: hence the touch.
# The interpreter of this stage is that of the next, so the wheel needs no portability check (which wants patchelf).
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    find rust -name '*.rs' -exec touch {} + \
    && maturin build --release --locked --interpreter python3.12 --compatibility linux --out /wheels

FROM python:3.12-slim-bookworm AS base
LABEL org.opencontainers.image.title="datasync" \
      org.opencontainers.image.description="Gets a rate-limited REST API into PostgreSQL, fast and exactly once" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# A fixed number, so that a cluster's policy can name the user and mounted files keep their owner.
RUN groupadd --gid 10001 datasync \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /app --shell /usr/sbin/nologin datasync
WORKDIR /app
# Drains and commits on the first SIGTERM.
STOPSIGNAL SIGTERM
ENTRYPOINT ["datasync"]
CMD ["ingest"]

FROM base AS demo
COPY requirements/demo.txt /tmp/requirements.txt
RUN pip install --require-hashes -r /tmp/requirements.txt
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels pip install --no-deps --no-index /wheels/*.whl
USER 10001:10001

FROM base AS runtime
COPY requirements/runtime.txt /tmp/requirements.txt
RUN pip install --require-hashes -r /tmp/requirements.txt
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels pip install --no-deps --no-index /wheels/*.whl
USER 10001:10001
