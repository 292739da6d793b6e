"""One rule per file: how one part of hyperopt is read, and what takes its place."""
