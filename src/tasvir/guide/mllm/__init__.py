"""The parts of the guides that ask a multimodal model: templates, examples,
and the conversation that they make."""
