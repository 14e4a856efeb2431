"""Documents as they are found in public: planned all, run many, against a mock that validates what it receives."""
