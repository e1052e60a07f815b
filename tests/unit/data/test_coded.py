import numpy as np
import pyarrow as pa
import pytest

from equipoise.data.coded import CodedColumn

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


def test_the_order_of_appearance_does_not_depend_on_the_names() -> None:
    column = CodedColumn.of(pa.chunked_array([["z", None, "a", "z", "m"]]))
    used, codes = column.by_appearance()
    assert column.names.take(pa.array(used)).to_pylist() == ["z", "a", "m"]
    assert codes.tolist() == [0, -1, 1, 0, 2]
    used, codes = column.take(np.array([4, 2, 4])).by_appearance()
    assert (column.names.take(pa.array(used)).to_pylist(), codes.tolist()) == (["m", "a"], [0, 1, 0])
