"""What several test modules share: servers, documents, processes. Nothing in here is a test."""
