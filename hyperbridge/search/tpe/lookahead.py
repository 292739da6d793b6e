"""What a truncated draw makes of the words of a generator, for each word that it may begin with.

A draw from a mixture takes the words that choose a component, at most one less than there are
components, and one more for a normal. Where a draw ends the next one begins, so a label's draws
are a path through these tables.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hyperbridge.search.tpe.multinomial import Tests, first_hits
from hyperbridge.search.tpe.priors import FloatArray

HARD = 2
"""Becomes of a draw whose normal takes more words than one; of others 1, accepted, or 0."""


class Lookahead(NamedTuple):
    """Draws by the word that they begin with.

    Attributes:
        start: Place of the first of these words in the chunk.
        components: The component that is drawn, shape (words,).
        steps: How many words a draw takes, same shape.
        normals: Its normal, same shape; NaN where it takes more words.
        hard: `HARD` where it does, else 0; same shape.
    """

    start: int
    components: NDArray[np.uint8]
    steps: NDArray[np.uint8]
    normals: FloatArray
    hard: NDArray[np.uint8]

    def window(
        self, begin: int, end: int, mus: FloatArray, sigmas: FloatArray, low: float, high: float
    ) -> tuple[FloatArray, list[int], list[int]]:
        """Return the draws that begin in a range of words.

        Args:
            begin: Where the range starts, counted from ``start``.
            end: Where it ends.
            mus: Centres of the components.
            sigmas: Their widths.
            low: Smaller draws are rejected.
            high: Draws that are not smaller are rejected.

        Returns:
            The draws, what becomes of them, and how many words they take.
        """
        part = slice(begin, end)
        components = self.components[part]
        draws = sigmas.take(components)
        draws *= self.normals[part]
        draws += mus.take(components)
        inside = draws >= low
        inside &= draws < high
        fate = inside.view(np.uint8)
        fate |= self.hard[part]
        return draws, fate.tolist(), self.steps[part].tolist()


def look_ahead(
    uniforms: FloatArray, normals: FloatArray, tests: Tests, start: int, stop: int
) -> Lookahead:
    """Look up the draws that begin in a range of words.

    Args:
        uniforms: What each word yields as a uniform number.
        normals: What it yields as a normal; NaN where it takes more words.
        tests: At most 254 of them.
        start: The first word.
        stop: The end of the words that are looked at; the last draws begin before it by the
            number of tests.
    """
    k = len(tests)
    size = max(stop - start - k, 0)
    components = first_hits(uniforms[start:stop], tests)[:size]
    steps = components + np.uint8(1)
    np.minimum(steps, k, out=steps)
    places = steps + np.arange(start, start + size)
    drawn = normals.take(places)
    hard = np.isnan(drawn).view(np.uint8)
    hard *= np.uint8(HARD)
    steps += np.uint8(1)
    return Lookahead(start, components, steps, drawn, hard)
