"""What training shows while it runs: a bar, TensorBoard, a line of JSON for each point."""

import dataclasses
import json
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from transformer_mt.analysis.render import cross_attention_figure
from transformer_mt.config import Config
from transformer_mt.config_file import to_yaml
from transformer_mt.console import hides_bars
from transformer_mt.data.corpus import SentencePair
from transformer_mt.run_dir import RunDir
from transformer_mt.train_state import TrainState
from transformer_mt.training.validation import Validation
from transformer_mt.translator import Translator

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


@dataclasses.dataclass(slots=True)
class Speed:
    """Tokens trained on, and since when."""

    tokens: int = 0
    since: float = dataclasses.field(default_factory=time.perf_counter)

    def per_second(self) -> float:
        """Up to now."""
        return self.tokens / max(time.perf_counter() - self.since, 1e-9)


class Progress:
    """Reports to the screen (stderr), to metrics.jsonl and to TensorBoard.

    Use as a context manager. `total` is the number of updates, or of seconds where time is
    limited; the bar then counts these.
    """

    def __init__(self, run: RunDir, config: Config, state: TrainState, total: float | None) -> None:
        self._run = run
        self._timed = total is not None
        self._speed = Speed()
        self._writer: SummaryWriter | None = None
        self._config = config
        self._bar = tqdm(
            total=round(total) if total is not None else config.training.max_steps,
            initial=round(state.seconds) if self._timed else state.step,
            desc=f"epoch {state.epoch + 1}",
            unit="s" if self._timed else "step",
            disable=hides_bars(),
            dynamic_ncols=True,
            file=sys.stderr,
        )
        self._forget_after(state.step)

    def __enter__(self) -> "Progress":
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(self._run.tensorboard), purge_step=self._purge_step)
        text = f"```yaml\n{to_yaml(self._config)}```"
        self._writer.add_text("config", text, self._purge_step - 1)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
        if self._writer:
            self._writer.close()

    def update(self, state: TrainState, loss: float, tokens: int) -> None:
        """After every update; loss: mean over its tokens."""
        state.recent_loss += loss * tokens
        state.recent_tokens += tokens
        self._speed.tokens += tokens
        self._bar.set_description(f"epoch {state.epoch + 1}", refresh=False)
        self._bar.update(round(state.seconds) - self._bar.n if self._timed else 1)

    def point(self, state: TrainState, lr: float, grad_norm: float) -> None:
        """A point of the training curves: the mean since the last one."""
        rate, self._speed = self._speed.per_second(), Speed()
        loss = state.recent_loss / max(state.recent_tokens, 1)
        state.recent_loss, state.recent_tokens = 0.0, 0
        self._bar.set_postfix(loss=f"{loss:.3f}", lr=f"{lr:.2e}", tok_s=f"{rate:,.0f}")
        figures = {"loss": loss, "lr": lr, "grad_norm": grad_norm, "tokens_per_second": rate}
        self._write("train", state, figures)

    def validation(
        self,
        state: TrainState,
        result: Validation,
        translator: Translator,
        samples: Sequence[SentencePair],
    ) -> None:
        """The figures of a validation, and some translations to look at."""
        self._write("validation", state, result.figures())
        texts = [
            f"{t.source}\n  = {t.text}\n  ~ {pair.tgt}"
            for t, pair in zip(result.translations, samples, strict=False)
        ]
        if self._writer:
            self._writer.add_text("samples", "```\n" + "\n".join(texts) + "\n```", state.step)
            maps = translator.translate(samples[0].src, details=False, attention=True).attention
            if maps is not None:
                self._writer.add_figure("attention", cross_attention_figure(maps), state.step)
        # validation is not training: its time is no part of the next rate
        self._speed = Speed()

    def hyperparameters(self, state: TrainState) -> None:
        """At the end: the settings beside the best score, for TensorBoard's table."""
        if self._writer:
            values = {
                f"{section}.{key}": value if isinstance(value, int | float | str) else str(value)
                for section in ("model", "training", "tokenizer")
                for key, value in dataclasses.asdict(getattr(self._config, section)).items()
            }
            best = {"best": abs(state.best_score or 0.0)}
            self._writer.add_hparams(values, best, run_name=".", global_step=state.step)

    def _write(self, kind: str, state: TrainState, figures: dict[str, float]) -> None:
        point = {"kind": kind, "step": state.step, "epoch": state.epoch + 1, **figures}
        with self._run.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(point) + "\n")
        for name, value in figures.items():
            if self._writer:
                self._writer.add_scalar(f"{kind}/{name}", value, state.step)

    def _forget_after(self, step: int) -> None:
        """Drop points of updates that an interrupted session made but did not save."""
        self._purge_step = step + 1
        if self._run.metrics.is_file():
            lines = self._run.metrics.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if _step_of(line) <= step]
            self._run.metrics.write_text("".join(kept), encoding="utf-8")


def _step_of(line: str) -> float:
    try:
        point: dict[str, Any] = json.loads(line)
        return int(point["step"])
    except (ValueError, KeyError):  # a line cut off by a crash
        return float("inf")
