"""`~` and `$HOME` in every path that a configuration, an option, a variable or a call takes."""

from pathlib import Path

import pytest
from tiny_runs import PAIRS, make_run, tmt, tsv, write

import transformer_mt
from transformer_mt.config.load import load_config, load_saved_config, to_yaml
from transformer_mt.config.tasks import (
    LanguageModelConfig,
    PairsConfig,
    TextConfig,
    TextTokenizerConfig,
    TranslationConfig,
)
from transformer_mt.errors import ConfigError
from transformer_mt.files.cache import cache_folder
from transformer_mt.files.paths import expand, expand_home, user_path


@pytest.fixture(params=["home", "мой дом (1)"])
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """The home folder; the current one is another, and empty."""
    folder, here = tmp_path / request.param, tmp_path / "here"
    folder.mkdir()
    here.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("CORPORA", str(folder / "corpora"))
    monkeypatch.chdir(here)
    return folder


def nothing_was_made() -> bool:
    return not list(Path.cwd().iterdir())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("~", "{home}"),
        ("~/a b", "{home}/a b"),
        ("$HOME/a", "{home}/a"),
        ("${HOME}/a", "{home}/a"),
        ("${CORPORA}x/$HOME", "{home}/corporax/{home}"),
        ("./~", "./~"),
        ("./~/x", "./~/x"),
        ("a/~/b", "a/~/b"),
        ("a~", "a~"),
        ("price in $", "price in $"),
        ("$5.txt", "$5.txt"),
        ("/tmp/x", "/tmp/x"),
    ],
)
def test_what_a_path_stands_for(home: Path, text: str, expected: str) -> None:
    assert expand(text, "k") == expected.format(home=home)
    if "$" not in text:
        assert expand_home(text, "k") == expected.format(home=home)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("~nobody-of-this-name/x", "'k' begins with ~nobody-of-this-name, but there is no such"),
        ("$NOT_SET_AT_ALL/x", "'k' has $NOT_SET_AT_ALL, but the variable NOT_SET_AT_ALL is not"),
        ("a${NOT_SET_AT_ALL}", "'k' has ${NOT_SET_AT_ALL}, but the variable"),
    ],
)
def test_what_stands_for_nothing_is_refused_but_where_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as refused:
        expand(text, "k")
    assert str(refused.value).startswith(told)
    write(Path(text), "")
    assert expand(text, "k") == text


def test_every_path_of_a_configuration(home: Path) -> None:
    translator = "run_dir: ~/run\ninit_from: $HOME/old\ndata: {src_lang: a, tgt_lang: b, %s}\n"
    files = "train: [~/a, '${HOME}/b'], validation: $CORPORA/v, test: '~/t'"
    config = load_config(write(home / "c.yaml", translator % files))
    assert (config.run_dir, config.init_from) == (f"{home}/run", f"{home}/old")
    data = config.data
    assert data.train == (f"{home}/a", f"{home}/b")
    assert (data.validation, data.test) == (f"{home}/corpora/v", f"{home}/t")
    saved = load_config(home / "c.yaml", ["data.train=null", "data.dataset=~/saved"])
    assert saved.data.dataset == f"{home}/saved"
    text = "task: language-model\nrun_dir: r\ntokenizer: {file: ~/t.json}\n"
    config = load_config(write(home / "c.yaml", text), ["run_dir=~/x"])
    assert isinstance(config, LanguageModelConfig)
    assert (config.tokenizer.file, config.run_dir) == (f"{home}/t.json", f"{home}/x")
    assert load_config("~/c.yaml").tokenizer == config.tokenizer
    assert nothing_was_made()


def test_a_configuration_of_a_program(home: Path) -> None:
    data = PairsConfig(src_lang="a", tgt_lang="b", train=("~/a", "./~/b"), test="~/c")
    config = TranslationConfig(run_dir="~/run", data=data)
    assert config.run_dir == f"{home}/run"
    assert (config.data.train, config.data.test) == ((f"{home}/a", "./~/b"), f"{home}/c")
    text = LanguageModelConfig(
        run_dir="r", data=TextConfig(), tokenizer=TextTokenizerConfig(file="~/t")
    )
    assert text.tokenizer.file == f"{home}/t"


