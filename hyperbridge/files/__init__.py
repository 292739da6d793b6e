"""Files that outlive a kill: one process at a time, replaced whole, or grown record by record."""
