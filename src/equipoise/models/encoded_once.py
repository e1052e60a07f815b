"""Let each encoded input serve several decoder rows within one forward pass of the model."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from equipoise.errors import RunError


@contextmanager
def encoded_once(model: nn.Module, attention_mask: Tensor, row_of: Tensor) -> Generator[None, None, None]:
    """Encode every input once, then give the decoder as many copies of its states as it has rows for it.

    Inside, call the model with the inputs, with the decoder rows, and with the attention mask of the decoder
    rows (`attention_mask[row_of]`). Encoder and decoder so run in one forward pass of the whole model: under
    DDP only that one is seen, and a pass of its own for the encoder would leave its gradients out of step.

    Parameters
    ----------
    model : torch.nn.Module
        A Hugging Face encoder-decoder model, not wrapped.
    attention_mask : Tensor of shape (inputs, width)
        The mask of the inputs.
    row_of : Tensor of shape (decoder rows,)
        int64, the input that each decoder row belongs to.

    Yields
    ------
    None
        Inside, the model's encoder repeats its output.

    Raises
    ------
    RunError
        If the model names no encoder.
    """
    find: Any = getattr(model, "get_encoder", None)
    encoder = find() if callable(find) else None
    if not isinstance(encoder, nn.Module):
        raise RunError(
            f"`model` must have an encoder, found none in {type(model).__name__}. Pass an encoder-decoder model."
        )

    def mask_inputs(_: nn.Module, arguments: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return arguments, named | {"attention_mask": attention_mask}

    def repeat(_: nn.Module, __: Any, output: Any) -> Any:
        states = output[0].index_select(0, row_of)
        if isinstance(output, tuple):
            return (states, *output[1:])
        output["last_hidden_state"] = states
        return output

    before = encoder.register_forward_pre_hook(mask_inputs, with_kwargs=True)
    after = encoder.register_forward_hook(repeat)
    try:
        yield
    finally:
        before.remove()
        after.remove()
