"""AsyncAPI descriptions: servers, channels, operations and messages, their traits merged and their ``$ref``s followed."""
