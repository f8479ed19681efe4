"""The section of docs/benchmarks.md on a generator: every figure of its fidelity-*.json, and which
goals were met."""

from statistics import mean, stdev

# What generated images should reach, most of it relative to real ones: name, at least or at most,
# the bound.
GOALS = {
    "kid": ("KID to `test` / KID of a DCGAN of equal parameters, same minutes", "at most", 0.35),
    "prdc": ("recall / recall of real `train`", "at least", 0.6),
    "class": ("asked class found by a classifier / its accuracy on real `test`", "at least", 0.9),
    "dice": ("Dice after training on generated pairs / on real `train`", "at least", 0.9),
    "pose": ("accuracy after training on generated images / on real `train`", "at least", 0.8),
    "tone": ("skin tone asked and measured, median error in degrees", "at most", 8.0),
}
# Part, name, its figure of real images.
LEARNT = [
    ("class", "asked class, found by a classifier", "real_test"),
    ("pose", "classifier trained on these, on real `test`", "real_train"),
]


def spread(values: list[float], digits: int = 3) -> str:
    """Mean, and standard deviation over the seeds where there are several."""
    return f"{mean(values):.{digits}f}" + (
        f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    )


def row(name: str, part: dict, key: str, real: float | None, digits: int = 3) -> list[str]:
    runs = part["runs"]
    return [
        name,
        spread([run[key] for run in runs], digits),
        "" if real is None else f"{real:.{digits}f}",
        str(runs[0].get("n", "")),
        str(len(runs)),
    ]


def figures(parts: dict) -> list[list[str]]:
    """One row for each measure: name, generated, real, N, seeds."""
    rows = []
    if "kid" in parts:
        rows += [
            row(name, parts["kid"], key, parts["kid"]["train_vs_test"][key])
            for name, key in (("KID x1000", "kid_x1000"), ("FID (this tap)", "fid"))
        ]
    if "prdc" in parts:
        rows += [
            row(key, parts["prdc"], key, parts["prdc"]["train_vs_test"][key])
            for key in ("precision", "recall", "density", "coverage")
        ]
    if "runs" in parts.get("is", {}):
        rows.append(
            row(
                f"Inception Score, classes of {parts['is']['extractor']}",
                parts["is"],
                "score",
                parts["is"]["real_train"],
                2,
            )
        )
    if "msssim" in parts:
        rows.append(
            row(
                "MS-SSIM of pairs of one class",
                parts["msssim"],
                "ms_ssim",
                parts["msssim"]["real_train"],
            )
        )
    for part, name, real in LEARNT:
        if part in parts:
            for key, label in (
                ("accuracy", "accuracy"),
                ("balanced_accuracy", "mean over classes"),
            ):
                rows.append(row(f"{name}: {label}", parts[part], key, parts[part][real][key]))
    if "dice" in parts:
        rows.append(
            row(
                "U-Net trained on these pairs, Dice on real `test`",
                parts["dice"],
                "dice",
                parts["dice"]["real_train"],
            )
        )
    if "runs" in parts.get("tone", {}):
        rows.append(
            row(
                "skin tone asked and measured, median error (degrees)",
                parts["tone"],
                "median_error",
                None,
                1,
            )
        )
    return rows


def reached(part: str, figures: dict, dcgan: dict | None) -> list[float]:
    """The value that the part's goal speaks of, for each seed; none where there is nothing to
    compare with."""
    runs, real = figures.get("runs", []), 0.0
    if part == "tone":
        return [run["median_error"] for run in runs]
    if part == "kid":
        key = "kid_x1000"
        if (
            dcgan is not None
            and all(figures[k] == dcgan[k] for k in ("extractor", "size", "n_test"))
            and runs[0]["n"] == dcgan["runs"][0]["n"]
        ):
            real = mean(run[key] for run in dcgan["runs"])
    elif part == "prdc":
        key, real = "recall", figures["train_vs_test"]["recall"]
    elif part == "dice":
        key, real = "dice", figures["real_train"]
    else:
        key, real = (
            "accuracy",
            figures["real_test" if part == "class" else "real_train"]["accuracy"],
        )
    return [run[key] / real for run in runs] if real > 0 else []


def goals(parts: dict, dcgan: dict | None) -> list[list[str]]:
    """One row for each goal that was measured: name, goal, reached, met or missed."""
    rows = []
    for part, (name, kind, bound) in GOALS.items():
        values = reached(part, parts[part], dcgan) if part in parts else []
        if values:
            met = mean(values) >= bound if kind == "at least" else mean(values) <= bound
            rows.append(
                [name, f"{kind} {bound:g}", spread(values, 2), "met" if met else "**missed**"]
            )
    return rows
