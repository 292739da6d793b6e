"""The normal that NumPy's generator makes of one word, for many words at once.

NumPy draws normals by the ziggurat method: nearly always one 64-bit word yields one normal, as
``width[word & 511] * (word >> 9 without its three highest bits)``. The widths are asked of NumPy
itself, with a bit generator whose next word can be chosen, so that no table is copied and a
NumPy that does it in another way is noticed.

Source: ``random_standard_normal`` of NumPy's C code, after Marsaglia and Tsang (2000).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hyperbridge.search.tpe.priors import FloatArray, IntArray

_STRIPS = 256
_ABSCISSA_BITS = 52
_HALF = 1 << (_ABSCISSA_BITS - 1)


@dataclass(frozen=True, slots=True)
class Ziggurat:
    """What decides the normal that a word yields.

    Attributes:
        widths: Signed factor by the lowest nine bits of the word, shape (512,).
        limits: Abscissae below it are sure to yield a normal by themselves, same shape.
    """

    widths: FloatArray
    limits: IntArray

    def normals(self, words: NDArray[np.uint64]) -> FloatArray:
        """Return the normal of each word; NaN where a word alone may not decide it."""
        strip = (words & np.uint64(511)).view(np.int64)
        abscissa = ((words >> np.uint64(9)) & np.uint64((1 << _ABSCISSA_BITS) - 1)).view(np.int64)
        normals: FloatArray = self.widths[strip]
        normals *= abscissa
        normals[abscissa >= self.limits[strip]] = np.nan
        return normals


@functools.cache
def numpys_ziggurat() -> Ziggurat | None:
    """Return the ziggurat of this NumPy; None when it draws normals in another way."""
    draw = _ChosenWord()
    widths = np.zeros(_STRIPS)
    for strip in range(_STRIPS):
        normal = draw.normal(strip, _HALF)
        if normal is not None:
            widths[strip] = normal / _HALF
    limits = np.zeros(_STRIPS, dtype=np.int64)
    for strip in np.flatnonzero(widths).tolist():
        # Next to the inner strip's edge, which rounding does not tell exactly, a word is left
        # to the generator. The lowest strip has another edge; half of it is always inside.
        limit = int(widths[strip - 1] / widths[strip] * (1 - 1e-6) * 2 * _HALF) if strip else 0
        sure = draw.normal(strip, limit - 1) == (limit - 1) * widths[strip] if limit else False
        limits[strip] = limit if sure else _HALF
    if np.count_nonzero(widths) < _STRIPS - 2:
        return None
    return Ziggurat(np.concatenate([widths, -widths]), np.concatenate([limits, limits]))


class _ChosenWord:
    """A generator that is told which word comes next."""

    def __init__(self) -> None:
        self._bits = np.random.SFC64(0)
        self._generator = np.random.Generator(self._bits)
        self._state = self._bits.state

    def normal(self, strip: int, abscissa: int) -> float | None:
        """Return the normal of a word, or None if it took more words than one."""
        # The output of SFC64 is the sum of the first, the second and the last number of its
        # state; the last counts the outputs.
        words = np.array([strip | abscissa << 9, 0, 0, 0], dtype=np.uint64)
        self._bits.state = {**self._state, "state": {"state": words}}
        normal = self._generator.standard_normal()
        return normal if int(self._bits.state["state"]["state"][3]) == 1 else None
