"""An audit as one HTML file and as Markdown: no network, no script, everything inline and escaped."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tasvir.report.audit_tables import audit_tables, findings, in_markdown
from tasvir.report.page_templates import template
from tasvir.report.writing import write_whole
from tasvir.score.auditing.figures import Audit

TITLES = {
    "rendered": "Rendered pictures with known faults",
    "generated": "Pictures of a generator, their truth read by the oracle",
}


@dataclass(frozen=True, slots=True)
class Shade:
    """One picture among the examples.

    Args:
        label: What was done to it.
        share: Share of its text's predicates that are true.
        png: The file.
        values: By metric.
    """

    label: str
    share: float
    png: bytes
    values: Mapping[str, float | None]

    @property
    def data(self) -> str:
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")


Examples = Mapping[str, Sequence[tuple[str, Sequence[Shade]]]]
"""By part, texts with their pictures."""


def write_audit(folder: Path, audit: Audit, about: Mapping[str, Any], examples: Examples) -> list[Path]:
    """Write audit.html, audit.md and audit.json.

    Args:
        folder: Where to; it is there.
        audit: The figures.
        about: When, by which command and version.
        examples: Some of the pictures.

    Raises:
        OSError: A file cannot be written.
    """
    figures = {"about": dict(about), **asdict(audit)}
    texts = {
        "audit.html": render_audit(audit, about, examples),
        "audit.md": audit_in_markdown(audit, about),
        "audit.json": json.dumps(figures, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
    }
    for name, text in texts.items():
        write_whole(folder / name, text.encode())
    return [folder / name for name in texts]


def render_audit(audit: Audit, about: Mapping[str, Any], examples: Examples) -> str:
    """The page."""
    parts = [
        (part, TITLES[part.name], audit_tables(part), findings(part), examples.get(part.name, ()))
        for part in audit.parts
    ]
    return template("audit.html").render(audit=audit, about=about, parts=parts)


def audit_in_markdown(audit: Audit, about: Mapping[str, Any]) -> str:
    """The same without pictures."""
    blocks = [
        "# Audit",
        f"`{about.get('command', '')}`, {about.get('begun', '')}, tasvir {about.get('tasvir', '')}",
    ]
    for part in audit.parts:
        blocks.append(f"## {TITLES[part.name]}")
        blocks.append(f"{part.n_pictures} pictures of {part.n_prompts} texts; {_ratings(part.ratings)}.")
        blocks.append("\n".join(f"- {sentence}" for sentence in findings(part)) or "No judge was audited.")
        blocks.append(in_markdown(audit_tables(part)))
    noise = (
        "without error" if audit.noise == 0 else f"with errors of standard deviation {audit.noise:g} levels"
    )
    blocks.append(f"Ratings are made of the truth, {noise}. {audit.draws} resamples, seed {audit.seed}.")
    return "\n\n".join(blocks) + "\n"


def _ratings(counts: Sequence[int]) -> str:
    return ", ".join(f"{count} rated {level}" for level, count in enumerate(counts, 1))
