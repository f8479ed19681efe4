"""The order of the runs, and what they wait for."""

from benchmarks.downstream import arms, protocol


def test_runs_begin_with_what_is_worth_most():
    runs = protocol.list_runs(5, own=("10%",))
    assert len(runs) == len(set(runs)) and len({run.key for run in runs}) == len(runs)
    first = {(run.task, run.amount, run.arm) for run in runs[:15]}
    assert first == {("A", "10%", name) for name in protocol.FOR_IMBALANCE}
    blocks = list(dict.fromkeys((run.task, run.amount) for run in runs))
    assert blocks[:3] == [("A", "10%"), ("B", "5"), ("C", "10%")]
    assert all(run.anchor in runs for run in runs)


def test_every_amount_has_its_steps_seeds_and_arms():
    runs = protocol.list_runs(5, own=("10%",))
    none = {run.arm for run in runs if run.amount == "0"}
    assert none == {"eczema edit 0.5", "eczema edit 0.5, wide"}
    for task, amounts in protocol.AMOUNTS.items():
        for amount in amounts:
            seeds = {run.seed for run in runs if (run.task, run.amount) == (task, amount)}
            assert protocol.STEPS[task][amount] and seeds == set(range(5))
    whole = {run.arm for run in runs if (run.task, run.amount) == ("A", "100%")}
    assert whole >= {*protocol.FOR_IMBALANCE, arms.BEST, "synthetic only", "synthetic x5"}


def test_the_joined_arm_waits_and_then_takes_the_best_on_val():
    whole = [run for run in protocol.list_runs(2) if (run.task, run.amount) == ("A", "10%")]
    joined = next(run for run in whole if run.arm == arms.BEST)
    score = {"mixup": 0.9, "synthetic x2": 0.8}
    score |= {"synthetic only": 1.0, "balancing, surest half": 1.0}  # no candidates
    records = {run: {"val": score.get(run.arm, 0.5)} for run in whole if run.arm != arms.BEST}
    best = arms.combine(arms.ARMS["mixup"], arms.ARMS["synthetic x2"])
    assert protocol.arm_of(joined, records, whole) == best
    records.pop(next(run for run in whole if run.arm == "real"))
    assert protocol.arm_of(joined, records, whole) is None


def test_learning_rates_are_chosen_by_the_first_seed_at_the_anchor():
    whole = [run for run in protocol.list_runs(2) if (run.task, run.amount) == ("A", "10%")]
    assert protocol.rates_of(whole[0], {}, (1e-3, 1e-2)) == (1e-3, 1e-2)
    later = next(run for run in whole if run.seed == 1)
    assert protocol.rates_of(later, {}, (1e-3,)) is None
    assert protocol.rates_of(later, {later.anchor: {"rate": 0.5}}, (1e-3,)) == (0.5,)
