"""The multimodal study's page: tables beside the printed ones, tests, claims with verdicts, charts and pictures."""
