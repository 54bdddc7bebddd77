"""Small networks by name, and the user's own models as factories."""
