"""Draw components and normals as NumPy's generator does, without a call for each of them.

Most of the time of a suggestion would go into calls of ``multinomial`` and ``normal``, one each
for every candidate of a bounded label, because hyperopt draws those one by one. Here the words
that the generator is going to yield are fetched in chunks, and what the calls would have made of
them is looked up: a normal is nearly always made of one word, and the rest is left to the
generator. Components of equal weight, as those of the better part are, are looked up once for all
words of a chunk when they are many. Draws follow each other word by word, so that Python's own
lists and numbers are faster here than arrays.

Source: `multinomial` and `ziggurat`. `stream_works` compares the two ways once; where they differ,
the calls are made.
"""

from __future__ import annotations

import functools

import numpy as np

from hyperbridge.search.tpe.multinomial import Tests, first_hits, tests_of
from hyperbridge.search.tpe.parzen import Listed
from hyperbridge.search.tpe.priors import FloatArray
from hyperbridge.search.tpe.stream import Stream
from hyperbridge.search.tpe.ziggurat import Ziggurat, numpys_ziggurat

_CHUNK = 256
_LARGEST = 4096
_MANY = 100  # components from which on one call of the generator is cheaper
_MOST = 256  # so many tests have no place in a table
_FEW = 8  # tests up to which it does not pay to look them up for all words
_SEARCHED = 64  # a normal that is hard to draw takes a few words more than one


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
        self._words: FloatArray = np.zeros(0)  # what each word of the chunk yields as a uniform
        self._uniforms: list[float] = []  # the same
        self._normals: list[float] = []  # and as a normal; NaN where it takes more words
        self._tables: dict[tuple[int, float], list[int] | None] = {}  # see `_table`
        self._before = 0  # words used before this chunk
        self._at = 0  # the next word of the chunk
        self._ahead = 0  # where in the chunk the generator is

    @property
    def used(self) -> int:
        """See `Stream.used`."""
        return self._before + self._at

    def components(self, weights: list[float], n: int) -> list[int]:
        """See `Stream.components`."""
        tests = tests_of(tuple(weights)) if len(weights) <= _MANY else None
        if tests is None:
            self._forget()
            return super().components(weights, n)
        k = len(tests)
        drawn: list[int] = []
        while len(drawn) < n:
            self._need(k + 1)
            words, at = self._uniforms, self._at
            last = len(words) - k
            for _ in range(n - len(drawn)):
                if at > last:
                    break
                component = 0
                for bound, above in tests:
                    at += 1
                    if (words[at - 1] > bound) is above:
                        break
                    component += 1
                drawn.append(component)
            self._at = at
        return drawn

    def normals(self, components: list[int], mixture: Listed) -> FloatArray:
        """See `Stream.normals`."""
        _, mus, sigmas = mixture
        drawn = []
        for component in components:
            self._need(1)
            normal = self._normals[self._at]
            self._at += 1
            if normal != normal:
                normal = self._hard_normal()
            drawn.append(sigmas[component] * normal + mus[component])
        return np.array(drawn)

    def truncated(self, low: float, high: float, mixture: Listed, n: int) -> FloatArray:
        """See `Stream.truncated`."""
        weights, mus, sigmas = mixture
        tests = tests_of(tuple(weights))
        if tests is None:
            self._forget()
            return super().truncated(low, high, mixture, n)
        k = len(tests)
        accepted: list[float] = []
        while len(accepted) < n:
            self._need(k + 1)
            table = self._table(weights, tests)
            uniforms, normals, at = self._uniforms, self._normals, self._at
            normal, end = 0.0, len(normals) - k
            while at < end and len(accepted) < n and normal == normal:
                component = 0
                if table is not None:
                    component = table[at]
                    at += component + 1 if component < k else k
                else:
                    for bound, above in tests:
                        at += 1
                        if (uniforms[at - 1] > bound) is above:
                            break
                        component += 1
                normal = normals[at]
                at += 1
                draw = sigmas[component] * normal + mus[component]
                if low <= draw < high:
                    accepted.append(draw)
            self._at = at
            if normal != normal:
                draw = sigmas[component] * self._hard_normal() + mus[component]
                if low <= draw < high:
                    accepted.append(draw)
        return np.array(accepted)

    def _table(self, weights: list[float], tests: Tests) -> list[int] | None:
        """Look up the components of all words, for many equal weights that are asked for again."""
        k = len(tests)
        if not _FEW < k < _MOST or weights.count(weights[0]) <= k:
            return None
        key = k, weights[0]
        table = self._tables.get(key)
        if table is None:
            if not self._repeated and key not in self._tables:
                self._tables[key] = None
                return None
            table = self._tables[key] = first_hits(self._words, tests).tolist()
        return table

    def _hard_normal(self) -> float:
        """Draw the normal that the last word did not decide."""
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
        self._words, self._uniforms, self._normals = np.zeros(0), [], []
        self._before += self._at
        self._at = self._ahead = 0
        self._tables = dict.fromkeys(self._tables)

    def _find(self) -> None:
        """Find in the chunk where the generator is, after it took some words."""
        word = (self._bits.random_raw() >> 11) * 2.0**-53
        next_words = self._uniforms[self._at : self._at + _SEARCHED]
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
        self._chunk = max(_CHUNK, self._chunk // 4)
        self._words = (words >> np.uint64(11)) * 2.0**-53
        self._uniforms = self._words.tolist()
        self._normals = self._ziggurat.normals(words).tolist()
        self._before += self._at
        self._at, self._ahead = 0, len(words)
        self._tables = dict.fromkeys(self._tables)


def open_stream(
    bits: np.random.BitGenerator, *, words: float = 0.0, repeated: bool = False
) -> Stream:
    """Return a stream of a generator, which nothing else may use: the faster one where it works.

    Args:
        bits: The generator's source of words.
        words: How many words the draws are going to take, if that can be said.
        repeated: Whether most components are drawn by weights that some others are drawn by, too.
    """
    ziggurat = numpys_ziggurat()
    if ziggurat is None or not isinstance(bits, np.random.PCG64) or not stream_works():
        return Stream(np.random.Generator(bits))
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
            mixture = Listed(weights.tolist(), mus.tolist(), sigmas.tolist())
            plain, fast = (
                [
                    stream.truncated(-1.0, 1.0, mixture, 300).tolist(),
                    stream.components(weights.tolist(), 100),
                    stream.normals([*range(components)] * 4, mixture).tolist(),
                ]
                for stream in streams
            )
            if plain != fast:
                return False
    return True
