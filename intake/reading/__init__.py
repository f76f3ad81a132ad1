"""What a mail says: the parts, headers, texts and files that `intake.parsing` puts together."""
