"""``tf.contrib.learn.preprocessing``: texts as rows of word numbers.

In: documents, each one text.  Out: int64 arrays [max_document_length], and the vocabulary between
words and their numbers.
"""

from __future__ import annotations

import pickle
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tfmini.errors import FailedPreconditionError, InvalidArgumentError

__all__ = ["CategoricalVocabulary", "VocabularyProcessor", "tokenizer"]

# Words in capitals, words of camel case, and runs of letters, digits, "_", "'" and "-".
_WORD = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z][a-z]+(?=[A-Z])|[\'\w\-]+", re.UNICODE)


def tokenizer(iterator: Iterable[str]) -> Iterator[list[str]]:
    """Yield the words of each text."""
    return (_WORD.findall(text) for text in iterator)


class CategoricalVocabulary:
    """Categories and their numbers, in the order in which they came; 0 is the unknown one's."""

    def __init__(self, unknown_token: str = "<UNK>", support_reverse: bool = True) -> None:
        self._unknown_token = unknown_token
        self._support_reverse = support_reverse
        self._mapping = {unknown_token: 0}
        self._names = [unknown_token]
        self._freq: Counter[str] = Counter()
        self._frozen = False

    def __len__(self) -> int:
        return len(self._mapping)

    def freeze(self, freeze: bool = True) -> None:
        """Let a category that is not known be 0 from now on, or get a number again."""
        self._frozen = freeze

    def get(self, category: str) -> int:
        """Return the number of ``category``, which gets one if the vocabulary is not frozen."""
        if category not in self._mapping:
            if self._frozen:
                return 0
            self._append(category)
        return self._mapping[category]

    def add(self, category: str, count: int = 1) -> None:
        """Count ``category`` ``count`` times more."""
        if self.get(category) > 0:
            self._freq[category] += count

    def _append(self, category: str) -> None:
        self._mapping[category] = len(self._mapping)
        self._names.append(category)

    def trim(self, min_frequency: int, max_frequency: int = -1) -> None:
        """Keep what was counted more than ``min_frequency`` times, the most frequent first.

        What was counted ``max_frequency`` times or more goes too, if that is above 0.
        """
        self._mapping, self._names = {self._unknown_token: 0}, [self._unknown_token]
        counted = sorted(self._freq.items(), key=lambda item: (-item[1], item[0]))
        kept = [
            (word, n) for word, n in counted
            if n > min_frequency and (n < max_frequency or max_frequency <= 0)
        ]  # fmt: skip
        self._freq = Counter(dict(kept))
        for word, _ in kept:
            self._append(word)

    def reverse(self, class_id: int) -> str:
        """Return the category of a number."""
        if not self._support_reverse:
            raise FailedPreconditionError(
                None, None, "this vocabulary was made with support_reverse=False."
            )
        return self._names[class_id]


class VocabularyProcessor:
    """Maps documents to word numbers: rows of one length, padded with 0 and cut.

    ``min_frequency``: ``fit`` keeps words that occur more often; 0 keeps all.
    ``tokenizer_fn``: from texts to lists of words; default: ``tokenizer``.
    """

    def __init__(
        self, max_document_length: int, min_frequency: int = 0,
        vocabulary: CategoricalVocabulary | None = None,
        tokenizer_fn: Callable[[Iterable[str]], Iterable[Sequence[str]]] | None = None,
    ) -> None:  # fmt: skip
        if max_document_length < 0:
            raise InvalidArgumentError(
                None, None, f"max_document_length must be 0 or more, not {max_document_length}."
            )
        self.max_document_length = max_document_length
        self.min_frequency = min_frequency
        self.vocabulary_ = CategoricalVocabulary() if vocabulary is None else vocabulary
        self._tokenizer = tokenizer if tokenizer_fn is None else tokenizer_fn

    def fit(self, raw_documents: Iterable[str], unused_y: Any = None) -> VocabularyProcessor:
        """Learn the words of the documents, and freeze the vocabulary."""
        for words in self._tokenizer(raw_documents):
            for word in words:
                self.vocabulary_.add(word)
        if self.min_frequency > 0:
            self.vocabulary_.trim(self.min_frequency)
        self.vocabulary_.freeze()
        return self

    def fit_transform(
        self, raw_documents: Iterable[str], unused_y: Any = None
    ) -> Iterator[np.ndarray]:
        """Learn the words, then yield each document's row; the documents are read twice."""
        documents = list(raw_documents)
        return self.fit(documents).transform(documents)

    def transform(self, raw_documents: Iterable[str]) -> Iterator[np.ndarray]:
        """Yield each document's word numbers, int64 [max_document_length]."""
        for words in self._tokenizer(raw_documents):
            row = np.zeros(self.max_document_length, np.int64)
            known = [self.vocabulary_.get(word) for word in words[: self.max_document_length]]
            row[: len(known)] = known
            yield row

    def reverse(self, documents: Iterable[Iterable[int]]) -> Iterator[str]:
        """Yield the text of each row, its padding as the unknown word."""
        for row in documents:
            yield " ".join(self.vocabulary_.reverse(number) for number in row)

    def save(self, filename: str) -> None:
        """Write the processor to a file, by pickle; a ``tokenizer_fn`` must be picklable."""
        with open(filename, "wb") as file:
            pickle.dump(self, file)

    @classmethod
    def restore(cls, filename: str) -> VocabularyProcessor:
        """Return the processor of a file that ``save`` wrote; read none of unknown origin."""
        with open(filename, "rb") as file:
            found = pickle.load(file)
        if not isinstance(found, cls):
            raise InvalidArgumentError(None, None, f"{filename} holds no {cls.__name__}.")
        return found
