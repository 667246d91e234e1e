"""Secrets are masked from the moment they are known."""

from datasync.config import Masker, Secret, Settings
from datasync.config.mask import LEARNED

KEY = Secret("canary-key", source="API_KEY")
URL = Secret("postgresql://u:canary%2Fpw@h/d", source="DATABASE_URL")


def test_a_masker_learns_on_the_way() -> None:
    mask = Masker([KEY])
    assert mask("canary-key canary-token") == "*** canary-token"
    mask.learn(Secret("canary-token", source="test"))
    assert mask("canary-key canary-token") == "*** ***"


def test_a_secret_is_masked_as_it_is_written_in_a_url_too() -> None:
    mask = Masker([Secret("a b/c+d=", source="test"), URL])
    assert mask("x?k=a%20b%2Fc%2Bd%3D") == "x?k=***"
    assert mask("canary/pw and canary%2Fpw") == "*** and ***"


def test_old_tokens_are_forgotten_and_configured_secrets_never() -> None:
    settings = Settings(URL, "https://h", KEY)
    for number in range(LEARNED + 1):
        settings.mask.learn(Secret(f"token-{number:06}", source="test"))
    assert settings.mask("canary-key") == "***"
    assert settings.mask("token-000001") == "***"
    assert settings.mask("token-000000") == "token-000000"


def test_settings_know_their_secrets_and_spare_words_that_are_none() -> None:
    headers = {"X-A": Secret("canary-header", source="test"), "X-B": Secret("1", source="test")}
    settings = Settings(URL, "https://h", KEY, access_headers=headers)
    assert settings.mask("1 canary-key canary-header canary/pw") == "1 *** *** ***"
    assert "canary" not in repr(settings)


def test_each_settings_have_a_masker_of_their_own() -> None:
    one, other = Settings(URL, "https://h", KEY), Settings(URL, "https://h", KEY)
    one.mask.learn(Secret("canary-token", source="test"))
    assert other.mask("canary-token") == "canary-token"
