"""What is used of a tokenizer."""

from typing import Any, Protocol


class Tokenizer(Protocol):
    """The part of a Hugging Face tokenizer that is used."""

    bos_token_id: int | None
    eos_token_id: int | None
    pad_token_id: int | None
    unk_token_id: int | None
    all_special_ids: list[int]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Tokenise `text` or `text_target`."""

    def decode(self, *args: Any, **kwargs: Any) -> Any:
        """Decode token ids to a string."""

    def get_chat_template(self) -> str:
        """Return the template that `apply_chat_template` uses."""
        ...

    def apply_chat_template(self, *args: Any, **kwargs: Any) -> Any:
        """Write messages of a chat; asked for where `chat_template` is set."""
