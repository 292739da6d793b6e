"""Where new points come from."""
