"""From records to padded batches: tokens, task id, label id and example weight."""

from equipoise.collate.collator import Collator
from equipoise.collate.drawn import DrawnLengths
from equipoise.collate.encoded import EncodedExamples
from equipoise.collate.labels import label_tokens
from equipoise.collate.ragged import Ragged
from equipoise.collate.tokenizer import Tokenizer
from equipoise.collate.tokens import encode_inputs, encode_targets

__all__ = [
    "Collator",
    "DrawnLengths",
    "EncodedExamples",
    "Ragged",
    "Tokenizer",
    "encode_inputs",
    "encode_targets",
    "label_tokens",
]
