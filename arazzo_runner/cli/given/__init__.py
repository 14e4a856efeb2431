"""Words of the command line, turned into typed values."""
