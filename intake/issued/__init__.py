"""Documents that the institution writes: draft, visto bueno, approval, number, page, sending."""
