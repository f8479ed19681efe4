"""How many participants and trials does a study need?

A participant's accuracy varies for two reasons: people differ (standard deviation `sd`), and each
gives few answers (binomial variance). Its mean over participants is tested with one-sample t tests,
as `analyse` does.
"""

import math

from scipy import integrate, stats
from statsmodels.stats.power import TTestPower

LIMIT = 10_000


def accuracy_sd(trials: int, sd: float, accuracy: float = 0.5) -> float:
    """Standard deviation of participants' observed accuracies: true differences `sd` and `trials`
    answers each."""
    return math.sqrt(sd**2 + (accuracy * (1 - accuracy) - sd**2) / trials)


def equivalence_power(
    participants: int,
    trials: int,
    margin: float,
    sd: float,
    alpha: float = 0.05,
    accuracy: float = 0.5,
) -> float:
    """Probability that two one-sided t tests place the mean accuracy within 0.5 +- margin, where it
    truly is `accuracy`.

    Exact for normal participants' means (Owen 1965, written as an integral over the chi-distributed
    standard deviation).
    """
    degrees = participants - 1
    error = accuracy_sd(trials, sd, accuracy) / math.sqrt(participants)
    critical = stats.t.ppf(1 - alpha, degrees)
    low, high = (0.5 - margin - accuracy) / error, (0.5 + margin - accuracy) / error

    def inside(ratio):
        """P(both tests reject | sample sd = ratio * true sd) times the density of that ratio."""
        both = stats.norm.cdf(high - critical * ratio) - stats.norm.cdf(low + critical * ratio)
        return both * stats.chi.pdf(ratio * math.sqrt(degrees), degrees) * math.sqrt(degrees)

    widest = (high - low) / (2 * critical)  # above, the tests can't both reject
    return float(integrate.quad(inside, 0, min(widest, 1 + 12 / math.sqrt(degrees)), limit=200)[0])


def detection_power(
    participants: int, trials: int, margin: float, sd: float, alpha: float = 0.05
) -> float:
    """Probability that a two-sided t test finds a true mean accuracy of 0.5 + margin to differ from
    chance."""
    effect = margin / accuracy_sd(trials, sd, 0.5 + margin)
    return float(TTestPower().power(effect, participants, alpha))


def participants_needed(
    trials: int, margin: float, sd: float, power: float = 0.9, alpha: float = 0.05
) -> tuple[int, int]:
    """Fewest participants for (equivalence within the margin, detection of a deviation as large as
    the margin).

    Raises:
        ValueError: a value out of range, or more than `LIMIT` participants.
    """
    for name, value, low, high in (
        ("margin", margin, 0, 0.5),
        ("power", power, 0, 1),
        ("alpha", alpha, 0, 0.5),
    ):
        if not low < value < high:
            raise ValueError(f"{name}={value} is not between {low} and {high}.")
    if trials < 1:
        raise ValueError(f"trials={trials}: each participant answers at least one.")
    if not 0 <= sd < 0.5:
        raise ValueError(
            f"sd={sd} is not in [0, 0.5): it is the standard deviation of participants' true"
            " accuracies."
        )
    return tuple(
        _smallest(lambda count, test=test: test(count, trials, margin, sd, alpha), power)
        for test in (equivalence_power, detection_power)
    )


def _smallest(reached, power: float) -> int:
    """The smallest count from 3 whose power is reached; power grows with the count."""
    low, high = 2, 4
    while reached(high) < power:
        low, high = high, high * 2
        if low >= LIMIT:
            raise ValueError(
                f"more than {LIMIT} participants are needed: widen the margin, or ask each for more"
                " trials."
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) >= power else (middle, high)
    return high


def table(margin: float, sd: float, power: float, alpha: float, trials: list[int]) -> str:
    """Participants needed for several numbers of trials, as text."""
    lines = [
        (
            f"Participants needed for a power of {power:.0%} at alpha {alpha:g}, margin"
            f" {margin:.1%} around 50 % correct;"
        ),
        f"people's true accuracies have a standard deviation of {sd:.1%}.",
        "",
        (
            f"{'trials of a kind':>17} {'to show that people cannot tell':>32}"
            f" {'to find that they can':>22}"
        ),
    ]
    for count in trials:
        equivalence, detection = participants_needed(count, margin, sd, power, alpha)
        lines.append(f"{count:>17} {equivalence:>32} {detection:>22}")
    return "\n".join(lines)
