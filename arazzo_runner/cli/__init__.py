"""The command line: options to calls of the public API. One module a verb."""
