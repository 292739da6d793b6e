"""Draw components and normals as NumPy's generator does, without a call for each of them.

Most of the time of a suggestion would go into calls of ``multinomial`` and ``normal``, one each
for every candidate of a bounded label, because hyperopt draws those one by one. Here the words
that the generator is going to yield are fetched in chunks, and what the calls would have made of
them is looked up: a normal is nearly always made of one word, and the rest is left to the
generator. Components of equal weight, as those of the better part are, are looked up once for all
words of a chunk.

Source: `multinomial` and `ziggurat`. `stream_works` compares the two ways once; where they differ,
the calls are made.
"""

from __future__ import annotations

import functools

import numpy as np

from hyperbridge.search.tpe.lookahead import HARD, Lookahead, look_ahead
from hyperbridge.search.tpe.multinomial import Tests, first_hits, tests_of
from hyperbridge.search.tpe.parzen import Mixture
from hyperbridge.search.tpe.priors import FloatArray
from hyperbridge.search.tpe.stream import Stream
from hyperbridge.search.tpe.ziggurat import Ziggurat, numpys_ziggurat

_CHUNK = 256
_LARGEST = 4096
_MANY = 32  # components from which on one call of the generator is cheaper
_MOST = 254  # tests that `look_ahead` takes
_SEARCHED = 64  # a normal that is hard to draw takes a few words more than one
_PER_DRAW = 1.5  # draws for an accepted one


class FastStream(Stream):
    """The same draws, looked up in the words of the generator.

    The generator itself is ahead of what was drawn; nothing else may use it.

    Args:
        bits: The generator's source of words.
        ziggurat: What NumPy makes of a word.
        chunk: How many words to fetch at first.
        repeated: Whether a table is worth its while at once: weights are asked for again.
    """

    def __init__(
        self,
        bits: np.random.PCG64,
        ziggurat: Ziggurat,
        chunk: int = _CHUNK,
        *,
        repeated: bool = False,
    ) -> None:
        super().__init__(np.random.Generator(bits))
        self._bits = bits
        self._ziggurat = ziggurat
        self._chunk = chunk
        self._repeated = repeated
        self._uniforms: FloatArray = np.zeros(0)  # what each word of the chunk yields as a uniform
        self._normals = self._uniforms  # and as a normal; NaN where it takes more words
        self._tables: dict[tuple[int, float], Lookahead | None] = {}  # see `_table`
        self._at = 0  # the next word of the chunk
        self._ahead = 0  # where in the chunk the generator is

    def components(self, weights: list[float], n: int) -> list[int]:
        """See `Stream.components`."""
        tests = tests_of(tuple(weights)) if len(weights) <= _MANY else None
        if tests is None:
            self._forget()
            return super().components(weights, n)
        k = len(tests)
        drawn = [] if k else [0] * n
        while len(drawn) < n:
            self._need(k + 1)
            table, words = self._table(weights, tests), slice(self._at, self._at + n * k)
            if table is not None:
                first = table.components[words]
            else:
                uniforms = self._uniforms[words]
                first = first_hits(uniforms, tests)[: len(uniforms) - k + 1]
            components = first.tolist()
            at, end = 0, len(components)
            while at < end and len(drawn) < n:
                component = components[at]
                at += component + 1 if component < k else k
                drawn.append(component)
            self._at += at
        return drawn

    def normals(self, mus: FloatArray, sigmas: FloatArray) -> FloatArray:
        """See `Stream.normals`."""
        n, done = len(mus), 0
        normals = np.empty(n)
        while done < n:
            some = self._normals[self._at : self._at + n - done]
            hard = np.flatnonzero(np.isnan(some))
            easy = int(hard[0]) if len(hard) else len(some)
            normals[done : done + easy] = some[:easy]
            self._at += easy
            done += easy
            if done < n:
                normals[done] = self._normal()
                done += 1
        drawn: FloatArray = sigmas * normals
        drawn += mus
        return drawn

    def truncated(self, low: float, high: float, mixture: Mixture, n: int) -> FloatArray:
        """See `Stream.truncated`."""
        weights, (_, mus, sigmas) = mixture.weights.tolist(), mixture
        tests = tests_of(tuple(weights))
        if tests is None or len(tests) > _MOST:
            self._forget()
            return super().truncated(low, high, mixture, n)
        parts: list[FloatArray] = []
        missing = n
        while missing:
            ahead, words = self._ahead_of(weights, tests, missing)
            chunk, begin = self._normals, self._at - ahead.start
            draws, fates, steps = ahead.window(begin, begin + words, mus, sigmas, low, high)
            accepted: list[int] = []
            at, end = 0, len(fates)
            while missing and at < end:
                fate = fates[at]
                if fate == HARD:
                    self._at = ahead.start + begin + at + steps[at] - 1
                    component = ahead.components[begin + at]
                    draws[at] = mus[component] + sigmas[component] * self._normal()
                    fate = low <= draws[at] < high
                    step = self._at - (ahead.start + begin + at) if chunk is self._normals else end
                else:
                    step = steps[at]
                if fate:
                    accepted.append(at)
                    missing -= 1
                at += step
            if chunk is self._normals:
                self._at = ahead.start + begin + at
            parts.append(draws[accepted])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _ahead_of(self, weights: list[float], tests: Tests, n: int) -> tuple[Lookahead, int]:
        """Look up the draws that begin with each of the next words.

        Returns:
            The draws, and how many of them n accepted ones will probably be among.
        """
        k = len(tests)
        self._need(k + 1)
        table = self._table(weights, tests)
        if table is not None:
            return table, 8 + int(_PER_DRAW * n * (0.5 * k + 2))
        words = (n + 1) * (k + 1)
        stop = min(self._at + words, len(self._normals))
        return look_ahead(self._uniforms, self._normals, tests, self._at, stop), words

    def _table(self, weights: list[float], tests: Tests) -> Lookahead | None:
        """Look up the whole chunk for equal weights that are asked for again."""
        k = len(tests)
        if weights.count(weights[0]) <= k:
            return None
        key = k, weights[0]
        table = self._tables.get(key)
        if table is None:
            if not self._repeated and key not in self._tables:
                self._tables[key] = None
                return None
            end = len(self._uniforms)
            table = self._tables[key] = look_ahead(self._uniforms, self._normals, tests, 0, end)
        return table

    def _normal(self) -> float:
        self._need(1)
        normal = float(self._normals[self._at])
        if normal == normal:
            self._at += 1
            return normal
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
        self._uniforms = self._normals = np.zeros(0)
        self._at = self._ahead = 0
        self._tables = dict.fromkeys(self._tables)

    def _find(self) -> None:
        """Find in the chunk where the generator is, after it took some words."""
        word = (self._bits.random_raw() >> 11) * 2.0**-53
        next_words = self._uniforms[self._at : self._at + _SEARCHED].tolist()
        if word in next_words:
            self._at += next_words.index(word)
            self._ahead = self._at + 1
        else:
            self._bits.advance(-1)
            self._ahead = self._at
            self._forget()

    def _need(self, words: int) -> None:
        """Have so many more words in the chunk."""
        if self._at + words > len(self._normals):
            self._fetch(words)

    def _fetch(self, needed: int) -> None:
        """Fetch a chunk from the next word on."""
        self._settle()
        words = self._bits.random_raw(max(self._chunk, needed))
        self._chunk = _CHUNK
        self._uniforms = (words >> np.uint64(11)) * 2.0**-53
        self._normals = self._ziggurat.normals(words)
        self._at, self._ahead = 0, len(words)
        self._tables = dict.fromkeys(self._tables)


