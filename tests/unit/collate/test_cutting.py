"""Inputs that are too long lose their ends; the prompts around them stay."""

import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.errors import raises, warns
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

from equipoise.collate import EncodedExamples
from equipoise.data import Records, Task
from equipoise.errors import ConfigError, DataWarning
from equipoise.models import load_tokenizer

BYTES = ByT5Tokenizer(extra_ids=0)


@pytest.fixture(scope="module")
def pieces() -> Any:
    """The tokenizer of T5, whose tokens depend on what is around them."""
    return load_tokenizer("tiny")


def encoded(tokenizer: Any, rows: list[tuple[str, str]], prompts: dict[str, str], maximum: int) -> EncodedExamples:
    tasks = {name: Task(name, "classification", ("no", "yes"), prompt=prompt) for name, prompt in prompts.items()}
    records = Records.from_dict(
        {"task": [task for task, _ in rows], "input": [text for _, text in rows], "target": ["yes"] * len(rows)}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return EncodedExamples.encode(records, tasks, tokenizer, max_input=maximum)


def cut(tokenizer: Any, text: str, prompt: str, maximum: int) -> list[int]:
    return encoded(tokenizer, [("t", text)], {"t": prompt}, maximum)[0]["input_ids"].tolist()


CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])


@given(
    parts=st.lists(
        st.text(CHARACTERS, max_size=6).map(lambda part: part.replace("{", "").replace("}", "")), min_size=2, max_size=4
    ),
    text=st.text(CHARACTERS, min_size=1, max_size=30).filter(str.strip),
    room=st.integers(0, 40),
)
def test_all_of_the_prompt_and_as_much_of_the_input_as_fits(parts: list[str], text: str, room: int):
    inputs = len(parts) - 1
    fixed = len("".join(parts).encode()) + 1
    maximum = max(fixed + room, 2)
    whole = BYTES("{input}".join(parts).format(input=text)).input_ids
    left = len(text.encode()) if len(whole) <= maximum else (maximum - fixed) // inputs
    expected = [
        byte + 3 for part in (b"".join([text.encode()[:left], part.encode()]) for part in parts[1:]) for byte in part
    ]
    expected = [*(byte + 3 for byte in parts[0].encode()), *expected, 1]
    assert cut(BYTES, text, "{input}".join(parts), maximum) == expected


PROMPTS = [
    "{input} Question: is this urgent, yes or no?",
    "note: {input}\nurgent?",
    "{task}: {input} first, and {input} second: same?",
    "{{json}} {input} {{end}}",
    "{input}, {task}.",
    "({input})",
]
TEXT = "the patient was internationally known, 38.5 degrees; a 2nd reading (of 40.1) came back. " * 20


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("maximum", [64, 65, 66, 100])
def test_pieces_that_depend_on_their_neighbours(pieces: Any, prompt: str, maximum: int):
    found = cut(pieces, TEXT, prompt, maximum)
    inputs = prompt.count("{input}")
    assert maximum - inputs < len(found) <= maximum
    assert found[-1] == pieces.eos_token_id
    # With what is left of the input in its place, the prompt gives this text.
    text = pieces.decode(found, skip_special_tokens=True)
    before, *_, after = prompt.format(task="t", input="\0").split("\0")
    known = [pieces.decode(pieces(part).input_ids, skip_special_tokens=True) for part in (before, after)]
    assert text.startswith(known[0])
    assert text.endswith(known[1])
    kept = text[len(known[0]) : len(text) - len(known[1])].strip()
    if inputs == 1:
        assert TEXT.startswith(kept)
    else:
        first, middle, second = kept.partition(" first, and ")
        assert middle
        assert second.strip().startswith(first)
        assert TEXT.startswith(second.strip())


@pytest.mark.parametrize("prompt", ["{task}: {input}", "{input}"])
def test_without_a_prompt_behind_the_input_the_first_tokens_are_kept(pieces: Any, prompt: str):
    whole = pieces(prompt.format(task="t", input=TEXT)).input_ids
    assert cut(pieces, TEXT, prompt, 50) == [*whole[:49], pieces.eos_token_id]


def test_what_fits_has_the_tokens_of_its_text(pieces: Any):
    texts = ["short", "", "a  b\tc", "word " * 60]
    examples = encoded(pieces, [("t", text) for text in texts], {"t": PROMPTS[0]}, 32)
    for row in range(3):
        whole = pieces(PROMPTS[0].format(input=texts[row])).input_ids
        assert examples[row]["input_ids"].tolist() == whole
    assert len(examples[3]["input_ids"]) == 32
    assert examples.truncated_inputs == 1


def test_each_row_keeps_the_prompt_of_its_own_task_and_rows_are_counted():
    rows = [("a", "x" * 40), ("b", "y" * 40), ("a", "x"), ("b", "y" * 40), ("a", "x" * 50)]
    examples = encoded(BYTES, rows, {"a": "{input} A?", "b": "{input} B?"}, 10)
    texts = [BYTES.decode(examples[row]["input_ids"], skip_special_tokens=True) for row in range(5)]
    assert texts == ["xxxxxx A?", "yyyyyy B?", "x A?", "yyyyyy B?", "xxxxxx A?"]
    assert examples.truncated_inputs == 4


def test_special_tokens_at_both_ends_stay():
    vocabulary = ["<pad>", "<s>", "</s>", "<unk>", "a", "b", "urgent", "?", "no", "yes"]
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(vocabulary)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="<s> $A </s> <pad>", special_tokens=[("<s>", 1), ("</s>", 2), ("<pad>", 0)]
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="</s>", unk_token="<unk>", pad_token="<pad>")
    assert tokenizer.convert_ids_to_tokens(cut(tokenizer, "a b a b a b", "{input} urgent?", 8)) == [
        *("<s>", "a", "b", "a"),
        *("urgent", "?", "</s>", "<pad>"),
    ]


def test_a_prompt_that_alone_is_too_long_is_refused_with_numbers():
    prompt = "{input} is this urgent?"
    assert cut(BYTES, "fever", prompt, 17) == BYTES(prompt.format(input="")).input_ids
    with raises(ConfigError, "prompt-too-long", "task `t` alone has 17 tokens", "is 16", "training.max_input"):
        cut(BYTES, "fever", prompt, 16)


def test_the_warning_says_what_is_kept():
    records = Records.from_dict({"task": ["t"], "input": ["x" * 40], "target": ["yes"]})
    with warns(DataWarning, "cut-inputs") as caught:
        EncodedExamples.encode(records, {"t": Task("t", "classification", ("yes",))}, BYTES, max_input=10)
    assert "1 of 1 inputs have more than `max_input`=10 tokens and were cut at their ends" in str(caught[0].message)
