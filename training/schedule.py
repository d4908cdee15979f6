"""Turns the number of a step into its learning rate."""

import math

from training.config import TrainingConfig

_START = 1 / 25
"""Share of the peak that a warm-up begins with."""


def learning_rate(config: TrainingConfig, step: int, steps: int) -> float:
    """The rate of step `step`, counted from 0, of `steps`.

    one-cycle: along a cosine up to the peak in the warm-up's share of the steps, and along a cosine down to 0 (L. N.
    Smith, N. Topin, "Super-Convergence", 2018); cosine: straight up, then the same way down (I. Loshchilov, F. Hutter,
    "SGDR", ICLR 2017); step: a tenth at half, a hundredth at three quarters; constant: the peak.
    """
    peak = config.learning_rate
    if config.schedule == "constant":
        return peak
    if config.schedule == "step":
        return peak * (1 if step < steps / 2 else 0.1 if step < steps * 3 / 4 else 0.01)
    rising = config.warmup * steps
    if step < rising:
        way = step / rising
        bent = (1 - math.cos(math.pi * way)) / 2 if config.schedule == "one-cycle" else way
        return peak * (_START + (1 - _START) * bent)
    way = (step - rising) / max(1.0, steps - rising)
    return peak * (1 + math.cos(math.pi * way)) / 2
