"""The transform, called as in a run."""

import pytest
from datasync_mask_user import mask_user

from datasync.testing.checks import check_transform


def test_a_user_stays_the_same_and_can_not_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASK_USER_KEY", "k")
    one, again = (check_transform(mask_user, {"id": key, "userId": "ada"}) for key in ("a", "b"))
    assert one is not None
    assert again is not None
    assert one["userId"] == again["userId"] != "ada"


def test_a_record_without_a_user_passes_as_it_is() -> None:
    assert check_transform(mask_user, {"id": "a"}) == {"id": "a"}


def test_without_a_key_nothing_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MASK_USER_KEY", raising=False)
    with pytest.raises(KeyError):
        check_transform(mask_user, {"id": "a", "userId": "ada"})
