"""Expedientes and the archive's cuadro."""
