"""Training: one loop for all networks, of the laboratory and embedded; resumable, seeded, averaged."""
