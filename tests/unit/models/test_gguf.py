"""Models of GGUF files are loaded whole: trainable, and saved as any other."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.support.trainers import tokenizer

from equipoise.models import load_model

WIDTH, VOCABULARY = 32, 64


def write(path: Path) -> None:
    """Write a Llama of one layer with weights of 8 bits."""
    gguf = pytest.importorskip("gguf", reason="needs gguf")
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(2 * WIDTH)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(WIDTH // 2)
    writer.add_vocab_size(VOCABULARY)
    rng = np.random.default_rng(0)
    square, up, down = (WIDTH, WIDTH), (2 * WIDTH, WIDTH), (WIDTH, 2 * WIDTH)
    matrices = {"attn_q": square, "attn_k": square, "attn_v": square, "attn_output": square, "ffn_gate": up,
                "ffn_up": up, "ffn_down": down}  # fmt: skip
    for name, shape in matrices.items():
        values = rng.standard_normal(shape, dtype=np.float32)
        packed = gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0)
        writer.add_tensor(f"blk.0.{name}.weight", packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
    for name in ("token_embd", "output"):
        writer.add_tensor(f"{name}.weight", rng.standard_normal((VOCABULARY, WIDTH), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_a_model_of_a_gguf_file_can_be_trained_and_saved(tmp_path) -> None:
    write(tmp_path / "model.gguf")
    tokenizer().save_pretrained(tmp_path / "words")
    model, _ = load_model(tmp_path / "model.gguf", tokenizer=tmp_path / "words")
    weight = model.model.layers[0].self_attn.q_proj.weight
    assert weight.dtype == torch.float32
    assert not getattr(model, "is_quantized", False), "a Trainer would refuse it"
    model.save_pretrained(tmp_path / "saved")
    again, _ = load_model(tmp_path / "saved", tokenizer=tmp_path / "words")
    torch.testing.assert_close(again.model.layers[0].self_attn.q_proj.weight, weight)
