"""What tokenizers of decoder-only models make of prompts and targets, with and without a chat template."""

import numpy as np
import pyarrow as pa
from tests.support.causal import TEMPLATE, tokenizer
from tests.support.errors import raises
from transformers import ByT5Tokenizer

from equipoise.collate import EncodedExamples, encode_targets, label_tokens
from equipoise.collate.encoding import Encoding
from equipoise.collate.open_inputs import is_open, padding, target_end, target_lead
from equipoise.data import Records, Task
from equipoise.data.coded import CodedColumn
from equipoise.errors import ConfigError

TASK = Task("tone", "classification", ("bad", "good"))


def written(words, task: Task, text: str, target: str | None = None, most: int = 512) -> tuple[str, str]:
    """The tokens of a row, decoded."""
    encoding = Encoding((task,), words, most, 64)

    def column(value: str | None) -> CodedColumn:
        return CodedColumn.of(pa.chunked_array([[value]], pa.large_string()))

    ids = np.zeros(1, np.int32)
    inputs, targets = encoding.inputs(ids, column(text)), encoding.targets(ids, column(target))
    return words.decode(inputs[0]), words.decode(targets[0])


def test_inputs_are_open_unless_the_tokenizer_ends_them() -> None:
    assert is_open(tokenizer())
    assert is_open(tokenizer(bos=True))
    assert not is_open(tokenizer(eos=True))
    assert not is_open(ByT5Tokenizer())


def test_a_target_continues_the_prompt_with_a_space_and_an_end() -> None:
    assert written(tokenizer(), TASK, "fine", "good") == ("tone: fine", " good</s>")
    assert written(tokenizer(bos=True), TASK, "fine", "good") == ("<s>tone: fine", " good</s>")


def test_there_is_no_space_after_white_space_or_where_the_tokenizer_writes_one() -> None:
    line = Task("tone", "classification", ("bad", "good"), prompt="{input}\nTone:\n")
    assert written(tokenizer(), line, "fine", "good") == ("fine\nTone:\n", "good</s>")
    prefixing = tokenizer()
    prefixing.backend_tokenizer.pre_tokenizer.add_prefix_space = True
    assert target_lead(TASK, prefixing) == ""
    assert target_lead(TASK, ByT5Tokenizer()) == ""


def test_a_prompt_without_tokens_is_begun_by_one() -> None:
    bare = Task("tone", "classification", ("bad", "good"), prompt="{input}")
    assert written(tokenizer(), bare, "")[0] == "</s>"


def test_a_chat_template_is_around_the_prompt_and_ends_the_target() -> None:
    task = Task("tone", "classification", ("bad", "good"), system="Be {brief}.")
    system = "<|im_start|>system\nBe {brief}.<|im_end|>\n"
    asked = "<|im_start|>user\ntone: fine<|im_end|>\n<|im_start|>assistant\n"
    words = tokenizer(bos=True, chat=True)
    assert written(words, task, "fine", "good") == (f"<s>{system}{asked}", "good<|im_end|>")
    assert written(tokenizer(chat=True), TASK, "fine")[0] == asked
    assert target_end(words) == words.convert_tokens_to_ids("<|im_end|>")
    assert label_tokens(task, words)[0][-1] == target_end(words)


def test_what_is_cut_is_the_end_of_the_input() -> None:
    words = tokenizer(chat=True)
    whole = written(words, TASK, "0123456789")[0]
    length = len(words(whole).input_ids)
    assert written(words, TASK, "0123456789", most=length - 4)[0] == whole.replace("0123456789", "012345")


def test_a_warning_of_a_drawn_row_shows_what_the_model_reads(tmp_path) -> None:
    records = Records.from_dict({"task": ["tone"], "input": ["fine"], "target": ["good"]})
    examples = EncodedExamples.on_demand(records, {"tone": TASK}, tokenizer(chat=True), tmp_path)
    assert examples.tokens.text_of(0, target=False).startswith("<|im_start|>user\ntone: fine<|im_end|>")


def test_a_long_target_keeps_its_end() -> None:
    words = tokenizer(chat=True)
    task = Task("say", "open_ended")
    encoding = Encoding((task,), words, 64, 4)
    column = CodedColumn.of(pa.chunked_array([["abcdefgh"]], pa.large_string()))
    assert words.decode(encoding.targets(np.zeros(1, np.int32), column)[0]) == "abc<|im_end|>"


def test_a_system_message_needs_a_template() -> None:
    task = Task("tone", "classification", ("bad", "good"), system="Be brief.")
    for words in (tokenizer(), ByT5Tokenizer()):
        with raises(ConfigError, "no-chat-template", "`tasks.tone.system` is a message of a chat"):
            Encoding((task,), words, 64, 64).check()


def test_a_template_that_cannot_be_applied_is_refused() -> None:
    words = tokenizer(chat=True)
    words.chat_template = "{{ raise_exception('No system message here') }}"
    with raises(ConfigError, "chat-template", "for task `tone`: No system message here"):
        Encoding((TASK,), words, 64, 64).check()
    words.chat_template = TEMPLATE + "{{ messages[-1]['content'] }}"
    with raises(ConfigError, "chat-template", "it writes a message 2 times"):
        Encoding((TASK,), words, 64, 64).check()


def test_a_template_with_the_date_writes_the_same_on_every_day() -> None:
    words = tokenizer(chat=True)
    words.chat_template = "{{ strftime_now('%d %b %Y') }} " + TEMPLATE
    assert written(words, TASK, "fine")[0].startswith("26 Jul 2024 <|im_start|>")


def test_any_token_pads_where_there_is_none_for_it() -> None:
    assert padding(tokenizer()) == 1
    assert padding(ByT5Tokenizer()) == 0


def test_targets_without_an_end_of_sequence() -> None:
    words = tokenizer()
    words.eos_token = None
    assert words.decode(encode_targets(words, ["good"])[0]) == "good"
