"""The words that the embedded encoder, answerer and captioner read and write, as a tokenizer of tokenizers.

One token a word or mark; what is not among the words of the picture world's language and of questions about
it becomes the unknown word.
"""

from __future__ import annotations

from functools import cache

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from tasvir.world.captions import vocabulary

SPECIAL = ("<pad>", "<unk>", "<bos>", "<eos>")
"""Tokens 0 to 3. CLIP's text model pools at the highest number of a text where its end token is 2 (an old
convention), so the end is 3."""
PAD, UNKNOWN, BEGIN, END = range(4)

ASKED = (
    "does this figure show please answer yes not what color how many where are was any do you see picture "
    "photo image depicts an of me which thing things colour wearing 0 1 2 3 4"
)
"""Words of questions, answers and of what metrics put before a caption, beside those of captions."""
MARKS = ", ? . \" ' : ;"


@cache
def table() -> dict[str, int]:
    """Number of each token."""
    words = sorted(vocabulary() | set(ASKED.split()) | set(MARKS.split()))
    return {word: number for number, word in enumerate((*SPECIAL, *words))}


def tokenizer(longest: int) -> PreTrainedTokenizerFast:
    """A tokenizer that puts a text between begin and end; ``longest`` counts them."""
    whole = Tokenizer(models.WordLevel(table(), unk_token="<unk>"))
    whole.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    whole.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("isolated")]
    )
    whole.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=[("<bos>", BEGIN), ("<eos>", END)]
    )
    whole.decoder = decoders.WordPiece(prefix="##", cleanup=True)  # glues a comma to the word before it
    return PreTrainedTokenizerFast(
        tokenizer_object=whole,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<bos>",
        eos_token="<eos>",
        model_max_length=longest,
        clean_up_tokenization_spaces=False,
    )
