"""Paper that becomes pages: stacks, labels, OCR, filing."""
