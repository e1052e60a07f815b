"""Score every label of a task by the likelihood of its text."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from equipoise.collate import Tokenizer
from equipoise.data import Task
from equipoise.errors import ConfigError
from equipoise.models.batches import Tokens, distinct_rows, length_batches, pad_rows
from equipoise.models.generation import generate_labels, generate_texts
from equipoise.models.head import WantedPositions, output_layer_at_wanted
from equipoise.models.label_trees import label_tokens, prefix_tree
from equipoise.models.modes import evaluating
from equipoise.models.prefixes import PrefixTree, TreeSlice


class LabelScorer:
    """Ask an encoder-decoder model about the labels of tasks.

    Each distinct input is encoded once; the decoder sees all labels of the task; the output layer runs
    once for each distinct prefix of the labels (see `PrefixTree`).

    Parameters
    ----------
    model : torch.nn.Module
        A Hugging Face encoder-decoder model for conditional generation. Its mode is left as it was.
    tokenizer : Tokenizer
        The tokenizer of the model.
    tasks : mapping of str to Task
        The tasks to ask about.
    most_logits : int, optional
        The most logits to hold at once. The default is 2**23 (32 MiB) on a CPU, whose caches larger arrays
        leave, and 2**27 (512 MiB) elsewhere.

    Examples
    --------
    >>> import torch
    >>> from transformers import ByT5Tokenizer, T5Config, T5ForConditionalGeneration
    >>> from equipoise.data import Task
    >>> tokenizer = ByT5Tokenizer()
    >>> with torch.random.fork_rng():
    ...     model = T5ForConditionalGeneration(T5Config(
    ...         vocab_size=len(tokenizer), d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2,
    ...         decoder_start_token_id=0))
    >>> scorer = LabelScorer(model, tokenizer, {"tone": Task("tone", "classification", ("bad", "good"))})
    >>> log_probs = scorer.log_probs("tone", [tokenizer("tone: fine").input_ids])
    >>> log_probs.shape, bool((log_probs < 0).all())
    ((1, 2), True)
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Tokenizer,
        tasks: Mapping[str, Task],
        *,
        most_logits: int | None = None,
    ) -> None:
        self.model: Any = model
        self.tokenizer = tokenizer
        self.tasks = dict(tasks)
        self.most_logits = most_logits
        self._targets: dict[str, list[list[int]]] = {}

    def log_probs(
        self,
        task: str,
        inputs: Sequence[Tokens],
        *,
        batch_tokens: int = 8192,
        length_normalisation: float = 0.0,
    ) -> NDArray[np.float64]:
        """Return the log-likelihood of every label for every input.

        Parameters
        ----------
        task : str
            A classification task.
        inputs : sequence of token id sequences
            Tokenised inputs, as `EncodedExamples.inputs` gives them.
        batch_tokens : int
            The most padded tokens that the encoder sees at once.
        length_normalisation : float
            Divide by the number of the label's tokens (with the end of sequence) to this power. 0 leaves
            the sum, which is the log-probability that the model gives to the label's text; 1 is the mean
            per token, a heuristic that no longer is a log-probability.

        Returns
        -------
        float64 array of shape (inputs, labels)
            In the order of the inputs and of the task's labels.

        Raises
        ------
        ConfigError
            If the task is unknown or open-ended.
        DataError
            If two labels have the same tokens.

        References
        ----------
        Liu et al. (2022), "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than
        In-Context Learning" (rank classification, length normalisation).
        """
        tree = self._tree(task)
        distinct, inverse = distinct_rows(inputs)
        scores = np.empty((len(distinct), len(tree.label_lengths)), np.float64)
        with evaluating(self.model), output_layer_at_wanted(self.model) as wanted:
            for batch in length_batches([len(ids) for ids in distinct], batch_tokens):
                scores[batch] = self._score([distinct[row] for row in batch], tree, wanted)
        return (scores / tree.label_lengths**length_normalisation)[inverse]

    def constrained_generate(
        self, task: str, inputs: Sequence[Tokens], *, beams: int = 1, batch_tokens: int = 8192
    ) -> NDArray[np.int64]:
        """Generate one of the task's labels for every input; anything else is impossible.

        For tasks with so many labels that scoring each is too slow. With one beam the choice is greedy,
        token by token, and need not be the label of the highest likelihood.

        Parameters
        ----------
        task : str
            A classification task.
        inputs : sequence of token id sequences
            Tokenised inputs.
        beams : int
            The width of the beam search.
        batch_tokens : int
            The most padded tokens that the encoder sees at once.

        Returns
        -------
        int64 array of shape (inputs,)
            Positions in the task's labels.

        Raises
        ------
        ConfigError
            If the task is unknown or open-ended.
        DataError
            If two labels have the same tokens.
        """
        self._tree(task)  # refuses labels that no model can tell apart
        return generate_labels(
            self.model, self.tokenizer, inputs, self._label_tokens(task), beams=beams, batch_tokens=batch_tokens
        )

    def generate(
        self, inputs: Sequence[Tokens], *, max_new_tokens: int = 64, beams: int = 1, batch_tokens: int = 8192
    ) -> list[str]:
        """Generate a text for every input of an open-ended task.

        Parameters
        ----------
        inputs : sequence of token id sequences
            Tokenised inputs.
        max_new_tokens : int
            The most tokens of a text.
        beams : int
            The width of the beam search; 1 is greedy.
        batch_tokens : int
            The most padded tokens that the encoder sees at once.

        Returns
        -------
        list of str
            In the order of the inputs, without special tokens.
        """
        return generate_texts(
            self.model,
            self.tokenizer,
            inputs,
            max_new_tokens=max_new_tokens,
            beams=beams,
            batch_tokens=batch_tokens,
        )

    def _label_tokens(self, name: str) -> list[list[int]]:
        if name not in self.tasks:
            known = ", ".join(sorted(self.tasks))
            raise ConfigError(f"`task` must be one of {known}, found {name!r}.")
        task = self.tasks[name]
        if task.kind == "open":
            raise ConfigError(f"`task` must have labels to score, found the open-ended {name!r}. Use `generate`.")
        if name not in self._targets:
            self._targets[name] = label_tokens(task, self.tokenizer)
        return self._targets[name]

    def _tree(self, name: str) -> PrefixTree:
        targets = self._label_tokens(name)  # refuses a task that is unknown or open-ended
        return prefix_tree(self.model, targets, self.tasks[name].labels)

    def _score(self, rows: Sequence[Tokens], tree: PrefixTree, wanted: WantedPositions) -> NDArray[np.float64]:
        model = self.model
        pad_id = self.tokenizer.pad_token_id or 0
        input_ids, mask = pad_rows(rows, pad_id, model.device)
        states: Tensor = model.get_encoder()(input_ids=input_ids, attention_mask=mask)[0]
        most_logits = self.most_logits or (2**23 if states.device.type == "cpu" else 2**27)
        most_prefixes = max(1, most_logits // int(model.get_output_embeddings().weight.shape[0]))
        edges = np.empty((len(rows), len(tree.edge_prefix)), np.float64)
        for piece in tree.slices(most_prefixes):
            step = max(1, most_prefixes // len(piece.positions))
            for first in range(0, len(rows), step):
                part = slice(first, first + step)
                values = _edge_log_probs(model, states[part], mask[part], piece, wanted)
                edges[part, piece.edges] = values.double().cpu().numpy()
        return tree.label_sums(edges)


def label_probabilities(log_probs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalise log-likelihoods over the labels: p(label | x, it is one of the labels).

    Parameters
    ----------
    log_probs : float64 array of shape (inputs, labels)
        What `LabelScorer.log_probs` gives.

    Returns
    -------
    float64 array of shape (inputs, labels)
        Rows that sum to 1.

    Examples
    --------
    >>> label_probabilities(np.log([[0.1, 0.3]])).round(2).tolist()
    [[0.25, 0.75]]
    """
    shifted = np.exp(log_probs - log_probs.max(axis=1, keepdims=True, initial=-np.inf))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _edge_log_probs(model: Any, states: Tensor, mask: Tensor, piece: TreeSlice, wanted: WantedPositions) -> Tensor:
    """Return log p(token | x, prefix) for every input and every edge of the slice."""
    device = states.device
    inputs, rows, prefixes = len(states), len(piece.decoder_inputs), len(piece.positions)
    block = torch.arange(inputs, device=device)[:, None] * piece.decoder_inputs.size
    wanted.flat = (block + torch.from_numpy(piece.positions).to(device)).flatten()
    logits: Tensor = model(
        encoder_outputs=(states.repeat_interleave(rows, dim=0),),
        attention_mask=mask.repeat_interleave(rows, dim=0),
        decoder_input_ids=torch.from_numpy(piece.decoder_inputs).to(device).repeat(inputs, 1),
        use_cache=False,
    ).logits
    logits = logits.view(inputs, prefixes, -1).float()
    prefix = torch.from_numpy(piece.edge_prefix).to(device)
    token = torch.from_numpy(piece.edge_token).to(device)
    return logits.log_softmax(dim=-1)[:, prefix, token]
