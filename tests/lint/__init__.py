"""What the checks find, rule by rule, and in documents of others."""
