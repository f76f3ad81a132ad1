"""What the doors `smtp`, `imap` and `ingest` are made of, and how they are doing."""
