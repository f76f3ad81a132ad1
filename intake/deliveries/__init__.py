"""Mensajería: requests, routes, guías, the courier's acts and what is told about them."""
