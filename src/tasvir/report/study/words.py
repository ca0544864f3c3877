"""Messages in a language: templates from the catalogue, plural forms, and values looked up.

A template is a whole sentence with named places. Where a number decides its form, the catalogue holds one
form for "one" and one for "other" in English; Turkish and Chinese leave nouns after a number as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from tasvir.report.languages import read_texts
from tasvir.report.study.numbers import NUMBERS
from tasvir.report.study.values import Entry, Listed, Message, Name, Ref, Slot, Statement, Value

COUNTED = "count"
"""The place whose number decides the form."""

Catalogue = dict[str, dict[str, Any]]


@cache
def catalogue(language: str) -> Catalogue:
    """All texts of the study: section -> key -> text, or a form by "one" and "other".

    Raises:
        SettingError: No such language.
    """
    return read_texts("study", language)


class Words:
    """Says messages in one language.

    Args:
        language: "en", "tr" or "zh".
        values: What `Ref` points at, by id.

    Raises:
        SettingError: No such language.
    """

    def __init__(self, language: str, values: Mapping[str, Value]) -> None:
        self.language = language
        self.texts = catalogue(language)
        self.numbers = NUMBERS[language]
        self._values = values

    def __call__(self, entry: Entry | Statement | Listed | Ref) -> str:
        """A message, name or value in words.

        Raises:
            KeyError: No such text, place or value: a mistake of ours.
        """
        if isinstance(entry, Statement):
            return self(entry.message)
        if isinstance(entry, Value):
            return self.numbers.write(entry)
        if isinstance(entry, Message):
            return self._message(entry)
        return self._slot(entry)

    def label(self, key: str) -> str:
        """A text without places, "section.key"."""
        return self._message(Message(key))

    def _message(self, message: Message) -> str:
        section, _, key = message.key.partition(".")
        text = self.texts[section][key]
        if isinstance(text, dict):
            text = text.get(self._form(message), text["other"])
        return str(text).format(**{name: self._slot(slot) for name, slot in message.slots.items()})

    def _form(self, message: Message) -> str:
        slot = message.slots[COUNTED]
        if not isinstance(slot, Ref):
            raise TypeError(f"{message.key}: {COUNTED} is no value")
        return "one" if getattr(self._values[slot.id], slot.part) == 1 else "other"

    def _slot(self, slot: Slot) -> str:
        if isinstance(slot, Name):
            return slot.text
        if isinstance(slot, Ref):
            return self.numbers.write(self._values[slot.id], slot.part, slot.absolute)
        if isinstance(slot, Message):
            return self._message(slot)
        parts = [self._slot(item) for item in slot.items]
        if len(parts) < 2:
            return "".join(parts)
        words = self.texts["list"]
        return str(words["last"]).format(first=str(words["comma"]).join(parts[:-1]), last=parts[-1])
