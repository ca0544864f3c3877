"""The written study of a run: tables, charts, a discussion made of figures alone; HTML, Markdown, PDF."""
