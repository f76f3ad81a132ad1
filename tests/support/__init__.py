"""Real components for the tests: databases, mail servers, a browser; started here, stopped here."""
