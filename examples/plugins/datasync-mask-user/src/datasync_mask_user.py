"""Replaces `userId` by a keyed hash."""

import hashlib
import hmac
import os
from typing import Any

import datasync


@datasync.transform("mask-user")
def mask_user(record: dict[str, Any]) -> dict[str, Any]:
    """Give the record with its `userId` hashed. Raises KeyError without MASK_USER_KEY in the environment."""
    if "userId" in record:
        key = os.environ["MASK_USER_KEY"].encode()
        record["userId"] = hmac.new(key, str(record["userId"]).encode(), hashlib.sha256).hexdigest()
    return record
