"""Links and facts of whole documents: what steps mean, where expressions stand, how control flows."""
