"""How many participants and trials does a study need?

Participants' accuracies vary for two reasons: people differ (standard deviation `sd`), and each
gives few answers (binomial variance). Their mean is tested with one-sample t tests, as `analyse`
does.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence

from scipy import integrate, stats
from statsmodels.stats.power import TTestPower

LIMIT = 10_000  # participants


def accuracy_sd(trials: int, sd: float, accuracy: float = 0.5) -> float:
    """Standard deviation of participants' observed accuracies.

    Args:
        trials: answers of each participant.
        sd: standard deviation of their true accuracies.
        accuracy: mean of their true accuracies.
    """
    return math.sqrt(sd**2 + (accuracy * (1 - accuracy) - sd**2) / trials)


def equivalence_power(
    participants: int,
    trials: int,
    margin: float,
    sd: float,
    alpha: float = 0.05,
    accuracy: float = 0.5,
) -> float:
    """Probability that two one-sided t tests place the mean accuracy within 0.5 +- margin.

    The true mean is `accuracy`. Exact for normal means of participants (Owen 1965), written as an
    integral over the standard deviation, which is chi-distributed.
    """
    degrees = participants - 1
    error = accuracy_sd(trials, sd, accuracy) / math.sqrt(participants)
    critical = stats.t.ppf(1 - alpha, degrees)
    low, high = (0.5 - margin - accuracy) / error, (0.5 + margin - accuracy) / error

    def density(ratio: float) -> float:
        """P(both tests reject | sample sd = ratio * true sd) times the density of that ratio."""
        both = stats.norm.cdf(high - critical * ratio) - stats.norm.cdf(low + critical * ratio)
        chi = stats.chi.pdf(ratio * math.sqrt(degrees), degrees)
        return float(both * chi * math.sqrt(degrees))

    widest = (high - low) / (2 * critical)  # above this ratio the tests can't both reject
    upper = min(widest, 1 + 12 / math.sqrt(degrees))
    return float(integrate.quad(density, 0, upper, limit=200)[0])


def detection_power(
    participants: int, trials: int, margin: float, sd: float, alpha: float = 0.05
) -> float:
    """Probability that a two-sided t test tells a true mean of 0.5 + margin from chance."""
    effect = margin / accuracy_sd(trials, sd, 0.5 + margin)
    return float(TTestPower().power(effect, participants, alpha))


def participants_needed(
    trials: int, margin: float, sd: float, power: float = 0.9, alpha: float = 0.05
) -> tuple[int, int]:
    """Fewest participants that a study needs.

    Returns:
        For a proof of equivalence within the margin, and for the detection of a difference from
        chance as large as the margin.

    Raises:
        ValueError: a value out of range, or more than `LIMIT` participants.
    """
    for name, value, high in (("margin", margin, 0.5), ("power", power, 1), ("alpha", alpha, 0.5)):
        if not 0 < value < high:
            raise ValueError(f"{name}={value} is not between 0 and {high}.")
    if trials < 1:
        raise ValueError(f"trials={trials}: each participant answers at least one.")
    if not 0 <= sd < 0.5:
        raise ValueError(
            f"sd={sd} is not in [0, 0.5): it is the standard deviation of participants' true"
            " accuracies."
        )
    return (
        _fewest(lambda count: equivalence_power(count, trials, margin, sd, alpha), power),
        _fewest(lambda count: detection_power(count, trials, margin, sd, alpha), power),
    )


def _fewest(power_of: Callable[[int], float], power: float) -> int:
    """The smallest count from 3 on with this power, which grows with the count."""
    high = 4
    while power_of(high) < power:
        if high >= LIMIT:
            raise ValueError(
                f"more than {LIMIT} participants are needed: widen the margin, or ask each for more"
                " trials."
            )
        high *= 2
    return bisect_left(range(high), power, lo=high // 2 + 1, key=power_of)


def power_table(margin: float, trials: Sequence[int], sd: float, power: float, alpha: float) -> str:
    """Participants needed for several numbers of trials, as text."""
    lines = [
        f"Participants needed for a power of {power:.0%} at alpha {alpha:g}, margin {margin:.1%}"
        " around 50 % correct;",
        f"people's true accuracies have a standard deviation of {sd:.1%}.",
        "",
        f"{'trials of a kind':>17} {'to show that people cannot tell':>32}"
        f" {'to find that they can':>22}",
    ]
    for count in trials:
        equivalence, detection = participants_needed(count, margin, sd, power, alpha)
        lines.append(f"{count:>17} {equivalence:>32} {detection:>22}")
    return "\n".join(lines)
