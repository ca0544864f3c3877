"""Guides on the wire: any guide of this machine, spoken to in OpenAI's protocol."""
