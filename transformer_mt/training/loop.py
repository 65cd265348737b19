"""Training, top to bottom, in reading order."""

import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from transformer_mt import checkpoint
from transformer_mt.checkpoint import RunDir, TrainState
from transformer_mt.config import Config, parse_duration
from transformer_mt.config_file import differing_keys
from transformer_mt.data.batching import Batch, Collator, padding_share, token_batches
from transformer_mt.data.corpus import SentencePair, load_corpus
from transformer_mt.data.prepare import PreparedData, Tokenizers, build_tokenizers, prepare
from transformer_mt.data.tokenizer import EOS_ID, PAD_ID, SOS_ID
from transformer_mt.device import choose_device, gains_from_bf16
from transformer_mt.errors import ConfigError, TrainingError
from transformer_mt.model.transformer import Transformer, count_parameters
from transformer_mt.training.loss import label_smoothed_loss
from transformer_mt.training.optimizer import learning_rate, make_optimizer, peak_learning_rate
from transformer_mt.training.progress import Progress
from transformer_mt.training.signals import Interrupted, StopSignals
from transformer_mt.training.validation import Validation, validate
from transformer_mt.translator import Translator

log = logging.getLogger(__name__)

_SAMPLES = 3
"""Translations shown after each validation."""

_HARMLESS = ("run_dir", "decoding.", "data.heldout_size", "data.max_length")
_HARMLESS_TRAINING = (
    "max_steps",
    "max_time",
    "log_every",
    "patience",
    "keep_checkpoints",
    "validate_every",
    "validate_sentences",
)


@dataclass(slots=True)
class Session:
    """Everything that the loop works on."""

    config: Config
    run: RunDir
    tokenizers: Tokenizers
    data: PreparedData
    model: Transformer
    optimizer: torch.optim.Optimizer
    state: TrainState
    device: torch.device

    @property
    def validation_pairs(self) -> list[SentencePair]:
        """The pairs that are translated in each validation."""
        return self.data.validation_pairs[: self.config.training.validate_sentences]


def time_limit(config: Config, state: TrainState) -> float | None:
    """Seconds that training may take, the last validations left out; None without limit."""
    if config.training.max_time is None:
        return None
    seconds = parse_duration(config.training.max_time, key="training.max_time")
    return max(seconds - 2 * state.validation_seconds, 0.5 * seconds)


def share_done(config: Config, state: TrainState) -> float:
    """Share of the training that is over, 0 to 1; by time where the time is limited."""
    limit = time_limit(config, state)
    done = state.step / config.training.max_steps if limit is None else state.seconds / limit
    return min(done, 1.0)


def is_stale(config: Config, state: TrainState) -> bool:
    """True when validation has not improved for `patience` times."""
    return 0 < config.training.patience <= state.stale


def train(config: Config, *, device: str = "auto", overwrite: bool = False) -> TrainState:
    """Train until done; go on where an earlier session with the same configuration stopped.

    Args:
        config: the run; its `run_dir` receives everything.
        device: "auto", "cpu", "cuda", "mps".
        overwrite: forget an earlier run in this directory.

    Returns:
        How far training came; `finished` tells why it ended.

    Raises:
        DataError: the corpus cannot be used.
        ConfigError: the run directory holds a run with other settings.
        TrainingError: the loss is no longer a number.
        Interrupted: by Ctrl-C or SIGTERM, after saving.
    """
    run = RunDir(Path(config.run_dir))
    if not overwrite and (over := _finished_state(config, run)):
        log.info("%s: finished (%s); nothing to do", config.run_dir, over.finished)
        return over
    session = open_session(config, device=device, overwrite=overwrite)
    training, state = config.training, session.state
    limit = time_limit(config, state)
    with StopSignals() as stop, Progress(run, config, state, limit) as progress:
        clock = time.perf_counter()
        for batches in updates(session):
            lr = learning_rate(config, state.step + 1, share_done(config, state))
            loss, grad_norm = training_step(session, batches, lr)
            state.step += 1
            state.tokens += sum(batch.num_tokens for batch in batches)
            clock, earlier = time.perf_counter(), clock
            state.seconds += clock - earlier
            progress.update(state, loss, sum(batch.num_tokens for batch in batches))

            if state.step % training.log_every == 0:
                progress.point(state, lr, grad_norm)

            done = share_done(config, state) >= 1
            if done or state.step % training.validate_every == 0:
                _validate_and_save(session, progress)
                clock = time.perf_counter()
                done = done or is_stale(config, state)

            if stop.received and not done:
                checkpoint.save_training(session.run.last, session.model, session.optimizer, state)
                raise Interrupted(stop.received)
            if done:
                break
        _finish(session, progress)
    return state


