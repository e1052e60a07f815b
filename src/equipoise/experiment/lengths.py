"""Mean lengths of the strata in tokens, for mixing rates that are asked in tokens."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.census import Census
from equipoise.config import RunConfig
from equipoise.data import Records, Task
from equipoise.drawing import StratumIndex
from equipoise.experiment.strata import strata_of


def mean_tokens(
    config: RunConfig, train: Records, tasks: Mapping[str, Task], census: Census
) -> NDArray[np.float64] | None:
    """Mean tokens of a training row of each stratum, in the part that `plan.rates_in` names; None for examples.

    The rows are tokenised as training does it, cut at the same lengths.
    """
    if config.plan.rates_in == "examples":
        return None
    # A plan in examples needs neither torch nor a tokenizer.
    from equipoise.collate import EncodedExamples  # noqa: PLC0415
    from equipoise.models import load_tokenizer  # noqa: PLC0415

    tokenizer: Any = load_tokenizer(config.model.name)
    encoded = EncodedExamples.encode(
        train, tasks, tokenizer, max_input=config.training.max_input, max_target=config.training.max_target
    )
    lengths = {
        "tokens": encoded.input_lengths + encoded.target_lengths,
        "input_tokens": encoded.input_lengths,
        "target_tokens": encoded.target_lengths,
    }
    return StratumIndex.from_labels(census, *strata_of(train, tasks)).means(lengths[config.plan.rates_in])
