"""Draw components and normals as NumPy's generator does, without a call for each of them.

Most of the time of a suggestion would go into calls of ``multinomial`` and ``normal``, one each
for every candidate of a bounded label, because hyperopt draws those one by one. Here the words
that the generator is going to yield are fetched in chunks, and what the calls would have made of
them is looked up: NumPy's multinomial spends one word on each component in turn until one is
hit, its normal nearly always spends one word; the rest is left to the generator.

Source: ``random_multinomial`` and ``random_binomial_inversion`` of NumPy's C code. `stream_works`
compares the two ways once; where they differ, the calls are made.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable

import numpy as np

from hyperbridge.search.tpe.parzen import Mixture
from hyperbridge.search.tpe.ziggurat import Ziggurat, numpys_ziggurat

_CHUNK = 256
_MANY = 32  # components from which on one call of the generator is cheaper
_SEARCHED = 64  # a normal that is hard to draw takes a few words more than one


class Stream:
    """Random draws by the calls that hyperopt makes of NumPy's generator."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def components(self, weights: list[float], n: int) -> list[int]:
        """Draw ``n`` components; the weights sum to 1."""
        drawn: list[int] = self._rng.multinomial(1, weights, n).argmax(axis=1).tolist()
        return drawn

    def normals(self, mus: Iterable[float], sigmas: Iterable[float]) -> list[float]:
        """Draw a normal for each centre and width."""
        return [self._rng.normal(mu, sigma) for mu, sigma in zip(mus, sigmas, strict=True)]

    def truncated(self, low: float, high: float, mixture: Mixture, n: int) -> list[float]:
        """Draw ``n`` values in ``[low, high)`` from a normalised mixture of one label."""
        mus, sigmas = mixture.mus.tolist(), mixture.sigmas.tolist()
        accepted: list[float] = []
        while len(accepted) < n:
            component = self._rng.multinomial(1, mixture.weights).argmax()
            draw = self._rng.normal(mus[component], sigmas[component])
            if low <= draw < high:
                accepted.append(draw)
        return accepted


