"""No text form of a configuration shows a secret, whatever it is."""

from copy import deepcopy
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasync.config import hidden, keys, toml
from datasync.config.compile import runs
from datasync.errors import ConfigError
from tests.config_trees import AUTHS, read

# Text that stands nowhere else: no short word of ours, and nothing that begins a reference.
SECRETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="$\"'\\"), min_size=6).map(
    lambda text: f"Qx7{text}"
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(AUTHS[1:5] + AUTHS[6:8]), SECRETS, st.booleans())
def test_no_secret_is_shown_whatever_it_is(
    tmp_path: Path, auth: dict[str, Any], secret: str, by_variable: bool
) -> None:
    auth = deepcopy(auth)
    content = {"api": {"base_url": "http://h", "auth": auth}, "sink": "jsonl", "endpoint": [{"name": "a"}]}
    for path, _ in list(hidden.found(read(content, tmp_path).api.auth)):
        keys.at(auth, path[:-1])[path[-1]] = "${SECRET}" if by_variable else secret
    environ = {"SECRET": secret}
    config = read(content, tmp_path, environ)
    (run,) = runs(config)
    shown = [
        repr(config),
        str(config),
        repr(run),
        str(run),
        toml.dumps(hidden.masked(config)),
        repr(list(hidden.found(config))),
    ]
    shown.append(run.mask(f"asked with {secret}, refused"))
    for wrong in ({"unknown": 1}, {"kind": "nothing"}):
        try:
            read(content | {"api": {"base_url": "http://h", "auth": auth | wrong}}, tmp_path, environ)
        except ConfigError as error:
            shown.append(f"{error} {error!r} {error.hint}")
    assert len(shown) == 9
    assert not [text for text in shown if secret in text]
