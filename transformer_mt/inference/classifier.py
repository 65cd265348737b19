"""Text classification: texts to labels with probabilities."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from transformer_mt.config.limits import check_numbers
from transformer_mt.data.batching import pad
from transformer_mt.data.classification import readable
from transformer_mt.data.encoding import encode_texts
from transformer_mt.errors import DamagedWeightsError
from transformer_mt.files.lines import one_line
from transformer_mt.inference.batches import batches
from transformer_mt.model.classifier import Classifier
from transformer_mt.runtime.rounding import DECIMALS, rounded
from transformer_mt.text.tokenizer import PAD_ID
from transformer_mt.text.vocabularies import LabelledVocabulary

Probabilities = NDArray[np.float32]

_MOST_TEXTS = 1024
"""Maximum texts of a batch."""


@dataclass(frozen=True, slots=True)
class Classification:
    """The predicted label of a text, with probabilities."""

    text: str
    label: str
    """The most probable label."""
    probabilities: dict[str, float]
    """Probability of each label, the most probable first."""

    def line(self, number: int, layout: str, top: int = 1) -> str:
        """Return the classification as one line of text or JSON.

        Args:
            number: number of the text, from 1.
            layout: "text": labels and probabilities, separated by tabs; "jsonl": one object.
            top: number of labels to include, the most probable first.
        """
        check_numbers(top=top)
        likeliest = list(self.probabilities.items())[:top]
        if layout == "jsonl":
            record = {"line": number, "text": self.text, "label": self.label}
            told = {"probabilities": rounded(dict(likeliest))}
            return one_line(json.dumps(record | told, ensure_ascii=False))
        return "\t".join(f"{label}\t{value:.{DECIMALS}f}" for label, value in likeliest)


class TextClassifier:
    """A classification model with its vocabulary.

    Args:
        model: the model, on any device.
        vocabulary: the vocabulary that the model was trained with.
        max_length: maximum tokens of a text; the rest is ignored.
    """

    def __init__(self, model: Classifier, vocabulary: LabelledVocabulary, max_length: int) -> None:
        self.model = model.eval()
        self.vocabulary = vocabulary
        self.max_length = max_length

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the labels, in the order of the probabilities."""
        return self.vocabulary.labels

    def classify(self, texts: Sequence[str], *, batch_tokens: int = 4096) -> list[Classification]:
        """Predict the label of each text; a text without tokens is read as one [UNK].

        Args:
            texts: any number of texts.
            batch_tokens: positions of a batch; changes speed and memory only.

        Raises:
            DamagedWeightsError: the model's scores are not finite.
        """
        labels = self.labels
        found = []
        for text, row in zip(texts, self.probabilities(texts, batch_tokens), strict=True):
            order = np.argsort(-row, kind="stable").tolist()
            told = {labels[number]: float(row[number]) for number in order}
            found.append(Classification(text, labels[order[0]], told))
        return found

    @torch.inference_mode()
    def probabilities(self, texts: Sequence[str], batch_tokens: int = 4096) -> Probabilities:
        """Return the probability of each label for each text: (texts, labels).

        Raises:
            DamagedWeightsError: the model's scores are not finite.
        """
        ids = readable(encode_texts(self.vocabulary.tokenizer, texts), self.max_length)
        found = np.zeros((len(texts), len(self.labels)), dtype=np.float32)
        device = self.model.output.weight.device
        for rows in batches(ids.lengths.tolist(), batch_tokens, special=0, most=_MOST_TEXTS):
            logits = self.model.project(self.model(pad(ids.take(rows), PAD_ID).to(device)))
            found[rows] = logits.float().softmax(dim=-1).cpu().numpy()
        if not np.isfinite(found).all():
            raise DamagedWeightsError
        return found
