"""Rules that need more than a document's structure: its expressions, its flow, and the operations it calls."""
