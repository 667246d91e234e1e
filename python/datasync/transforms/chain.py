"""Applies transforms, one after the other, to raw records."""

import inspect
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

from datasync.errors import ContractChanged

Transform: TypeAlias = Callable[[dict[str, Any]], dict[str, Any] | None]


class TransformFailed(Exception):
    """A transform raised, or gave back something that is no record. The message names it.

    Attributes:
        code: of the reject.
    """

    def __init__(self, message: str, *, code: str = "transform_failed") -> None:
        super().__init__(message)
        self.code = code


class RecordRefused(Exception):
    """Raised by a transform of ours: the record goes to quarantine with this code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Undecodable(Exception):
    """The raw record is not one that Python can hold."""


class Chain:
    """Raw JSON in, raw JSON out, through the transforms.

    Numbers stay exact on the way: integers of any size are `int`, all others `decimal.Decimal`.
    """

    def __init__(self, transforms: Sequence[tuple[str, Transform]], *, mask: Callable[[str], str] = str) -> None:
        """Take (name, function) pairs, in order, and what masks secrets in the messages of their exceptions."""
        self._mask = mask
        self._transforms = transforms
        self._decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
        self._encoder = msgspec.json.Encoder(decimal_format="number")

    def __call__(self, raw: bytes) -> bytes | None:
        """Give the record to store as JSON, or None to leave it out.

        Raises:
            Undecodable: `raw` can't be decoded.
            TransformFailed: a transform failed, or its result can't be encoded.
        """
        try:
            record: dict[str, Any] | None = self._decoder.decode(raw)
        except (msgspec.DecodeError, RecursionError, ValueError, ArithmeticError) as error:
            # `decimal` says nothing but the name of its exception.
            why = "an exponent out of range" if isinstance(error, ArithmeticError) else str(error)
            raise Undecodable(f"no transform or contract could look at it, for Python can't read it: {why}") from error
        for name, function in self._transforms:
            try:
                given: object = function(record)  # type: ignore[arg-type]  # None leaves the loop below
            except RecordRefused as error:
                raise TransformFailed(str(error), code=error.code) from error
            except ContractChanged:
                raise
            except BaseException as error:
                raise TransformFailed(self._mask(f"{name}: {type(error).__name__}: {error}")) from error
            if given is None:
                return None
            record = _record(name, given)
        try:
            encoded = self._encoder.encode(record)
            # msgspec writes them as null, and nobody would know.
            lost = b"null" in encoded and _not_finite(msgspec.to_builtins(record))
        except Exception as error:  # a value may have an encoder of its own
            reason = f"the result can't be encoded: {type(error).__name__}: {error}"
            raise TransformFailed(self._mask(reason)) from error
        if lost:
            raise TransformFailed(
                'the result has a float that JSON has no number for; "NaN" and "Infinity" as texts go into a column of'
                " `double precision`, None is NULL",
                code="bad_number",
            )
        return encoded


def _record(name: str, given: object) -> dict[str, Any]:
    if isinstance(given, dict):
        return given
    if inspect.iscoroutine(given):
        given.close()  # else Python says on stderr that nobody awaited it
    raise TransformFailed(f"{name}: gave a {type(given).__name__}, not a dict or None")


def _not_finite(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(map(_not_finite, value.values()))
    return isinstance(value, list | tuple) and any(map(_not_finite, value))
