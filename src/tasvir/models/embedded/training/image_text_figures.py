"""How well the finished encoder, answerer and captioner do, through the code that loads public models.

Pictures are clean renders of scenes with a held-out combination, which training never showed ("heldout"),
and scenes of the training split, of unseen seeds, redrawn by the generator ("redrawn"; their truth is the
scene's, which the redrawing may have lost). Every share has its n and its 95 % interval.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasvir.models.embedded.training.faults import FAULTS, falsified
from tasvir.models.embedded.training.picture_source import PictureSource
from tasvir.models.embedded.training.plain_captions import plain_caption
from tasvir.models.embedded.training.questions import MOST, Question, long_questions, short_questions
from tasvir.models.embedded.training.recogniser_figures import VALIDATION, artefact_renders
from tasvir.models.image_text.answerer import Answerer, open_answerer
from tasvir.models.image_text.captioner import open_captioner
from tasvir.models.image_text.clip import Clip, open_clip
from tasvir.world.captions import caption
from tasvir.world.catalogue import catalogue, palette
from tasvir.world.description import Description
from tasvir.world.placing import Dice
from tasvir.world.render import render
from tasvir.world.sampler import sample_scene
from tasvir.world.scene import BACKGROUNDS, Scene
from tasvir.world.writing import write

HELD_OUT, REDRAWN = 1000, 200
"""Pictures of each kind."""
AMONG = 100
"""Candidates of a retrieval."""
Z95 = 1.959963984540054
ANSWERS: Mapping[str, tuple[str, ...]] = {
    "count": tuple(str(number) for number in range(MOST + 1)),
    "color": tuple(palette()),
    "place": BACKGROUNDS,
    "what": tuple(catalogue()),
}
"""Answers among which the open questions of a form are decided."""
Figures = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """Scenes with pictures of them."""

    scenes: list[Scene]
    pictures: list[Image.Image]


def share(values: Iterable[bool]) -> dict[str, float] | None:
    """Share of True with its 95 % interval (Wilson 1927); None of nothing."""
    marks = list(values)
    if not marks:
        return None
    n, mean = len(marks), sum(marks) / len(marks)
    center = (mean + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(mean * (1 - mean) / n + Z95**2 / (4 * n * n))
    low, high = max(center - half, 0.0), min(center + half, 1.0)
    return {"share": round(mean, 4), "n": n, "low": round(low, 4), "high": round(high, 4)}


def write_figures(out: Path, model: str, figures: Figures) -> None:
    """Put the figures into the run's folder and beside the weights."""
    for path in (out / "figures.json", out / model / "figures.json"):
        path.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")


def encoder_figures(folder: Path, source: PictureSource) -> Figures:
    """Retrieval among AMONG, and how often a true caption beats its false twin, by fault."""
    clip = open_clip(str(folder))
    return {name: _encoder_on(clip, seen) for name, seen in pictures_to_read(source).items()}


def answerer_figures(folder: Path, source: PictureSource) -> Figures:
    """Right answers by form and by fault, and how often a true caption beats its false twin."""
    answerer = open_answerer(str(folder))
    return {name: _answerer_on(answerer, seen) for name, seen in pictures_to_read(source).items()}


def captioner_figures(folder: Path, source: PictureSource) -> Figures:
    """Captions that are the plain caption to the word, and that name the right things in the right number."""
    captioner = open_captioner(str(folder))
    figures: Figures = {}
    for name, seen in pictures_to_read(source).items():
        written = captioner.caption(seen.pictures)
        true = [plain_caption(scene)[0] for scene in seen.scenes]
        pairs = list(zip(written, true, strict=True))
        figures[name] = {
            "exact": share(_words(text) == _words(wanted) for text, wanted in pairs),
            "kinds": share(_kinds(text) == _kinds(wanted) for text, wanted in pairs),
        }
    return figures


def _words(text: str) -> list[str]:
    return text.replace(",", " , ").split()


def _kinds(text: str) -> Counter[str]:
    """The kinds that a text names, with how many of each group."""
    nouns = {form: kind.name for kind in catalogue().values() for form in (kind.name, kind.plural)}
    numbers = {"two": 2, "three": 3, "four": 4}
    found: Counter[str] = Counter()
    number = 1
    for word in _words(text):
        number = numbers.get(word, 1 if word in ("a", "an", ",") else number)
        if word in nouns:
            found[nouns[word]] += number
    return found


def pictures_to_read(source: PictureSource) -> dict[str, Seen]:
    """HELD_OUT renders of held-out combinations and REDRAWN pictures of the generator; always the same."""
    rng = np.random.default_rng([VALIDATION, 17])
    scenes = [sample_scene(rng, split="heldout") for _ in range(HELD_OUT)]
    redrawn = artefact_renders(source.pool, REDRAWN, 18)
    return {
        "heldout": Seen(scenes, [Image.fromarray(render(scene)) for scene in scenes]),
        "redrawn": Seen(redrawn[0], [Image.fromarray(pixels) for pixels in redrawn[1]]),
    }