def open_session(config: Config, *, device: str = "auto", overwrite: bool = False) -> Session:
    """Load everything, and write what a new run directory needs."""
    run = RunDir(Path(config.run_dir))
    if overwrite:
        checkpoint.remove_run(run)
    _refuse_changed_settings(config, run)
    session = load_session(config, device)
    _say_what_is_trained(session)
    if not checkpoint.has_tokenizers(run):
        checkpoint.save_tokenizers(run, session.tokenizers)
    checkpoint.save_config(run, config)
    _save_info(session)
    return session


def load_session(config: Config, device: str) -> Session:
    """Read the data, build missing tokenizers, restore what was saved; writes nothing."""
    run, place = RunDir(Path(config.run_dir)), choose_device(device)
    corpus = load_corpus(config.data)
    if checkpoint.has_tokenizers(run):
        tokenizers = checkpoint.load_tokenizers(run)
    else:
        log.info("building the tokenizers")
        tokenizers = build_tokenizers(config, corpus)
    data = prepare(config, corpus, tokenizers)
    torch.manual_seed(config.seed)
    model = checkpoint.make_model(config, tokenizers).to(place)
    optimizer = make_optimizer(model, config.training)
    state = checkpoint.load_training(run.last, model, optimizer) or TrainState()
    state.finished = None
    return Session(config, run, tokenizers, data, model, optimizer, state, place)


def _finished_state(config: Config, run: RunDir) -> TrainState | None:
    """The state of a finished run that these settings do not ask to go on with."""
    if not (run.last / checkpoint.STATE_FILE).is_file():
        return None
    _refuse_changed_settings(config, run)
    state = checkpoint.load_state(run.last)
    over = share_done(config, state) >= 1 or is_stale(config, state)
    return state if state.finished and over else None


def _refuse_changed_settings(config: Config, run: RunDir) -> None:
    """A run goes on with the settings that it began with."""
    if not run.config.is_file():
        return
    changed = [
        key
        for key in differing_keys(checkpoint.load_run_config(run), config)
        if not key.startswith(_HARMLESS) and key.removeprefix("training.") not in _HARMLESS_TRAINING
    ]
    if not run.last.is_dir():  # only tokenizers, which depend on these
        changed = [key for key in changed if key.startswith(("tokenizer.", "data."))]
    if changed:
        raise ConfigError(
            f"{run.path}: was begun with another value of {', '.join(changed)};"
            " use another run_dir, or --overwrite to start anew"
        )


def _say_what_is_trained(session: Session) -> None:
    config, state = session.config, session.state
    for line in session.data.report.lines():
        log.info(line)
    tokenizers = session.tokenizers
    log.info(
        "model: %s parameters; vocabularies: %s %s, %s %s; device: %s (%s)",
        f"{count_parameters(session.model):,}",
        config.data.src_lang,
        f"{tokenizers.src.vocab_size:,}",
        config.data.tgt_lang,
        f"{tokenizers.tgt.vocab_size:,}",
        session.device,
        "bf16" if use_bf16(session) else "fp32",
    )
    batches = token_batches(session.data.train, config.training.batch_tokens, (config.seed, 0))
    log.info(
        "batches: %s in an epoch, %.1f%% of their positions real tokens",
        f"{len(batches):,}",
        100 * (1 - padding_share(session.data.train, batches)),
    )
    if state.step:
        log.info("going on after update %s (epoch %d)", f"{state.step:,}", state.epoch + 1)


def _save_info(session: Session) -> None:
    info = {
        "parameters": count_parameters(session.model),
        "vocabulary": [session.tokenizers.src.vocab_size, session.tokenizers.tgt.vocab_size],
        "data": asdict(session.data.report),
        "peak_learning_rate": peak_learning_rate(session.config),
        "device": str(session.device),
        "versions": checkpoint.environment(),
    }
    checkpoint.write_text(session.run.info, json.dumps(info, indent=2) + "\n")


def updates(session: Session) -> Iterator[list[Batch]]:
    """The batches of each update, epoch after epoch, from where the state stands."""
    config, state = session.config, session.state
    collator = Collator(PAD_ID, SOS_ID, EOS_ID)
    while True:
        epoch = token_batches(
            session.data.train, config.training.batch_tokens, (config.seed, state.epoch)
        )
        while state.position < len(epoch):
            rows = epoch[state.position : state.position + config.training.accumulate]
            state.position += len(rows)
            yield [collator.batch(session.data.train, r).to(session.device) for r in rows]
        state.epoch, state.position = state.epoch + 1, 0


