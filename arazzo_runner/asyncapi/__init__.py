"""AsyncAPI descriptions: servers, channels, operations and messages; traits merged, ``$ref``s followed."""
