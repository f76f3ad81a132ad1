"""The conversation of the chat counter as one pure table: state × input → state, replies, acts.

START READING HERE, then `bots.dialog_terms` for the words. From any state, any input
gets an answer and a way out. Drawn in `bots/README.md`.
"""

from __future__ import annotations

from bots.dialog_terms import Data, Facts, Input, State, Step

__all__ = ["Data", "Facts", "Input", "State", "Step"]