def training_step(session: Session, batches: list[Batch], lr: float) -> tuple[float, float]:
    """One step of the optimiser on the mean gradient over all tokens of all the batches.

    Returns:
        The mean loss of a token, and the norm of the gradient before clipping.
    """
    model, training = session.model, session.config.training
    model.train()
    num_tokens = sum(batch.num_tokens for batch in batches)
    total = torch.zeros((), device=session.device)
    for batch in batches:
        loss = _loss(session, batch) / num_tokens
        loss.backward()
        total += loss.detach()
    limit = training.clip_norm or math.inf
    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), limit)
    mean_loss = total.item()
    if not math.isfinite(mean_loss):
        raise TrainingError(
            f"the loss of update {session.state.step + 1} is {mean_loss}: lower"
            " training.learning_rate or raise training.warmup_steps, and run again"
        )
    for group in session.optimizer.param_groups:
        group["lr"] = lr
    session.optimizer.step()
    session.optimizer.zero_grad()
    return mean_loss, grad_norm.item()


def _loss(session: Session, batch: Batch) -> Tensor:
    """The summed loss of a batch, its matrix products in the configured precision."""
    model, training = session.model, session.config.training
    with torch.autocast(session.device.type, torch.bfloat16, enabled=use_bf16(session)):
        hidden = model(batch.src, batch.tgt_in)
        return label_smoothed_loss(
            hidden, model.output.weight, batch.tgt_out, PAD_ID, training.label_smoothing
        )


def use_bf16(session: Session) -> bool:
    """Whether matrix products are computed in bfloat16."""
    precision = session.config.training.precision
    return gains_from_bf16(session.device) if precision == "auto" else precision == "bf16"


def _validate_and_save(session: Session, progress: Progress) -> None:
    """Measure, keep the best, and save so that training can go on from here."""
    config, state, run = session.config, session.state, session.run
    result = _validate(session)
    score = _score(result, config.training.best_metric)
    improved = state.best_score is None or score > state.best_score
    if improved:
        state.best_score, state.best_step, state.stale = score, state.step, 0
    else:
        state.stale += 1
    state.scores = result.figures()
    progress.validation(state, result, _translator(session), session.validation_pairs[:_SAMPLES])
    _say_result(session, result, improved=improved)
    weights = checkpoint.weights_of(session.model)
    if improved:
        checkpoint.save_weights(run.best, weights, state)
    checkpoint.keep_checkpoint(run, weights, state, config.training.keep_checkpoints)
    checkpoint.save_training(run.last, session.model, session.optimizer, state)


def _validate(session: Session) -> Validation:
    start = time.perf_counter()
    result = validate(
        _translator(session),
        session.data.validation,
        session.validation_pairs,
        session.config.training.batch_tokens,
    )
    seconds = time.perf_counter() - start
    session.state.seconds += seconds
    session.state.validation_seconds = max(session.state.validation_seconds, seconds)
    return result


def _translator(session: Session) -> Translator:
    """Greedy search: validation compares checkpoints, it need not get the last point."""
    greedy = replace(session.config.decoding, beam_size=1)
    return Translator(session.model, session.tokenizers, session.config.data, greedy)


def _score(result: Validation, metric: str) -> float:
    """Higher is better."""
    return -result.loss if metric == "loss" else result.figures()[metric]


def _say_result(session: Session, result: Validation, *, improved: bool) -> None:
    state = session.state
    log.info(
        "update %s, epoch %d: loss %.3f, perplexity %.2f, BLEU %.2f, chrF %.2f%s",
        f"{state.step:,}",
        state.epoch + 1,
        result.loss,
        result.perplexity,
        result.bleu,
        result.chrf,
        " (best so far)" if improved else "",
    )
    for translation, pair in zip(
        result.translations[:_SAMPLES], session.validation_pairs, strict=False
    ):
        log.info("    %s\n      = %s\n      ~ %s", pair.src, translation.text, pair.tgt)


def _finish(session: Session, progress: Progress) -> None:
    """Let the average of the last checkpoints compete to be best, and mark the run finished."""
    state, run = session.state, session.run
    folders = checkpoint.kept_checkpoints(run)
    last = checkpoint.weights_of(session.model)
    if len(folders) > 1:
        averaged = checkpoint.average_weights(folders)
        checkpoint.load_weights(session.model, averaged, run.checkpoints)
        result = _validate(session)
        score = _score(result, session.config.training.best_metric)
        log.info(
            "average of the last %d checkpoints: loss %.3f, BLEU %.2f, chrF %.2f",
            len(folders),
            result.loss,
            result.bleu,
            result.chrf,
        )
        if state.best_score is None or score > state.best_score:
            state.best_score, state.best_step, state.scores = score, state.step, result.figures()
            checkpoint.save_weights(run.best, averaged, state)
        checkpoint.load_weights(session.model, last, run.last)
    if is_stale(session.config, state):
        state.finished = "no better for some time"
    else:
        state.finished = "time is up" if session.config.training.max_time else "all updates made"
    progress.hyperparameters(state)
    checkpoint.update_state(run.last, state)
    log.info(
        "finished: %s; best %s %.2f after update %s; %s of training",
        state.finished,
        session.config.training.best_metric,
        state.best_score,
        f"{state.best_step:,}",
        time.strftime("%H:%M:%S", time.gmtime(state.seconds)),
    )
