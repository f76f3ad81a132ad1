"""The panel and the portal (Flask)."""
