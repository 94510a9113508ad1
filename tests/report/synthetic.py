"""A results folder as a benchmark would leave it, made of records and formulas: no training, no torch."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from isbench.store.plans import Block, Card, Plan, Trial
from isbench.store.probes import QUANTITIES
from isbench.store.records import (
    PHASES,
    Budget,
    Cell,
    Costs,
    DatasetSpec,
    ModelSpec,
    OptimizerSpec,
    Outcome,
    Point,
    SamplerSpec,
    ScheduleSpec,
    StartSpec,
)
from isbench.store.store import Store

MACHINE = "0123456789ab"
EPOCHS = Budget(name="epochs-5", amount=5.0, unit="epochs")
SECONDS = Budget(name="like-uniform-5-epochs", amount=3.0, unit="seconds")


AT_ONCE = StartSpec()


@dataclass(frozen=True)
class Arm:
    """What a made-up sampler costs and brings; `choosing` are microseconds a step for score and select."""

    label: str
    name: str = "uniform"
    skill: float = 1.0
    choosing: float = 0.0
    start: StartSpec = AT_ONCE
    options: dict = field(default_factory=dict)

    def spec(self):
        return SamplerSpec(label=self.label, name=self.name, options=self.options, start=self.start)


def below(value):
    return StartSpec(name="loss_fraction", options={"below": value, "of": "train"})


UNIFORM = Arm("uniform")
PAINTERS = (
    UNIFORM,
    Arm("uniform-iid", "uniform-iid", 1.2),
    Arm("highest-loss", "highest-loss", 1.4),
    Arm("dlis", "dlis", 1.6),
    Arm("an arm with quite a long label", "online-batch", 1.8),
    Arm("broken", "prioritized"),
)
STRATEGIES = (
    UNIFORM,
    Arm("highest-loss", "highest-loss", 1.3, 900.0, below(0.5)),
    Arm("highest-loss-cdf", "highest-loss-cdf", 1.6, 1000.0, below(0.5)),
    Arm("gradient-norm", "gradient-norm", 1.3, 2600.0, below(0.5)),
    Arm("gradient-norm-cdf", "gradient-norm-cdf", 1.7, 2700.0, below(0.5)),
)
MEMORIES = (
    UNIFORM,
    Arm("dlis-5x", "dlis", 1.4, 1500.0),
    Arm("memory-is", "memory-is", 1.3, 20.0),
    Arm("memory-as", "memory-as", 1.6, 20.0),
)
IMPONS = (
    UNIFORM,
    Arm("uniform-adam", skill=1.2),
    Arm("selective-backprop", "selective-backprop", 1.2, 500.0),
    Arm("p-sgd", "p-sgd", 0.9, 20.0),
    Arm("impon", "impon", 1.6, 40.0),
)
BANKS = (
    UNIFORM,
    *(
        Arm(f"impon[bank={bank}]", "impon", 1.8 - bank / 1600, 40.0, options={"bank": bank})
        for bank in (128, 200, 1600)
    ),
)
BUDGETED = (
    UNIFORM,
    Arm("uniform-budget", "uniform-budget", 1.1),
    Arm("p-sgd", "p-sgd", 1.0, 20.0),
    Arm("highest-loss-cdf", "highest-loss-cdf", 1.3, 900.0),
    Arm("memory-as", "memory-as", 1.2, 20.0),
)
THIRTY = Budget(name="thirty", amount=1.5, unit="epochs")
THRESHOLDS = (
    UNIFORM,
    *(
        Arm(f"cdf[below={value}]", "highest-loss-cdf", 1.2 + value, 1000.0, below(value))
        for value in (0.26, 0.5, 0.74, 0.8, 1.0)
    ),
)


def cell(arm, budget=EPOCHS, seed=0, variant="", points=20, dataset="two-circles"):
    return Cell(
        dataset=DatasetSpec(name=dataset, val_fraction=0.1 + sum(map(ord, variant)) / 1e5),
        model=ModelSpec(name="circles-mlp"),
        sampler=arm.spec(),
        optimizer=OptimizerSpec(lr=0.005),
        schedule=ScheduleSpec(),
        batch=128,
        budget=budget,
        seed=seed,
        points=tuple(np.linspace(0, 1, points + 1).tolist()),
        precision="float32",
        threads=2,
        device="cpu",
        lag=0,
        costs=Costs(rho=1.9, score=1.0 if arm.choosing else 0.0),
        variant=variant,
    )


def plan_of(arms=STRATEGIES, budgets=(EPOCHS, SECONDS), seeds=3, variants=("",), **cell_options):
    cells, blocks = {}, []
    for seed in range(seeds):
        for variant in variants:
            for budget in budgets:
                block = [cell(arm, budget, seed, variant, **cell_options) for arm in arms]
                cells |= {one.id: one for one in block}
                ids = tuple(one.id for one in block)
                labels = tuple(one.sampler.label for one in block)
                blocks.append(Block(seed=seed, variant=variant, budget=budget.name, cells=ids, labels=labels))
    return Plan(
        name="synthetic",
        profile="",
        recipe="schema: 1",
        recipe_file="synthetic.yaml",
        machine=MACHINE,
        record=("usage",),
        cells=cells,
        blocks=tuple(blocks),
        cards=tuple(card(arm) for arm in arms),
    )


PAPERS = dict.fromkeys(("memory-is", "memory-as"), "Salaün et al. 2023 (paper 003)")
PAPERS |= dict.fromkeys(("impon", "p-sgd", "selective-backprop"), "somebody (paper 002)")


def card(arm):
    biased = arm.name in ("highest-loss", "gradient-norm")
    return Card(
        label=arm.label,
        name=arm.name,
        summary=f"{arm.name} picks samples by a rule of its own.",
        paper=PAPERS.get(arm.name, "Knutsson et al. 2022"),
        unbiased=not biased,
        cost="one forward pass over the pool" if arm.choosing else "none",
        deviations=("the pool is drawn distinct",) if arm.choosing else (),
        options=arm.options,
        start=" ".join([arm.start.name, *(f"{k}={v}" for k, v in arm.start.options.items())]),
    )


def points_of(one, arm):
    """Curves that fall as fast as the arm's skill says, on a clock that its choosing slows down."""
    noise = np.random.default_rng([one.seed, len(arm.label), int(one.budget.amount)])
    step_us = {"draw": 20.0, "load": 60.0, "score": 0.7 * arm.choosing, "select": 0.3 * arm.choosing}
    step_us |= {"forward": 300.0, "backward": 520.0, "optimise": 260.0, "update": 15.0}
    step_seconds = sum(step_us.values()) * 1e-6
    spent = one.budget.amount / step_seconds if one.budget.unit == "seconds" else one.budget.amount * 400
    for progress in one.points:
        steps = round(progress * spent)
        epochs = steps * 128 / 51200
        seconds = steps * step_seconds
        rest = np.exp(-0.7 * arm.skill * epochs) * np.exp(0.1 * noise.standard_normal())
        wobble = 0.003 * abs(noise.standard_normal())
        selected = bool(arm.choosing) and rest < 0.5
        yield Point(
            progress=progress,
            epochs=epochs,
            steps=steps,
            trained=steps * 128,
            scored=steps * 1024 if arm.choosing else 0,
            loaded=steps * 128,
            passes=epochs * (2.9 + (8 if arm.choosing else 0)),
            train_seconds=seconds,
            eval_seconds=0.02 * (progress + 0.05),
            lr=0.005,
            batch_loss=None if not steps else 0.04 + 0.65 * rest * (1.6 if selected else 1.0),
            train_loss=0.03 + 0.65 * rest,
            val_loss=0.04 + 0.65 * rest,
            val_error=0.02 + wobble + 0.45 * rest,
            test_loss=0.045 + 0.65 * rest,
            test_error=0.02 + wobble + 0.46 * rest,
            active=float(selected),
            phases={phase: steps * step_us[phase] * 1e-6 for phase in PHASES} | {"eval": 0.02 * progress},
        )


