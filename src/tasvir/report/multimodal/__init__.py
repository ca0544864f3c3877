"""The multimodal study's page: tables beside the printed ones, tests, claims, charts and pictures."""
