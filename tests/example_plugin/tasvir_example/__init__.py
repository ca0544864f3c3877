"""A third-party package that gives tasvir one guide and one generator."""
