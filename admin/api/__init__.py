"""The REST API `/api/v1`: the verbs and the eyes of an account for programs, described by its own models."""
