import pyarrow as pa
import pytest
from tests.support.errors import raises

from equipoise.base.arrow import as_coded_text, as_text
from equipoise.errors import DataError


def complain(row: int | None, problem: str) -> DataError:
    return DataError("bad-value", f"row {row}: {problem}")


@pytest.mark.parametrize(
    "column",
    [
        pa.chunked_array([["a", "b", "a"], ["b"]]),
        pa.chunked_array([["a", None], ["b", "a"]]),
        pa.chunked_array([[1, 2, 1, None]]),
        pa.chunked_array([[True, False, True]]),
        pa.chunked_array([[1.0, 0.1, 1.0]]),
        pytest.param(
            pa.chunked_array([pa.array(["a", "b"], pa.string_view())]),
            marks=pytest.mark.skipif(pa.cpp_version_info.major < 18, reason="this pyarrow casts no string views"),
        ),
        pa.chunked_array([pa.array(["a", "b"]).dictionary_encode(), pa.array(["b", "c"]).dictionary_encode()]),
        pa.chunked_array([pa.array([3, 4, None]).dictionary_encode()]),
        pa.chunked_array([pa.array([3, 4], pa.int8()).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.int8()))]),
        pa.chunked_array([pa.DictionaryArray.from_arrays([0, 1, 0], pa.array(["a", None]))]),
        pa.chunked_array([pa.nulls(2)]),
        pa.chunked_array([], pa.string()),
        pa.chunked_array([], pa.dictionary(pa.int32(), pa.string())),
    ],
)
def test_it_means_what_as_text_gives(column: pa.ChunkedArray) -> None:
    coded = as_coded_text(column, complain)
    assert coded.type == pa.dictionary(pa.int32(), pa.large_string())
    assert coded.to_pylist() == as_text(column, complain).to_pylist()
    assert coded.dictionary.null_count == 0


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.chunked_array([[1.0, float("nan")]]), "row 1: is NaN"),
        (pa.chunked_array([["a"], [["b"]]][1:]), "row None: has the type list"),
        (pa.chunked_array([pa.DictionaryArray.from_arrays([0, 1], pa.array([1.0, float("nan")]))]), "row 1: is NaN"),
    ],
)
def test_what_is_no_text_is_placed(column: pa.ChunkedArray, message: str) -> None:
    with raises(DataError, "bad-value", message):
        as_coded_text(column, complain)


def test_an_odd_value_that_no_row_has_does_no_harm() -> None:
    column = pa.chunked_array([pa.DictionaryArray.from_arrays([0, 0], pa.array([1.0, float("nan")]))])
    assert as_coded_text(column, complain).to_pylist() == ["1.0", "1.0"]


def test_dictionaries_that_arrow_cannot_unify_are_read_as_text():
    with_null = pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array(["a", None]))
    many = [pa.array([f"{part} {row}" for row in range(100)]).dictionary_encode() for part in range(2)]
    narrow = [each.cast(pa.dictionary(pa.int8(), pa.string())) for each in many]
    for chunks, texts in (
        ([with_null, with_null], ["a", None] * 2),
        (narrow, [x for each in many for x in each.to_pylist()]),
    ):
        coded = as_coded_text(pa.chunked_array(chunks), lambda row, problem: DataError("bad-value", problem))
        assert coded.to_pylist() == texts
