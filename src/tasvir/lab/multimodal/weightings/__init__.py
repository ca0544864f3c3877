"""How modalities are weighted: fixed, by generating, by being generated, learned; one file each."""
