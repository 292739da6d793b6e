"""Readers and writers of the neutral space model."""
