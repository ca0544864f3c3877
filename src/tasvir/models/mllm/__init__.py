"""The client for multimodal models: one question, one answer, kept, counted and paid once.

`client` is the door. `connection` speaks to services and `local` to models in this process; `calls` holds
limits and tries again; `store` keeps answers; `ledger` and `prices` count money.
"""
