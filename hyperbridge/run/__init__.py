"""The FminRun: one call of fmin, and what observes it."""
