"""The verb ``doctor``: what is installed, what can run here, and what to do about the rest."""

from hyperbridge.cli.doctor.verb import add_parser, run

__all__ = ["add_parser", "run"]
