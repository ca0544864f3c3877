"""Every exception of tasvir, in one tree.

TasvirError
├── UserInputError          what was asked cannot be done as it was asked
│   ├── PromptError         an empty or over-long prompt
│   │   └── LanguageError   a prompt outside the language of the embedded guide
│   ├── LayoutError         a layout with problems; ``problems`` lists all of them at once
│   ├── UnknownNameError    no plugin of that kind has that name; lists near names
│   └── SettingError        a number, size or switch out of its range
├── ReplyError              a guide's reply could not be turned into a record; ``reply`` keeps what it said
├── ServiceError            a multimodal model's service cannot be reached, refuses, or gave nothing usable
│   └── NotStoredError      replaying without a network, and that question was never answered before
├── BudgetError             the next call could cost more than is left; what is done is kept
├── HubError                a model cannot be had: offline, gated, gone, disk full, or not safetensors
├── DownloadError           a file of the net cannot be had; says what to download by hand
├── PluginError             a plugin exists but cannot be loaded; says why
├── WeightsError            a weight file is missing or its hash is wrong; says how to restore it
│   └── NotShippedError     there are no weights of that model, whole or damaged
├── NotFiniteError          a network or a sampler came to NaN or infinity
├── RecordError             a stored record (trace, run) cannot be read
└── OutputError             a file or folder cannot be written

Each message says what was wrong, where, and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence


class TasvirError(Exception):
    """Base of all errors that tasvir raises on purpose."""


class UserInputError(TasvirError):
    """What the user asked for cannot be done as it was asked."""


class PromptError(UserInputError):
    """A prompt that is empty or too long."""


class LanguageError(PromptError):
    """A prompt holds words or forms that the embedded guide does not understand.

    Args:
        message: What was not understood and what to do.
        words: The words that were not understood.
        near: For each such word, known words close to it.
    """

    def __init__(
        self, message: str, words: Sequence[str] = (), near: dict[str, list[str]] | None = None
    ) -> None:
        super().__init__(message)
        self.words = tuple(words)
        self.near = dict(near or {})


class LayoutError(UserInputError):
    """A layout breaks the rules; every problem found is in ``problems``."""

    def __init__(self, problems: Sequence[str], where: str = "layout") -> None:
        self.problems = tuple(problems)
        listed = "\n".join(f"  - {problem}" for problem in self.problems)
        count = len(self.problems)
        super().__init__(f"{where}: {count} problem{'s' if count != 1 else ''}\n{listed}")


class UnknownNameError(UserInputError):
    """No plugin, kind or file with that name."""


class SettingError(UserInputError):
    """A setting is out of its range."""


class ReplyError(TasvirError):
    """A guide's reply could not be turned into a record."""

    def __init__(self, message: str, reply: str = "") -> None:
        super().__init__(message)
        self.reply = reply


class ServiceError(TasvirError):
    """A multimodal model's service cannot be reached, refuses, or gave no answer."""


class NotStoredError(ServiceError):
    """Only stored replies may be used, and there is none to this question."""


class BudgetError(TasvirError):
    """The money that may be spent is used up."""


class HubError(TasvirError):
    """A model's files cannot be had, or may not be loaded; says what to do."""


class DownloadError(TasvirError):
    """A file of the net cannot be had; ``status`` is the server's answer, None where there was none."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class PluginError(TasvirError):
    """A plugin is registered but cannot be loaded."""


class WeightsError(TasvirError):
    """A weight file is missing, cut short or altered."""


class NotFiniteError(TasvirError):
    """A network or a sampler came to NaN or infinity."""


class NotShippedError(WeightsError):
    """There are no weights of that model, whole or damaged."""


class RecordError(TasvirError):
    """A stored record cannot be read."""


class OutputError(TasvirError):
    """A file or folder cannot be written."""
