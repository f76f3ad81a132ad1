"""What is learnt from closed cases, and what it proposes."""
