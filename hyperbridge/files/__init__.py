"""Files that are shared between processes or outlive them: how they are read and replaced."""
