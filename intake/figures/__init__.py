"""Figures of the institution: counted, drawn, reported."""
