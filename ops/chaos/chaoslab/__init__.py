"""Faults for a fleet of packshot workers, and the proof that it bore them. Python's standard library only."""
