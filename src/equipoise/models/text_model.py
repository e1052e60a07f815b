"""What losses and scorers ask of a model, whatever its architecture."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from equipoise.models.batches import Tokens
from equipoise.models.decoder_only import DecoderOnly
from equipoise.models.encoder_decoder import EncoderDecoder
from equipoise.models.prefixes import PrefixTree
from equipoise.models.search import SearchTree


class TextModel(Protocol):
    """A model that reads an input and assigns a probability to every target.

    `text_model` finds the implementation for a model. An architecture is one class with these methods; nothing outside
    of it names the parts of a model.
    """

    def prefix_tree(self, targets: Sequence[Sequence[int]]) -> PrefixTree:
        """Build the tree of some targets, with the decoder inputs as the model makes them.

        Parameters
        ----------
        targets : sequence of token id sequences
            One for each label, each with its end of sequence, and all different: see `label_tokens`.

        Returns
        -------
        PrefixTree
            The labels in the same order.
        """
        ...

    def target_logits(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the logits at every position of the targets of a batch, each given the tokens before it.

        Parameters
        ----------
        batch : mapping of str to Tensor
            A batch of the collator.

        Returns
        -------
        Tensor, shape (rows, positions, vocabulary)
            With gradient, in the type of the model.
        """
        ...

    def label_scores(self, input_ids: Tensor, attention_mask: Tensor, trees: Sequence[PrefixTree]) -> Tensor:
        r"""Score every label of each row's own task, all rows in one forward pass, with gradient.

        .. math::
            s_{ic} = \sum_t \log p(y_{ct} \mid y_{c,<t}, x_i)

        The sum goes over all tokens of the label, including the end of sequence, as in `LabelScorer.log_probs`.

        Parameters
        ----------
        input_ids, attention_mask : Tensor of int64, shape (rows, width)
            The inputs, padded.
        trees : sequence of PrefixTree
            For each row the labels to score; rows of one task share their tree.

        Returns
        -------
        Tensor, shape (rows, most labels)
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
        """
        ...

    def label_log_probs(
        self, rows: Sequence[Tokens], tree: PrefixTree, *, pad_id: int, most_logits: int | None = None
    ) -> NDArray[np.float64]:
        """Score every label of one task for every input, without gradient and in bounded memory.

        Parameters
        ----------
        rows : sequence of token id sequences
            The inputs of one batch.
        tree : PrefixTree
            The labels.
        pad_id : int
            The token to pad with.
        most_logits : int, optional
            The most logits to hold at once; see `LabelScorer`.

        Returns
        -------
        ndarray of float64, shape (rows, labels)
            The scores of `label_scores`.
        """
        ...

    def best_labels(
        self,
        rows: Sequence[Tokens],
        tree: SearchTree,
        *,
        pad_id: int,
        length_norm: float = 0.0,
        most_logits: int | None = None,
    ) -> NDArray[np.int64]:
        """Find the label of the highest score for every input, without gradient; see `LabelScorer.best_labels`.

        Parameters
        ----------
        rows, pad_id, most_logits
            As for `label_log_probs`.
        tree : SearchTree
            The labels.
        length_norm : float
            As in `LabelScorer.log_probs`.

        Returns
        -------
        ndarray of int64, shape (rows,)
            Numbers of labels.
        """
        ...

    def generate(
        self,
        rows: Sequence[Tokens],
        *,
        pad_id: int,
        max_new_tokens: int,
        beams: int = 1,
        end_id: int | None = None,
        allowed: Callable[[tuple[int, ...]], list[int]] | None = None,
    ) -> list[list[int]]:
        """Generate a target for every input, without sampling.

        Parameters
        ----------
        rows, pad_id
            As for `label_log_probs`.
        max_new_tokens : int
            The most tokens of a target.
        beams : int
            The width of the beam search; 1 is greedy.
        end_id : int, optional
            The token that ends a target.
        allowed : callable, optional
            From the tokens generated so far to those that may follow; without it all may.

        Returns
        -------
        list of lists of int
            The generated tokens of each row, padded to the same length.
        """
        ...


def text_model(model: nn.Module, wrapped: nn.Module | None = None) -> TextModel:
    """Return what losses and scorers use of a model.

    Parameters
    ----------
    model : torch.nn.Module
        A Hugging Face model, not wrapped: an encoder-decoder for conditional generation, or, where its configuration
        says that it is none, a causal language model.
    wrapped : torch.nn.Module, optional
        What forward passes with gradient call instead: the same model wrapped, for example by DDP.

    Returns
    -------
    TextModel
        A view of the model; it keeps no state of its own.

    Examples
    --------
    Two rows, of tasks with two labels and with one:

    >>> import torch
    >>> from transformers import T5Config, T5ForConditionalGeneration
    >>> with torch.random.fork_rng():
    ...     model = text_model(T5ForConditionalGeneration(T5Config(
    ...         vocab_size=16, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, decoder_start_token_id=0)))
    >>> two, one = model.prefix_tree([[5, 1], [6, 7, 1]]), model.prefix_tree([[8, 1]])
    >>> scores = model.label_scores(torch.tensor([[3, 1], [4, 1]]), torch.ones(2, 2, dtype=torch.int64), [two, one])
    >>> scores.shape, scores.isfinite().tolist(), scores.requires_grad
    (torch.Size([2, 2]), [[True, True], [True, False]], True)
    """
    decoder_only = getattr(getattr(model, "config", None), "is_encoder_decoder", True) is False
    return DecoderOnly(model, wrapped) if decoder_only else EncoderDecoder(model, wrapped)
