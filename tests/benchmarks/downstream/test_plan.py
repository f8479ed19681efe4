"""The order of the runs, and what they wait for."""

from benchmarks.downstream import arms, plan


def test_plan_begins_with_what_is_worth_most():
    runs = plan.make_plan(5, own=("10%",))
    assert len(runs) == len(set(runs)) and len({run.key for run in runs}) == len(runs)
    first = {(run.task, run.amount, run.arm) for run in runs[:15]}
    assert first == {("A", "10%", name) for name in plan.MAIN}
    blocks = list(dict.fromkeys((run.task, run.amount) for run in runs))
    assert blocks[:3] == [("A", "10%"), ("B", "5"), ("C", "10%")]
    assert all(run.anchor in runs for run in runs)


def test_every_amount_has_its_steps_seeds_and_arms():
    runs = plan.make_plan(5, own=("10%",))
    none = {run.arm for run in runs if run.amount == "0"}
    assert none == {"eczema edit 0.5", "eczema edit 0.5, wide"}
    for task, amounts in plan.AMOUNTS.items():
        for amount in amounts:
            seeds = {run.seed for run in runs if (run.task, run.amount) == (task, amount)}
            assert plan.STEPS[task][amount] and seeds == set(range(5))
    whole = {run.arm for run in runs if (run.task, run.amount) == ("A", "100%")}
    assert whole >= {*plan.MAIN, arms.BEST, "synthetic only", "synthetic x5"}


def test_the_joined_arm_waits_and_then_takes_the_best_on_val():
    whole = [run for run in plan.make_plan(2) if (run.task, run.amount) == ("A", "10%")]
    joined = next(run for run in whole if run.arm == arms.BEST)
    score = {"mixup": 0.9, "synthetic x2": 0.8, "synthetic only": 1.0, arms.FILTERED.name: 1.0}
    records = {run: {"val": score.get(run.arm, 0.5)} for run in whole if run.arm != arms.BEST}
    best = arms.combine(arms.CLASSICAL[3], arms.RATIOS[2])
    assert plan.arm_of(joined, records, whole) == best
    records.pop(next(run for run in whole if run.arm == "real"))
    assert plan.arm_of(joined, records, whole) is None


def test_learning_rates_are_chosen_by_the_first_seed_at_the_anchor():
    whole = [run for run in plan.make_plan(2) if (run.task, run.amount) == ("A", "10%")]
    assert plan.rates_of(whole[0], {}, (1e-3, 1e-2)) == (1e-3, 1e-2)
    later = next(run for run in whole if run.seed == 1)
    assert plan.rates_of(later, {}, (1e-3,)) is None
    assert plan.rates_of(later, {later.anchor: {"rate": 0.5}}, (1e-3,)) == (0.5,)