def _twins(seen: Seen) -> tuple[list[str], list[tuple[int, str, str]]]:
    """A true caption of each scene; and false twins of it: scene, fault, text."""
    rng = np.random.default_rng([VALIDATION, 19])
    dice = Dice(rng)
    true: list[str] = []
    false: list[tuple[int, str, str]] = []
    for row, scene in enumerate(seen.scenes):
        text, described = caption(scene, rng)
        true.append(text)
        false += [(row, fault, wrong) for fault, wrong in _each_fault(described, scene, dice)]
    return true, false


def _each_fault(described: Description, scene: Scene, dice: Dice) -> Iterable[tuple[str, str]]:
    for fault in FAULTS:
        wrong = falsified(described, scene, dice, fault)
        if wrong is not None:
            yield fault, write(wrong[1], dice)[0]


def _encoder_on(clip: Clip, seen: Seen) -> Figures:
    true, false = _twins(seen)
    pictures, texts = clip.embed_pictures(seen.pictures), clip.embed_texts(true)
    cosines = (pictures * texts).sum(1)
    twins = clip.embed_texts([text for _, _, text in false])
    beaten = [
        (fault, bool(cosines[row] > pictures[row] @ twin))
        for (row, fault, _), twin in zip(false, twins, strict=True)
    ]
    return {
        "picture_to_text": _retrieval(pictures, texts),
        "text_to_picture": _retrieval(texts, pictures),
        "true_beats_twin": _by(beaten),
    }


def _retrieval(asking: NDArray[np.float32], answers: NDArray[np.float32]) -> Figures:
    """Recall at 1 and 5 among AMONG candidates, in as many whole groups as there are."""
    ranks: list[int] = []
    for start in range(0, len(asking) - AMONG + 1, AMONG):
        scores = asking[start : start + AMONG] @ answers[start : start + AMONG].T
        ranks += (scores >= np.diag(scores)[:, None]).sum(1).tolist()
    return {f"recall_at_{k}": share(rank <= k for rank in ranks) for k in (1, 5)}


def _answerer_on(answerer: Answerer, seen: Seen) -> Figures:
    rng = np.random.default_rng([VALIDATION, 20])
    asked = [
        (picture, question)
        for scene, picture in zip(seen.scenes, seen.pictures, strict=True)
        for question in (*short_questions(scene, rng, 6), *long_questions(scene, rng, 2))
    ]
    right = _answered(answerer, [p for p, _ in asked], [q for _, q in asked])
    marked = list(zip([question for _, question in asked], right, strict=True))
    yes_no = [(question, mark) for question, mark in marked if question.answer in ("yes", "no")]
    true, false = _twins(seen)
    sure = _yes(answerer, seen.pictures, [f"{text}?" for text in true])
    twins = _yes(answerer, [seen.pictures[row] for row, _, _ in false], [f"{text}?" for _, _, text in false])
    beaten = [(f, bool(sure[row] > twin)) for (row, f, _), twin in zip(false, twins, strict=True)]
    return {
        "yes_no": share(mark for _, mark in yes_no),
        "yes_no_by_form": _by((question.form, mark) for question, mark in yes_no),
        "one_word_by_form": _by(
            (question.form, mark) for question, mark in marked if question.answer not in ("yes", "no")
        ),
        "said_yes_where_true": share(mark for question, mark in yes_no if question.answer == "yes"),
        "said_no_by_fault": _by((question.fault, mark) for question, mark in yes_no if question.fault),
        "true_beats_twin": _by(beaten),
    }


def _answered(
    answerer: Answerer, pictures: Sequence[Image.Image], questions: Sequence[Question]
) -> NDArray[np.bool_]:
    """Whether the likeliest answer, of those to such a question, is the true one."""
    right = np.zeros(len(questions), bool)
    for form in ("", *ANSWERS):
        rows = [
            row
            for row, question in enumerate(questions)
            if (question.answer in ("yes", "no")) == (not form) and form in ("", question.form)
        ]
        answers = ANSWERS.get(form, ("yes", "no"))
        found = answerer.answer_probabilities(
            [pictures[row] for row in rows], [questions[row].text for row in rows], answers
        )
        said = found.argmax(1)
        right[rows] = [answers[i] == questions[row].answer for row, i in zip(rows, said, strict=True)]
    return right


def _yes(
    answerer: Answerer, pictures: Sequence[Image.Image], questions: Sequence[str]
) -> NDArray[np.float32]:
    found = answerer.answer_probabilities(pictures, questions)
    yes: NDArray[np.float32] = found[:, 0] / found.sum(1)
    return yes


def _by(marks: Iterable[tuple[str, bool]]) -> Figures:
    """The share of each name, and of all."""
    listed = list(marks)
    names = dict.fromkeys(name for name, _ in listed)
    each = {name: share(mark for other, mark in listed if other == name) for name in sorted(names)}
    return {"all": share(mark for _, mark in listed), **each}
