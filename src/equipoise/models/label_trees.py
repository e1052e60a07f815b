"""The labels of a task as token ids, and as the tree of prefixes that a decoder is asked about."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from equipoise.collate import Tokenizer, encode_targets
from equipoise.data import Task
from equipoise.models.prefixes import PrefixTree


def label_tokens(task: Task, tokenizer: Tokenizer) -> list[list[int]]:
    """Tokenise the target texts of a task's labels.

    Parameters
    ----------
    task : Task
        A classification task.
    tokenizer : Tokenizer
        The tokenizer of the model.

    Returns
    -------
    list of lists of int
        One for each label, in the task's order, each with its end of sequence.
    """
    rows = encode_targets(tokenizer, [task.target_text(label) for label in task.labels])
    return [rows[label].tolist() for label in range(len(rows))]


def prefix_tree(model: Any, targets: Sequence[Sequence[int]], names: Sequence[str]) -> PrefixTree:
    """Build the tree of some target texts, with the decoder inputs as the model makes them.

    Parameters
    ----------
    model : torch.nn.Module
        A Hugging Face encoder-decoder model, not wrapped.
    targets : sequence of token id sequences
        One for each text, each with its end of sequence.
    names : sequence of str
        The texts, for messages.

    Returns
    -------
    PrefixTree
        The texts in the same order.

    Raises
    ------
    DataError
        If two texts have the same tokens, or one has none.
    """
    width = max(map(len, targets))
    padded = [[*target, *[-100] * (width - len(target))] for target in targets]
    shifted: Tensor = model.prepare_decoder_input_ids_from_labels(torch.tensor(padded))
    return PrefixTree.build(targets, shifted.numpy(), names)