class FastStream(Stream):
    """The same draws, looked up in the words of the generator.

    The generator itself is ahead of what was drawn; nothing else may use it.
    """

    def __init__(self, bits: np.random.PCG64, ziggurat: Ziggurat) -> None:
        super().__init__(np.random.Generator(bits))
        self._bits = bits
        self._ziggurat = ziggurat
        self._uniforms: list[float] = []  # what each word yields as a uniform number
        self._normals: list[float] = []  # and as a normal; NaN where it takes more words
        self._at = 0  # the next word of the chunk
        self._ahead = 0  # where in the chunk the generator is

    def components(self, weights: list[float], n: int) -> list[int]:
        """See `Stream.components`."""
        tests = _tests(weights) if len(weights) <= _MANY else None
        if tests is None:
            self._forget()
            return super().components(weights, n)
        k = len(tests)
        at, uniforms = self._at, self._uniforms
        drawn: list[int] = []
        for _ in range(n):
            if at + k > len(uniforms):
                self._at = at
                self._fetch(k)
                at, uniforms = self._at, self._uniforms
            component = 0
            for bound, above in tests:
                hit = (uniforms[at] > bound) is above
                at += 1
                if hit:
                    break
                component += 1
            drawn.append(component)
        self._at = at
        return drawn

    def normals(self, mus: Iterable[float], sigmas: Iterable[float]) -> list[float]:
        """See `Stream.normals`."""
        return [mu + sigma * self._normal() for mu, sigma in zip(mus, sigmas, strict=True)]

    def truncated(self, low: float, high: float, mixture: Mixture, n: int) -> list[float]:
        """See `Stream.truncated`."""
        tests = _tests(mixture.weights.tolist())
        if tests is None:
            self._forget()
            return super().truncated(low, high, mixture, n)
        mus, sigmas = mixture.mus.tolist(), mixture.sigmas.tolist()
        k, missing = len(tests), n
        at, uniforms, normals = self._at, self._uniforms, self._normals
        end = len(uniforms) - k
        accepted: list[float] = []
        while missing:
            if at >= end:
                self._at = at
                self._fetch(k + 1)
                at, uniforms, normals = self._at, self._uniforms, self._normals
                end = len(uniforms) - k
            component = 0
            for bound, above in tests:
                hit = (uniforms[at] > bound) is above
                at += 1
                if hit:
                    break
                component += 1
            normal = normals[at]
            at += 1
            if normal != normal:
                self._at = at - 1
                normal = self._normal()
                at, uniforms, normals = self._at, self._uniforms, self._normals
                end = len(uniforms) - k
            draw = mus[component] + sigmas[component] * normal
            if low <= draw < high:
                accepted.append(draw)
                missing -= 1
        self._at = at
        return accepted

    def _normal(self) -> float:
        if self._at == len(self._normals):
            self._fetch(1)
        normal = self._normals[self._at]
        self._at += 1
        if normal == normal:
            return normal
        self._at -= 1
        self._settle()
        normal = self._rng.standard_normal()
        self._find()
        return normal

    def _settle(self) -> None:
        """Put the generator where the draws are."""
        if self._ahead != self._at:
            self._bits.advance(self._at - self._ahead)
        self._ahead = self._at

    def _forget(self) -> None:
        """Put the generator where the draws are, to draw with it."""
        self._settle()
        self._uniforms, self._normals, self._at, self._ahead = [], [], 0, 0

    def _find(self) -> None:
        """Find in the chunk where the generator is, after it took some words."""
        word = (self._bits.random_raw() >> 11) * 2.0**-53
        try:
            self._at = self._uniforms.index(word, self._at, self._at + _SEARCHED)
        except ValueError:
            self._bits.advance(-1)
            self._ahead = self._at
            self._forget()
        else:
            self._ahead = self._at + 1

    def _fetch(self, needed: int) -> None:
        """Fetch a chunk from the next word on."""
        self._settle()
        size = max(_CHUNK, needed)
        words = self._bits.random_raw(size)
        self._uniforms = ((words >> np.uint64(11)) * 2.0**-53).tolist()
        self._normals = self._ziggurat.normals(words).tolist()
        self._at, self._ahead = 0, size


def open_stream(rng: np.random.Generator) -> Stream:
    """Return a stream of a generator, which nothing else may use: the faster one where it works."""
    bits, ziggurat = rng.bit_generator, numpys_ziggurat()
    if ziggurat is None or not isinstance(bits, np.random.PCG64) or not stream_works():
        return Stream(rng)
    return FastStream(bits, ziggurat)


@functools.cache
def stream_works() -> bool:
    """Tell whether both streams draw the same with this NumPy, on this machine."""
    ziggurat = numpys_ziggurat()
    if ziggurat is None:
        return False
    source = np.random.default_rng(0)
    streams = Stream(np.random.default_rng(1)), FastStream(np.random.PCG64(1), ziggurat)
    for components in (1, 2, 3, 7, 20, 26):
        weights = source.uniform(0.01, 1.0, components)
        weights /= weights.sum()
        mus, sigmas = source.normal(size=components), source.uniform(0.01, 1.0, components)
        mixture = Mixture(weights, mus, sigmas)
        plain, fast = (
            [
                stream.truncated(-1.0, 1.0, mixture, 300),
                stream.components(weights.tolist(), 100),
                stream.normals(mus.tolist(), sigmas.tolist()),
            ]
            for stream in streams
        )
        if plain != fast:
            return False
    return True


def _tests(weights: list[float]) -> list[tuple[float, bool]] | None:
    """Return for each component but the last: the number that the uniform is compared with.

    A component is hit when the uniform number is above it, or, if the flag is False, not above.
    NumPy compares the smaller of the probability and its complement, by an exponential.

    Returns:
        None when a component has no weight; NumPy spends no word on it.
    """
    tests = []
    remaining = 1.0
    for weight in weights[:-1]:
        if not 0.0 < weight <= remaining:
            return None
        probability = weight / remaining
        remaining -= weight
        smaller = probability if probability <= 0.5 else 1.0 - probability
        tests.append((math.exp(math.log1p(-smaller)), probability <= 0.5))
    return tests
