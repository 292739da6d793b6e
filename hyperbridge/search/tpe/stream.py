"""Draw components and normals by the very calls that hyperopt makes of NumPy's generator."""

from __future__ import annotations

import numpy as np

from hyperbridge.search.tpe.parzen import Listed
from hyperbridge.search.tpe.priors import FloatArray


class Stream:
    """Random draws by the calls that hyperopt makes of NumPy's generator."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    @property
    def used(self) -> int:
        """How many words of the generator were used, as far as that is known."""
        return 0

    def components(self, weights: list[float], n: int) -> list[int]:
        """Draw ``n`` components; the weights sum to 1."""
        drawn: list[int] = self._rng.multinomial(1, weights, n).argmax(axis=1).tolist()
        return drawn

    def normals(self, components: list[int], mixture: Listed) -> FloatArray:
        """Draw a normal for each of some components of a mixture."""
        _, mus, sigmas = mixture
        return np.array([self._rng.normal(mus[i], sigmas[i]) for i in components])

    def truncated(self, low: float, high: float, mixture: Listed, n: int) -> FloatArray:
        """Draw ``n`` values in ``[low, high)`` from a normalised mixture."""
        weights, mus, sigmas = mixture
        accepted: list[float] = []
        while len(accepted) < n:
            component = self._rng.multinomial(1, weights).argmax()
            draw = self._rng.normal(mus[component], sigmas[component])
            if low <= draw < high:
                accepted.append(draw)
        return np.array(accepted)
