"""Errors are told by their code: the words of a message may be improved."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from equipoise.errors import EquipoiseError, EquipoiseWarning


@contextmanager
def raises(kind: type[EquipoiseError], code: str, *parts: str) -> Iterator[pytest.ExceptionInfo[EquipoiseError]]:
    """Expect an error of this very class and code, whose message has these parts."""
    with pytest.raises(kind) as caught:
        yield caught
    assert type(caught.value) is kind
    assert caught.value.code == code, f"code {caught.value.code!r}: {caught.value}"
    assert [part for part in parts if part not in str(caught.value)] == [], str(caught.value)


@contextmanager
def warns(kind: type[EquipoiseWarning], code: str) -> Iterator[pytest.WarningsRecorder]:
    """Expect a warning of this class and code, among others."""
    with pytest.warns(kind) as caught:
        yield caught
    codes = [getattr(one.message, "code", None) for one in caught if isinstance(one.message, kind)]
    assert code in codes, f"codes {codes}"
