"""Chat doors: each hands IncomingMessage values to the desk."""
