"""The sections of docs/benchmarks.md on speed, from speed.json and speed-cuda.json."""

from typing import Any

from benchmarks.tables.markdown import describe_run, paragraph, table, verdict

EXPLANATION = (
    "CPU time on one thread; all cases take turns in every round. Images are uint8 tensors where "
    "nothing else is said, and edits are made with `p=1`, a random mask and a random severity. "
    "RandAugment and ColorJitter are those of torchvision's v2 unless another library is named: "
    "albumentations works on uint8 arrays, kornia on float tensors. RandAugment is much cheaper on "
    "PIL images than an edit is, since it uses Pillow's point operations there."
)


def speed_section(result: dict[str, Any]) -> list[str]:
    """The lines of the section on CPU time."""
    times = result["cpu_ms_per_image"]
    rows = []
    for row in result["rows"]:
        ratio, goal = row["ratio"]["median"], row["goal"]
        low, high = row["ratio"]["quartiles"]
        names = [f"{row[key]}, {times[row[key]]['median']:.3g} ms" for key in ("case", "against")]
        judged = ["", ""] if goal is None else [f"{goal:.3g}", verdict(ratio <= goal)]
        rows.append([*names, f"{ratio:.3g}", f"{low:.3g} to {high:.3g}", *judged])
    head = ["CPU time per image of", "over that of", "ratio, median", "quartiles", "at most", ""]
    closing = f"{result['rounds']} rounds; {describe_run(result)}"
    return [
        "## Speed",
        "",
        *paragraph(EXPLANATION),
        "",
        *table(head, rows),
        *paragraph(closing),
        "",
    ]


def cuda_section(result: dict[str, Any]) -> list[str]:
    """The lines of the section on a GPU."""
    rate, share = result["images_per_s"], result["share_of_copy_bandwidth"]
    low, high = rate["quartiles"]
    text = (
        f"`EczemaEdit.batch`, {result['batch']} images of {result['side']} px: "
        f"{rate['median']:,.0f} images/s ({low:,.0f} to {high:,.0f}), {share:.2%} of the rate at "
        "which the device copies them."
    )
    closing = f"{result['device']}, {describe_run(result)}"
    return ["## Speed on CUDA", "", *paragraph(text), "", *paragraph(closing), ""]
