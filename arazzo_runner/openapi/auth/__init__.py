"""Security schemes, credentials and the tokens they are exchanged for (H5)."""
