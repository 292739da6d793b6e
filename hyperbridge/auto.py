"""Install hyperbridge by importing it: ``import hyperbridge.auto`` as a notebook's first line.

From then on code that imports hyperopt reaches hyperbridge, as after `hyperbridge.install`.
"""

from __future__ import annotations

from hyperbridge.surface.shim import install

install(stacklevel=2)
