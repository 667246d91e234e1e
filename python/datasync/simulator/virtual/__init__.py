"""Limiters against APIs in virtual time: the scenarios, what plays them, and what they come to."""
