"""The house that is tested, and the machinery that tests it."""