def open_stream(rng: np.random.Generator, *, words: float = 0.0, repeated: bool = False) -> Stream:
    """Return a stream of a generator, which nothing else may use: the faster one where it works.

    Args:
        rng: The generator.
        words: How many words the draws are going to take, if that can be said.
        repeated: Whether most components are drawn by weights that some others are drawn by, too.
    """
    bits, ziggurat = rng.bit_generator, numpys_ziggurat()
    if ziggurat is None or not isinstance(bits, np.random.PCG64) or not stream_works():
        return Stream(rng)
    chunk = int(min(max(words, _CHUNK), _LARGEST))
    return FastStream(bits, ziggurat, chunk, repeated=repeated)


@functools.cache
def stream_works() -> bool:
    """Tell whether both streams draw the same with this NumPy, on this machine."""
    ziggurat = numpys_ziggurat()
    if ziggurat is None:
        return False
    source = np.random.default_rng(0)
    streams = Stream(np.random.default_rng(1)), FastStream(np.random.PCG64(1), ziggurat)
    for components in (1, 2, 3, 7, 20, 26):
        for weights in (source.uniform(0.01, 1.0, components), np.ones(components)):
            weights /= weights.sum()
            mus, sigmas = source.normal(size=components), source.uniform(0.01, 1.0, components)
            mixture = Mixture(weights, mus, sigmas)
            plain, fast = (
                [
                    stream.truncated(-1.0, 1.0, mixture, 300).tolist(),
                    stream.components(weights.tolist(), 100),
                    stream.normals(mus, sigmas).tolist(),
                ]
                for stream in streams
            )
            if plain != fast:
                return False
    return True
