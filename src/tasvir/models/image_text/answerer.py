"""One-word answers to questions about pictures with their probabilities: BLIP (Li et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import AutoModelForVisualQuestionAnswering, BlipForQuestionAnswering

from tasvir.errors import HubError, SettingError
from tasvir.models.image_text.opening import Opened, open_model, parts
from tasvir.models.load import LoadSettings


def open_answerer(model: str, load: LoadSettings | None = None, size: int | None = None) -> Answerer:
    """A model that answers questions about pictures.

    Args:
        model: "embedded", a folder or a hub id of a BLIP for questions.
        load: Device, precision, revision; None = the usual ones.
        size: Side in pixels that pictures are squashed to, positions interpolated; None = the model's own.

    Raises:
        UnknownNameError: No such folder, and no hub id.
        HubError: The model cannot be had or read, or is no BLIP for questions.
        NotShippedError: "embedded", and none is shipped.
        SettingError: No such device, or a size that is no multiple of the model's patch.
    """
    opened = open_model(AutoModelForVisualQuestionAnswering, "answerer", model, load or LoadSettings())
    if not isinstance(opened.network, BlipForQuestionAnswering):
        kind = type(opened.network).__name__
        raise HubError(f"{model} is a {kind}: give a BLIP for questions, like Salesforce/blip-vqa-base")
    return Answerer(opened if size is None else _resized(opened, size))


class Answerer:
    """Says how probable answers are; see `open_answerer`."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self.identity = opened.identity
        config = opened.network.config.text_config
        self.longest = min(opened.processor.tokenizer.model_max_length, config.max_position_embeddings)

    def answer_probabilities(
        self,
        pictures: Sequence[Image.Image],
        questions: Sequence[str],
        answers: Sequence[str] = ("yes", "no"),
    ) -> NDArray[np.float32]:
        """The probability of each answer as the first word after the begin token, [N, answers] in 0..1.

        It is a share of the whole vocabulary's, so a row sums to 1 at most; BLIP-VQA's "yes" is
        p[:, 0] / p.sum(1). An over-long question is cut, its end token kept.

        Args:
            pictures: PIL, in RGB. One picture given many times is looked at once.
            questions: As many as pictures.
            answers: Words of one token each.

        Raises:
            ValueError: Not as many questions as pictures.
            SettingError: An answer that is no single token of this model.
        """
        if len(pictures) != len(questions):
            raise ValueError(f"{len(pictures)} pictures, but {len(questions)} questions")
        columns = [self._token(answer) for answer in answers]
        found = np.zeros((len(questions), len(answers)), np.float32)
        if not questions:
            return found
        different = list({id(picture): picture for picture in pictures}.values())
        place = {id(picture): number for number, picture in enumerate(different)}
        seen = torch.cat([self._look(different[part]) for part in parts(len(different))])
        tokens = [self._read(question) for question in questions]
        for rows in _of_one_length(tokens):
            words = torch.tensor([tokens[row] for row in rows], device=self._opened.device)
            shown = seen[[place[id(pictures[row])] for row in rows]]
            found[rows] = self._asked(words, shown)[:, columns].numpy()
        return found

    def truncated(self, question: str) -> bool:
        """Whether a question is too long to be read whole."""
        whole = self._opened.processor.tokenizer(question, truncation=False, verbose=False)
        return bool(len(whole["input_ids"]) > self.longest)

    def _token(self, answer: str) -> int:
        tokens = self._opened.processor.tokenizer(answer, add_special_tokens=False)["input_ids"]
        if len(tokens) != 1 or tokens[0] == self._opened.processor.tokenizer.unk_token_id:
            raise SettingError(
                f"the answer {answer!r} is no single word of {self.identity['model']}: ask for another"
            )
        return int(tokens[0])

    def _read(self, question: str) -> list[int]:
        read = self._opened.processor.tokenizer(question, truncation=True, max_length=self.longest)
        return list(read["input_ids"])

    @torch.no_grad()
    def _look(self, pictures: Sequence[Image.Image]) -> torch.Tensor:
        network, pixels = self._opened.network, self._opened.pixels(pictures)
        other = pixels.shape[-1] != network.config.vision_config.image_size
        seen: torch.Tensor = network.vision_model(pixels, interpolate_pos_encoding=other).last_hidden_state
        return seen

    @torch.no_grad()
    def _asked(self, tokens: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Probabilities of the first word [N, vocabulary] after one step of the decoder."""
        network = self._opened.network
        words = network.text_encoder(input_ids=tokens, encoder_hidden_states=seen).last_hidden_state
        begin = torch.full((len(tokens), 1), network.decoder_start_token_id, device=tokens.device)
        said = network.text_decoder(input_ids=begin, encoder_hidden_states=words).logits[:, -1]
        return said.float().softmax(-1).cpu()  # type: ignore[no-any-return]


def _resized(opened: Opened, size: int) -> Opened:
    """The same model, told to squash pictures to another size; its identity tells."""
    patch = opened.network.config.vision_config.patch_size
    if size < patch or size % patch:
        raise SettingError(f"size is {size}: {opened.identity['model']} takes multiples of {patch} pixels")
    sides = {"height": size, "width": size}
    opened.processor.image_processor.size = sides
    processor = opened.identity["processor"]
    told = {**processor, "image": {**processor["image"], "size": sides}, "positions": "interpolated"}
    return replace(opened, identity={**opened.identity, "processor": told})


def _of_one_length(tokens: Sequence[Sequence[int]]) -> list[list[int]]:
    """Rows of texts of one length, at most a batch each.

    Texts of unlike length would be padded, and BLIP's decoder in transformers 5.23 looks at the padding, as
    its cross-attention loses the mask: an answer would depend on what else is asked at once.
    """
    lengths: dict[int, list[int]] = {}
    for row, text in enumerate(tokens):
        lengths.setdefault(len(text), []).append(row)
    return [rows[part] for rows in lengths.values() for part in parts(len(rows))]
