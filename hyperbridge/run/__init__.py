"""The Run: one call of fmin, and what observes it."""
