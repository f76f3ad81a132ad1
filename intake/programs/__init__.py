"""Other programs: tokens for the API, webhooks, and calls to the world outside."""
