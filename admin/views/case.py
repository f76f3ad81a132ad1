"""case"""

from __future__ import annotations

from flask import Flask
from flask_admin import Admin


def register(app: Flask, admin: Admin) -> None:
    """Nothing yet."""