def fill(folder, plan, arms=STRATEGIES, only=None, statuses=None, notes=None, exhibits=False, classes=True):
    """Write a record for every cell (or those in `only`); `statuses` says which ended otherwise than done.

    Without classes, points have a PSNR in place of errors.
    """
    store = Store(Path(folder))
    store.save_plan(plan)
    store.save_machine(MACHINE, {"cpu": "Made-up CPU", "cores": 2, "torch": "2.9.0", "system": "Linux"})
    by_label = {arm.label: arm for arm in arms}
    for one in plan.cells.values():
        if only is not None and one.id not in only:
            continue
        arm, status = by_label[one.sampler.label], (statuses or {}).get(one.id, "done")
        outcome = Outcome(status="running", started="2026-01-02T03:04:05Z", machine=MACHINE)
        store.begin(one, outcome)
        points = list(points_of(one, arm))
        if not classes:
            points = [as_picture(point) for point in points]
        points = points if status == "done" else points[: len(points) // 2]
        for point in points:
            store.add_point(one.id, point)
        if exhibits and one.seed == 0:
            write_exhibits(store, one, arm, points)
        switch = next((point for point in points if point.active), None)
        ended = {
            "status": status,
            "note": (notes or {}).get(one.id, ""),
            "wall_seconds": points[-1].train_seconds + 0.5,
            "overshoot_seconds": 0.002,
            "started_step": switch.steps if switch else None,
            "started_seconds": switch.train_seconds if switch else None,
            "data_lives": "device",
            "cpu_load": 0.9,
            "foreign_load": 0.03,
        }
        store.finish(one.id, outcome.model_copy(update=ended))
    return store


def as_picture(point):
    """The point of a picture: no errors, and how near it is in dB."""
    decibels = -10 * np.log10(point.test_loss)
    return point.model_copy(update={"val_error": None, "test_error": None, "psnr": decibels})


def reference(height=24, width=36):
    """A picture that is smooth but for one corner, at the right below."""
    rows, columns = np.mgrid[:height, :width]
    picture = np.stack([rows / height, columns / width, np.full(rows.shape, 0.5)], 2)
    checks = (rows + columns) % 2 * (rows >= height - 8) * (columns >= width - 8)
    return np.clip(picture + 0.5 * checks[:, :, None], 0, 1).astype(np.float32)


def write_output(store, one):
    """What a model made of the picture: noise everywhere, which diverged runs are made of alone."""
    picture = reference()
    noise = np.random.default_rng(len(one.sampler.label)).standard_normal((2, *picture.shape))
    made = picture + noise * np.array([0.5, 0.1])[:, None, None, None]
    if one.sampler.label == "broken":
        made[-1] = np.nan
    arrays = {"step": np.array([100, 200]), "progress": np.array([0.5, 1.0])}
    store.write_exhibit(one.id, "output", arrays | {"prediction": made, "reference": picture})


def write_exhibits(store, one, arm, points):
    noise = np.random.default_rng(len(arm.label))
    last = points[-1].steps
    steps = np.arange(0, last + 1, 100)
    near = 0.08 if "cdf" not in arm.label else 0.25
    angle = noise.uniform(0, 2 * np.pi, 128 * len(steps))
    radius = 0.4 + near * noise.standard_normal(angle.size)
    side = np.where(noise.random(angle.size) < 0.5, -0.48, 0.48)
    ring = np.stack([side + radius * np.cos(angle), radius * np.sin(angle)], 1)
    flat = noise.uniform(-1, 1, ring.shape)
    early = np.repeat(steps, 128)[:, None] < (200 if arm.choosing else last + 1)
    coordinates = np.clip(np.where(early, flat, ring), -1, 1)
    inside = (np.hypot(np.abs(coordinates[:, 0]) - 0.48, coordinates[:, 1]) < 0.4).astype(float)
    store.write_exhibit(
        one.id,
        "selection",
        {
            "step": np.repeat(steps, 128),
            "index": np.arange(angle.size),
            "coordinates": coordinates,
            "predicted": inside,
            "weight": np.ones(angle.size),
        },
    )
    circle = np.linspace(0, 2 * np.pi, 100)
    right = np.array([0.48, 0.0])
    outline = np.stack([0.4 * np.cos(circle), 0.4 * np.sin(circle)], 1)
    store.write_exhibit(one.id, "geometry", {"outline_0": outline - right, "outline_1": outline + right})
    traced = np.arange(0, last + 1, 5)
    loss = 0.05 + 0.65 * np.exp(-0.7 * arm.skill * traced / 400) * np.exp(
        0.1 * noise.standard_normal(traced.size)
    )
    limit = arm.start.options.get("below", 1.0)
    active = np.maximum.accumulate(loss / loss[0] < limit) if arm.choosing else np.zeros(traced.size)
    unknown = np.full(traced.size, np.nan)
    columns = {"step": traced, "batch_loss": loss, "active": active.astype(float)}
    store.write_exhibit(one.id, "trace", columns | {"tau": unknown, "ess": unknown, "distinct": unknown})
    write_sample_exhibits(store, one, noise)


def write_sample_exhibits(store, one, noise, n=500):
    times = noise.poisson(20, n)
    label = noise.integers(0, 2, n)
    usage = {"times_trained": times, "presented": 3 * times, "importance_sum": noise.random(n) * 50}
    usage |= {"importance_max": noise.random(n), "index": np.arange(n) + 7, "label": label}
    store.write_exhibit(one.id, "usage", usage)
    grid = noise.uniform(-1, 1, (n, 2))
    edge = np.abs(np.hypot(np.abs(grid[:, 0]) - 0.48, grid[:, 1]) - 0.4)
    progress = np.linspace(0, 1, 6)
    value = np.exp(-edge[None] * (1 + 10 * progress[:, None]))
    columns = {
        "step": 400 * progress,
        "progress": progress,
        "value": value,
        "coordinates": grid,
        "label": label,
    }
    store.write_exhibit(one.id, "importance", columns)
    shade = noise.integers(0, 255, (32, 8, 8, 1)).astype(np.uint8)
    images = {"most": shade[:16], "least": shade[16:]}
    for kind, count in (("most", 60), ("least", 2)):
        images |= {f"{kind}_index": np.arange(16), f"{kind}_label": np.arange(16) % 10}
        images |= {f"{kind}_count": np.full(16, count)}
    store.write_exhibit(one.id, "most_least", images)


SCORES = {
    "uniform": 0.0,
    "loss": 2.2,
    "low": 3.0,
    "upper_bound": 1.15,
    "output_gradient": 1.15,
    "gradient": 1.0,
}


def with_trials(plan, trials=3, seeds=2, variants=("",)):
    """The plan with trials of two arms on seeds of their own."""
    cells, found = {}, []
    for variant in variants:
        for arm in STRATEGIES[:2]:
            for number in range(1, trials + 1):
                runs = [cell(arm, EPOCHS, 100 * number + seed, variant, points=1) for seed in range(seeds)]
                runs = [one.model_copy(update={"tuned": True}) for one in runs]
                cells |= {one.id: one for one in runs}
                place = {"variant": variant, "label": arm.label, "number": number, "asked": 4}
                options = {"optimizer.lr": number / 100}
                found.append(Trial(**place, options=options, cells=tuple(one.id for one in runs)))
    return plan.model_copy(update={"cells": plan.cells | cells, "tuning": tuple(found)})


def with_probes(plan, seeds=2, variants=("",), stored=False, predicting=()):
    """The plan with probes of uniform, at six checkpoints; `stored`: of a sampler that keeps numbers.

    `predicting`: labels of arms beside it that predict losses.
    """
    budget = Budget(name="probe", amount=1000.0, unit="steps")
    arms = (Arm("prioritized", "prioritized") if stored else UNIFORM,)
    arms += tuple(Arm(label, "impon", options={"bank": 200 + at}) for at, label in enumerate(predicting))
    cells, blocks = {}, []
    for seed in range(seeds):
        for variant in variants:
            made = [cell(arm, budget, seed, variant).model_copy(update={"probed": True}) for arm in arms]
            cells |= {one.id: one for one in made}
            ids, labels = tuple(one.id for one in made), tuple(arm.label for arm in arms)
            blocks.append(Block(seed=seed, variant=variant, budget="probe", cells=ids, labels=labels))
    return plan.model_copy(update={"cells": plan.cells | cells, "probes": tuple(blocks)})


def fill_probes(folder, plan, n=64, lost=0):
    """Write probes whose scores are powers of a made-up gradient norm."""
    store = Store(Path(folder))
    store.save_plan(plan)
    steps = np.array([0, 5, 20, 60, 200, 1000])
    for identity in plan.probed:
        one = plan.cells[identity]
        noise = np.random.default_rng(one.seed)
        store.begin(one, Outcome(status="running", started="2026-01-02T03:04:05Z", machine=MACHINE))
        norm = np.exp(noise.standard_normal(n) * np.log1p(steps)[:, None] / 5)
        scores = {name: norm**power for name, power in SCORES.items()}
        if one.sampler.name == "prioritized":
            scores["stored"] = scores["loss"] * np.where(steps > 0, 1.0, np.nan)[:, None]
        if one.sampler.name == "impon":  # knows nothing at first, and ever more
            scores["predicted"] = scores["loss"] * np.where(steps > 0, 1.0, np.nan)[:, None]
        arrays = {"step": steps, "batch": np.array(16), "loss": norm**2}
        for name, score in scores.items():
            arrays[f"{name}.p"] = p = score / score.sum(1, keepdims=True)
            made = dict.fromkeys(QUANTITIES, 0.5 + 0 * p.sum(1))
            made["variance_ratio"] = (norm**2 / (n * n * p)).sum(1) / (norm**2 / n).sum(1)
            made["distance_ratio"] = np.sqrt(made["variance_ratio"]) * np.exp(0.1 * noise.standard_normal(6))
            made |= {"tau": np.sqrt(n * (p**2).sum(1)), "ess": 1 / (p**2).sum(1)}
            made["squared_error"] = np.square(p - norm / norm.sum(1, keepdims=True)).sum(1)
            made["lost_support"] = np.full(6, float(lost))
            if name == "predicted":
                ever_more = 12.2 / one.sampler.options["bank"] * np.log1p(steps)
                follows = ever_more + 0.05 * noise.standard_normal(6)
                made["spearman_loss"] = np.where(steps == 200, np.nan, follows)
            arrays |= {f"{name}.{quantity}": values + 0 * p.sum(1) for quantity, values in made.items()}
        store.write_exhibit(identity, "probe", arrays)
        if one.sampler.name == "impon":
            store.add_point(identity, list(points_of(one, UNIFORM))[-1])
        store.finish(identity, Outcome(status="done", started="2026-01-02T03:04:05Z", machine=MACHINE))
    return store
