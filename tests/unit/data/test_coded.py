import numpy as np
import pyarrow as pa
import pytest

from equipoise.data.coded import CodedColumn, numbered, text_hashes

VALUES = ["é", None, "b", "a", "b", "\U00010000", "\ue000", ""]


@pytest.mark.parametrize("is_sorted", [True, False])
@pytest.mark.parametrize("cut", [0, 3, 8])
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_codes_stand_for_the_strings(kind: pa.DataType, cut: int, is_sorted: bool) -> None:
    whole = pa.array(VALUES, pa.string())
    column = pa.chunked_array([whole[:cut], whole[cut:]]).cast(pa.string())
    coded = CodedColumn.of(
        column.dictionary_encode() if pa.types.is_dictionary(kind) else column.cast(kind), is_sorted=is_sorted
    )
    assert coded.decoded().to_pylist() == VALUES
    assert coded.to_arrow().to_pylist() == VALUES
    assert [coded[row] for row in range(len(coded))] == VALUES
    assert coded.codes.dtype == np.int32
    names = coded.names.to_pylist()
    assert names == (
        sorted(set(VALUES) - {None}) if is_sorted else list(dict.fromkeys(v for v in VALUES if v is not None))
    )


def test_a_column_without_rows() -> None:
    for chunks in ([], [pa.array([], pa.large_string())]):
        coded = CodedColumn.of(pa.chunked_array(chunks, pa.large_string()))
        assert (len(coded), coded.names.to_pylist(), coded.decoded().to_pylist()) == (0, [], [])


def test_rows_that_are_taken_share_the_names() -> None:
    taken = CodedColumn.of(pa.chunked_array([VALUES])).take(np.array([4, 1, 3]))
    assert taken.decoded().to_pylist() == ["b", None, "a"]
    assert len(taken.names) == 6
    assert taken.present() == ["a", "b"]
    assert taken.compact().names.to_pylist() == ["a", "b"]
    assert taken.compact().decoded().to_pylist() == ["b", None, "a"]
    assert taken.counts().tolist() == [0, 1, 1, 0, 0, 0]
    assert taken.is_in(["b", "é"]).tolist() == [True, False, False]


def test_hashes_of_rows_depend_on_their_strings_alone() -> None:
    column = CodedColumn.of(pa.chunked_array([["z", None, "a", "z", "m"]]))
    other = CodedColumn.of(pa.chunked_array([["x", "m"], ["z", None, "a", "z", "m"]]), is_sorted=False)
    whole = column.row_hashes(0, 5)
    assert whole.tolist() == other.take(np.arange(2, 7)).hashed().row_hashes(0, 5).tolist()
    assert np.concatenate([column.row_hashes(0, 2), column.row_hashes(2, 5)]).tolist() == whole.tolist()
    assert whole[1].tolist() == [0, 0]
    assert len(np.unique(whole, axis=0)) == 4


def test_hashes_of_a_slice_are_those_of_its_strings() -> None:
    texts = pa.array(["", "ab", "c", "abc", "é"], pa.large_string())
    assert text_hashes(texts.slice(1, 3)).tolist() == text_hashes(texts).tolist()[1:4]
    assert text_hashes(texts.slice(0, 0)).shape == (0, 2)
    assert len(np.unique(text_hashes(texts), axis=0)) == 5


@pytest.mark.parametrize("below", [3, 1 << 40])
def test_numbered_is_unique_with_its_inverse(below: int) -> None:
    for values in ([], [2, 0, 2, 2]):
        numbers, distinct = numbered(np.array(values, np.int64), below)
        expected, inverse = np.unique(np.array(values, np.int64), return_inverse=True)
        assert (numbers.tolist(), distinct.tolist()) == (inverse.tolist(), expected.tolist())
