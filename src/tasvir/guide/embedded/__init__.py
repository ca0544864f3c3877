"""The parts of the embedded guide: it reads prompts by a grammar, plans by geometry and sees by the
recogniser."""
