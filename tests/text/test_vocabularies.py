"""What a run keeps beside its weights: built, taken over, saved, and read with suspicion."""

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import PAIRS, write

from transformer_mt.config.sections import Config
from transformer_mt.config.tasks import (
    ClassificationConfig,
    LabelledConfig,
    LanguageModelConfig,
    PairsConfig,
    PairTokenizerConfig,
    TextConfig,
    TextTokenizerConfig,
    TranslationConfig,
)
from transformer_mt.corpus.source import Corpus, LabelledText, Text
from transformer_mt.errors import DataError
from transformer_mt.text.tokenizer import Tokenizer, Tokenizers, Vocabulary
from transformer_mt.text.vocabularies import LabelledVocabulary, TextVocabulary
from transformer_mt.training.tasks.registry import build_vocabulary

TEXTS = [Text(pair.tgt) for pair in PAIRS]
LABELLED = [
    LabelledText(text, label) for pair in PAIRS for text, label in zip(pair, "ab", strict=True)
]


def build(corpus: list[Any], kind: type[Config], **tokenizer: Any) -> Vocabulary:
    data: dict[type[Config], Any] = {
        TranslationConfig: PairsConfig(src_lang="en", tgt_lang="fr", train="-"),
        LanguageModelConfig: TextConfig(train="-"),
        ClassificationConfig: LabelledConfig(train="-"),
    }
    section = PairTokenizerConfig if kind is TranslationConfig else TextTokenizerConfig
    settings: dict[str, Any] = {"min_frequency": 1, **tokenizer}
    parts: dict[str, Any] = {"data": data[kind], "tokenizer": section(**settings)}
    return build_vocabulary(kind(run_dir="r", **parts), Corpus(corpus, [], []))


BUILT: dict[str, tuple[Any, Any, Any]] = {
    "translation": (PAIRS, TranslationConfig, Tokenizers),
    "language-model": (TEXTS, LanguageModelConfig, TextVocabulary),
    "classification": (LABELLED, ClassificationConfig, LabelledVocabulary),
}


@pytest.mark.parametrize("task", BUILT)
def test_a_vocabulary_is_its_files(task: str, tmp_path: Path) -> None:
    corpus, config, kind = BUILT[task]
    built = build(corpus, config)
    assert type(built) is kind
    texts = built.texts()
    assert tuple(texts) == built.names
    for name, content in texts.items():
        write(tmp_path / name, content)
    assert kind.load(tmp_path).texts() == kind.of_texts(texts, tmp_path).texts() == texts


@pytest.mark.parametrize("task", BUILT)
def test_every_file_is_needed(task: str, tmp_path: Path) -> None:
    corpus, config, kind = BUILT[task]
    texts = build(corpus, config).texts()
    for missing in texts:
        for name, content in texts.items():
            write(tmp_path / name, content)
        (tmp_path / missing).unlink()
        with pytest.raises(DataError, match=f"{missing}: there is no such"):
            kind.load(tmp_path)
        others = {name: content for name, content in texts.items() if name != missing}
        with pytest.raises(DataError, match=f"{tmp_path}: lacks {missing}"):
            kind.of_texts(others, tmp_path)


def test_labels_are_in_order_numbers_by_their_size() -> None:
    found = [LabelledText("x", label) for label in ("b", "10", "2", "a", "2", "B")]
    built = build(found, ClassificationConfig)
    assert isinstance(built, LabelledVocabulary)
    assert built.labels == ("2", "10", "B", "a", "b")
    assert json.loads(built.texts()["labels.json"]) == list(built.labels)


BAD_LABELS = {
    "": "",
    "junk": "junk",
    "an object": '{"a": 1}',
    "a text": '"ab"',
    "numbers": "[1, 2]",
    "one": '["a"]',
    "none": "[]",
    "the same": '["a", "b", "a"]',
    "an empty one": '["a", ""]',
    "a long one": json.dumps(["a", "b" * 1000]),
    "a line end": json.dumps(["a", "b\nc"]),
    "a terminal's command": json.dumps(["a", "\x1b[2J"]),
    "half a character": '["a", "\\ud800"]',
    "deep": "[" * 100_000,
    "many": json.dumps([f"{number}" for number in range(1001)]),
    "large": json.dumps([f"{number}" for number in range(200_000)]),
    "a huge number": "[1" + "0" * 10_000 + "]",
}


@pytest.mark.parametrize("case", BAD_LABELS)
def test_a_file_that_is_no_list_of_labels_is_refused(case: str, tmp_path: Path) -> None:
    texts = build(LABELLED, ClassificationConfig).texts() | {"labels.json": BAD_LABELS[case]}
    with pytest.raises(DataError) as caught:
        LabelledVocabulary.of_texts(texts, tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/labels.json: is no list of labels (")
    assert len(message) < len(str(tmp_path)) + 200
    assert message.isprintable()
    assert "\n" not in message


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", "a"], "all training texts have the label 'a': there is nothing to tell apart"),
        (["a", "b" * 300], "does data.label_column name the column of the labels?"),
        ([*map(str, range(1001))], "does data.label_column name the column of the labels?"),
        (["a", "b\tc"], "does data.label_column name the column of the labels?"),
    ],
)
def test_labels_of_the_text_that_can_be_none(labels: list[str], message: str) -> None:
    with pytest.raises(DataError) as caught:
        build([LabelledText("x", label) for label in labels], ClassificationConfig)
    assert str(caught.value).endswith(message)


# taken over


@pytest.mark.parametrize("config", [LanguageModelConfig, ClassificationConfig])
@pytest.mark.parametrize("kind", ["word", "bpe", "unigram", "character", "byte"])
def test_a_tokenizer_is_taken_over_byte_for_byte(
    kind: str, config: type[Config], tmp_path: Path
) -> None:
    translator = build(PAIRS, TranslationConfig, type=kind)
    text = translator.texts()["tokenizer.tgt.json"]
    path = write(tmp_path / "t.json", text)
    corpus = LABELLED if config is ClassificationConfig else [Text("other words")]
    taken = build(corpus, config, file=str(path), type="word", vocab_size=5)
    assert taken.texts()["tokenizer.json"] == text


@pytest.mark.parametrize("content", [None, "", "junk", "{}", b"\xff", b"["])
def test_a_tokenizer_that_cannot_be_taken_over(content: str | bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    if content is not None:
        write(path, content)
    reason = "is not a tokenizer" if content is not None else "there is no such file"
    with pytest.raises(DataError, match=f"^tokenizer.file: {path}: {reason}") as caught:
        build(TEXTS, LanguageModelConfig, file=str(path))
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a tokenizer"):
        Tokenizer.load(tmp_path)
