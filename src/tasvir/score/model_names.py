"""Names of metrics that need several models: "blip-clip:CAPTIONER+ENCODER"."""

from __future__ import annotations

from collections.abc import Sequence

from tasvir.errors import SettingError


def several(metric: str, model: str, roles: Sequence[str]) -> tuple[str, ...]:
    """The models that a metric's one model argument names.

    Args:
        metric: Its name, for the message.
        model: As many names as roles, joined by "+"; a single one that is "embedded" stands for all.
        roles: What the models are, in order ("CAPTIONER", "ENCODER").

    Raises:
        SettingError: Too few or too many.
    """
    names = tuple(part.strip() for part in model.split("+"))
    if names == ("embedded",):
        return names * len(roles)
    if len(names) != len(roles) or not all(names):
        raise SettingError(
            f"{metric} needs {len(roles)} models: write {metric}:{'+'.join(roles)}, or {metric}:embedded; "
            f"{model!r} names {len([name for name in names if name])}"
        )
    return names
