"""Seals, e.firma and acuses, and how anybody can verify them."""
