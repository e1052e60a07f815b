"""Label scores for training: the gradient reaches encoder and decoder, and the encoder runs once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from equipoise.errors import DataError, RunError
from equipoise.models.encoded_once import encoded_once
from equipoise.models.head import output_layer_at_wanted
from equipoise.models.prefixes import PrefixTree

IntArray = NDArray[np.int64]


def label_scores(
    model: nn.Module,
    input_ids: Tensor,
    attention_mask: Tensor,
    trees: Sequence[PrefixTree],
    *,
    wrapped: nn.Module | None = None,
) -> Tensor:
    r"""Score every label of each row's own task, all rows in one pass, with gradients.

    .. math::
        s_{ic} = \sum_t \log p(y_{ct} \mid y_{c,<t}, x_i)

    The sum goes over all tokens of the label, the end of sequence among them, as in `LabelScorer.log_probs`.
    Each input is encoded once; the decoder sees every (input, label) pair of the batch in one pass; the output
    layer runs once for each distinct prefix of a row's labels. Memory grows with rows times labels: it is the
    size of a (micro-)batch that bounds it.

    Parameters
    ----------
    model : torch.nn.Module
        A Hugging Face encoder-decoder model for conditional generation.
    input_ids, attention_mask : Tensor of shape (rows, width)
        The inputs, padded.
    trees : sequence of PrefixTree
        For each row the labels to score; rows of one task share their tree.
    wrapped : torch.nn.Module, optional
        What to call instead of `model`: the same model wrapped, for example by DDP.

    Returns
    -------
    Tensor of shape (rows, most labels)
        In float32 (float64 for float64 logits); -inf beyond the labels of a row.

    Raises
    ------
    DataError
        If there is not one tree for each row.
    RunError
        If the model does not compute what it was asked for.

    References
    ----------
    Liu et al. (2022), "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context
    Learning" (cross-entropy over the likelihoods of the answer choices).

    Examples
    --------
    Two rows, of tasks with two labels and with one:

    >>> from transformers import T5Config, T5ForConditionalGeneration
    >>> from equipoise.models import prefix_tree
    >>> with torch.random.fork_rng():
    ...     model = T5ForConditionalGeneration(T5Config(
    ...         vocab_size=16, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, decoder_start_token_id=0))
    >>> two, one = prefix_tree(model, [[5, 1], [6, 7, 1]], ["bad", "good"]), prefix_tree(model, [[8, 1]], ["only"])
    >>> scores = label_scores(model, torch.tensor([[3, 1], [4, 1]]), torch.ones(2, 2, dtype=torch.int64), [two, one])
    >>> scores.shape, scores.isfinite().tolist(), scores.requires_grad
    (torch.Size([2, 2]), [[True, True], [True, False]], True)
    """
    if len(trees) != len(input_ids):
        raise DataError(
            f"`trees` must hold the labels of each of {len(input_ids)} rows, found {len(trees)}. Give one per row."
        )
    device = input_ids.device
    asked = _ask(trees)
    row_of = torch.from_numpy(asked.row_of).to(device)
    with encoded_once(model, attention_mask, row_of), output_layer_at_wanted(model) as wanted:
        wanted.flat = torch.from_numpy(asked.wanted).to(device)
        outputs: Any = (wrapped or model)(
            input_ids=input_ids,
            attention_mask=attention_mask.index_select(0, row_of),
            decoder_input_ids=torch.from_numpy(asked.decoder_inputs).to(device),
            use_cache=False,
        )
    logits: Tensor = outputs.logits
    if logits.shape[:2] != (1, len(asked.wanted)):
        raise RunError(
            f"`model` must give logits at {len(asked.wanted)} wanted positions, found the shape"
            f" {tuple(logits.shape)}: it ignores hooks. Do not compile a model that is trained by its label scores."
        )
    exact = logits[0] if logits.dtype == torch.float64 else logits[0].float()
    prefix, token = (torch.from_numpy(each).to(device) for each in (asked.prefix, asked.token))
    log_probs = exact[prefix, token] - exact.logsumexp(dim=-1)[prefix]
    lengths = torch.from_numpy(asked.lengths).to(device)
    is_token = torch.arange(prefix.shape[-1], device=device) < lengths[..., None]
    sums = torch.where(is_token, log_probs, 0.0).sum(dim=-1)
    return torch.where(lengths > 0, sums, -torch.inf)


class _Asked(NamedTuple):
    """What the decoder sees for a batch, and where to read the scores off."""

    decoder_inputs: IntArray  # (decoder rows, positions)
    row_of: IntArray  # (decoder rows,), the row of the batch that each belongs to
    wanted: IntArray  # (prefixes,), positions in the flattened decoder rows
    prefix: IntArray  # (rows, labels, tokens), numbers of prefixes; 0 behind a label's last token
    token: IntArray  # (rows, labels, tokens), the tokens that follow these prefixes; 0 likewise
    lengths: IntArray  # (rows, labels), tokens of each label; 0 beyond a row's labels


def _ask(trees: Sequence[PrefixTree]) -> _Asked:
    width = max(tree.decoder_inputs.shape[1] for tree in trees)
    shape = (len(trees), max(len(tree.label_lengths) for tree in trees), width)
    prefix, token, lengths = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape[:2], np.int64)
    decoder_inputs: list[IntArray] = []
    wanted: list[IntArray] = []
    decoder_rows = prefixes = 0
    for row, tree in enumerate(trees):
        filled = np.zeros((len(tree.decoder_inputs), width), np.int64)
        filled[:, : tree.decoder_inputs.shape[1]] = tree.decoder_inputs
        decoder_inputs.append(filled)
        wanted += [(decoder_rows + place) * width + held for place, held in enumerate(tree.owned)]
        label = np.repeat(np.arange(len(tree.label_lengths)), tree.label_lengths)
        position = np.arange(len(label)) - np.repeat(tree.label_starts, tree.label_lengths)
        prefix[row, label, position] = prefixes + tree.edge_prefix[tree.label_edges]
        token[row, label, position] = tree.edge_token[tree.label_edges]
        lengths[row, : len(tree.label_lengths)] = tree.label_lengths
        decoder_rows += len(filled)
        prefixes += tree.prefixes
    row_of = np.repeat(np.arange(len(trees)), [len(tree.decoder_inputs) for tree in trees])
    return _Asked(np.concatenate(decoder_inputs), row_of, np.concatenate(wanted), prefix, token, lengths)
