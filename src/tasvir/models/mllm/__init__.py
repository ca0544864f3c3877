"""The client for multimodal models: one question, one answer, kept, counted and paid once.

`client` is the door; `connection` speaks to services and `local` to models in this process; `store` keeps answers,
`ledger` counts money.
"""