def test_a_null_is_no_home(home: Path) -> None:
    text = "run_dir: r\ninit_from: ~\ndata: {src_lang: a, tgt_lang: b, train: ~, test: null}\n"
    config = load_config(write(home / "c.yaml", text))
    assert (config.init_from, config.data.train, config.data.test) == (None, None, None)


def test_a_wrong_path_is_told_with_its_place(home: Path) -> None:
    text = "run_dir: r\ndata:\n  src_lang: a\n  tgt_lang: b\n  train: [x, $NOT_SET/y]\n"
    path = write(home / "c.yaml", text)
    result = tmt("train", "-c", path)
    assert result.exit_code == 2
    assert (
        result.error == f"{path}:5: 'data.train' has $NOT_SET, but the variable NOT_SET is not set"
    )
    result = tmt("train", "-c", path, "--set", "run_dir=~no-such-user-here/x")
    assert result.exit_code == 2
    assert "'run_dir' begins with ~no-such-user-here" in result.error
    assert nothing_was_made()


def test_what_a_run_saved_is_read_as_it_stands(home: Path) -> None:
    config = TranslationConfig(
        run_dir="r", data=PairsConfig(src_lang="a", tgt_lang="b", train="$GONE/x.tsv")
    )
    path = write(home / "config.yaml", to_yaml(config))
    assert load_saved_config(path, TranslationConfig) == config


def test_training_goes_on_with_the_same_command(home: Path) -> None:
    write(home / "train.tsv", tsv(PAIRS))
    model = "{d_model: 8, num_heads: 2, d_ff: 8, num_encoder_layers: 1, num_decoder_layers: 1}"
    text = "run_dir: ~/runs/x\ndata: {src_lang: en, tgt_lang: fr, train: $HOME/train.tsv}\n"
    short = "training: {max_steps: 2, validate_every: 1}\ntokenizer: {min_frequency: 1}\n"
    write(home / "c.yaml", f"{text}model: {model}\n{short}")
    for _ in range(2):
        result = tmt("-q", "train", "--config=~/c.yaml", "--device", "cpu")
        assert (result.exit_code, result.stderr) == (0, "")
    assert (home / "runs" / "x" / "best").is_dir()
    assert nothing_was_made()


def test_options_arguments_and_variables(home: Path) -> None:
    make_run(home / "run")
    write(home / "in.txt", "The cat\n")
    options = ["--input=~/in.txt", "--output=~/out.txt", "--device=cpu"]
    assert tmt("-q", "translate", "--model=~/run", *options).exit_code == 0
    first = (home / "out.txt").read_text("utf-8")
    assert first
    (home / "out.txt").unlink()
    result = tmt("-q", "translate", *options, env={"TMT_MODEL": "~/run"})
    assert (result.exit_code, (home / "out.txt").read_text("utf-8")) == (0, first)
    assert tmt("info", "~/run").exit_code == 0
    assert tmt("doctor", "~/in.txt", "~/in.txt").stdout
    assert nothing_was_made()


@pytest.mark.usefixtures("home")
def test_a_first_dot_keeps_a_tilde() -> None:
    make_run(Path.cwd() / "~" / "run")
    for option in ("--model=./~/run", "--model=~/run"):
        result = tmt("-q", "translate", "x", option, "--device=cpu")
        assert result.exit_code == (0 if "./" in option else 1)
    assert tmt("info", "./~/run").exit_code == 0
    assert tmt("-q", "translate", "x", env={"TMT_MODEL": "./~/run"}).exit_code == 0


def test_calls_and_the_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(home / "run")
    assert transformer_mt.describe_run("~/run") == transformer_mt.describe_run(home / "run")
    assert transformer_mt.load(Path("~/run"), device="cpu").data.src_lang == "en"
    monkeypatch.setenv("XDG_CACHE_HOME", "~/cache")
    assert cache_folder() == home / "cache" / "transformer_mt"
    with pytest.raises(ConfigError, match="'folder' begins with ~no-such-user-here"):
        user_path("~no-such-user-here", "folder")
    assert nothing_was_made()
