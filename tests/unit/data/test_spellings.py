import pyarrow as pa
import pytest

from equipoise.data.spellings import is_decimal, normal_form, same_spelling


def texts(*values: str | None) -> pa.Array:
    return pa.array(values, pa.large_string())


@pytest.mark.parametrize(
    "same",
    [
        [
            "3",
            "3.0",
            "3.00",
            "3.",
            "03",
            "+3",
            "003.0",
            "3e+00",
            "30e-1",
            "0.3E+01",
            " 3",
            "3\t",
            "\uff13",
            "\u200b3.0",
        ],
        ["0", "0.0", "-0", "-0.0", "+0", ".0", "00", "0e+05", "0.000"],
        ["-2.5", "-2.50", "-02.5", "-25e-01"],
        ["0.00001", "1e-05", "1.0e-5", ".00001"],
        ["10000000000000000", "1e+16", "10000000000000000.0"],
        ["true", "True", "TRUE", "True "],
        ["false", "False", "FALSE"],
        ["caf\u00e9", "cafe\u0301", "cafe\u200b\u0301", "caf\u00e9\ufeff", "ca\u00adf\u00e9"],
        ["fix", "\ufb01x", "\uff46\uff49\uff58", "fi\u200dx", "fix\ufe0f", "\u2060fix\u200e", "fix\U000e0020"],
        ["no risk", "no\u00a0risk", "no\u202frisk", "no\u3000risk", "\u2003no risk"],
        ["\u1100\u1161", "\uac00"],  # Hangul in letters, and as a syllable
        ["P12", "\u2119\u2081\u2082"],
    ],
)
def test_equal_things_have_one_form(same: list[str]) -> None:
    forms = normal_form(texts(*same)).to_pylist()
    assert len(set(forms)) == 1
    assert normal_form(texts(forms[0])).to_pylist() == [forms[0]]
    assert len(set(same_spelling(texts(*same)).tolist())) == 1


DIFFERENT = [
    *(
        "1",
        "true",
        "yes",
        "True positive",
        "3",
        "-3",
        "3.5",
        "30",
        "1e3",
        "1000",
        "0e12",
        "0e13",
        "1E50",
        "12345678901234567",
    ),
    *(
        "12345678901234568",
        "0.1",
        "0.30000000000000004",
        "0.3",
        "a",
        "A",
        "\u00e4",
        "e",
        "\u00e9",
        "1,000",
        "1 000",
        "3 0",
    ),
    *("P1", "P01", "3.0.0", "1.2.3", "3%", "nan", "inf", ".", "-", "+", "", "e+10", "0x10", "\u0430"),
]


def test_different_things_have_different_forms() -> None:
    assert len(set(normal_form(texts(*DIFFERENT)).to_pylist())) == len(DIFFERENT)
    assert same_spelling(texts(*DIFFERENT)).tolist() == list(range(len(DIFFERENT)))


def test_the_first_when_sorted_stands_for_all_in_any_order() -> None:
    for names in (["b", "7.0", "7", "07"], ["07", "7.0", "b", "7"], ["7", "b", "07", "7.0"]):
        chosen = same_spelling(texts(*names)).tolist()
        assert [names[place] for place in chosen] == ["b" if name == "b" else "07" for name in names]
    assert same_spelling(texts()).tolist() == []


def test_names_of_several_chunks_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("equipoise.data.spellings._CHUNK", 3)
    names = [f"{number}" for number in range(10)] + [f"{number}.0" for number in range(10)]
    assert same_spelling(texts(*names)).tolist() == [*range(10), *range(10)]


def test_nulls_stay() -> None:
    assert normal_form(texts(None, "1.0", None)).to_pylist() == [None, "1", None]


def test_decimals() -> None:
    assert is_decimal(texts("1.5", "2", "-3.25"))
    assert not is_decimal(texts("1", "2.0", "03"))
    assert not is_decimal(texts("1.5", "a"))
    assert not is_decimal(texts())
