"""Tiny language models and tokenizers, for the families that read text with more than CLIP."""

from __future__ import annotations

import string

from transformers import GemmaTokenizer, Qwen2Tokenizer, T5Config, T5EncoderModel, T5Tokenizer

from tasvir.models.tiny.parts import byte_letters

LETTERS = string.ascii_letters + string.digits + string.punctuation
TEMPLATE = "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}assistant: "


def t5_tokenizer() -> T5Tokenizer:
    """A T5 tokenizer of single letters."""
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    vocabulary += [(letter, -3.0) for letter in LETTERS]
    return T5Tokenizer(vocab=vocabulary, extra_ids=0, additional_special_tokens=[], model_max_length=512)


def t5(width: int) -> T5EncoderModel:
    """A T5 encoder of one layer."""
    config = T5Config(
        vocab_size=len(t5_tokenizer()), d_model=width, d_kv=8, d_ff=2 * width, num_layers=1, num_heads=4
    )
    return T5EncoderModel(config).eval()


def qwen_tokenizer() -> Qwen2Tokenizer:
    """A Qwen tokenizer over bytes without merges, with a chat template."""
    entries = ["<|endoftext|>", *byte_letters()]
    return Qwen2Tokenizer(
        vocab={entry: i for i, entry in enumerate(entries)}, merges=[], chat_template=TEMPLATE
    )


def gemma_tokenizer() -> GemmaTokenizer:
    """A Gemma tokenizer of single letters; other characters fall back to bytes."""
    entries = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{byte:02X}>" for byte in range(256))]
    entries += ["▁", *LETTERS]
    return GemmaTokenizer(vocab={entry: i for i, entry in enumerate(entries)}, merges=[])
