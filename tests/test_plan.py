"""Blocks, identities, pilots."""

from __future__ import annotations

import json

import pytest

from isbench.errors import RecipeError
from isbench.plan import Frozen, make_plan, pilot_key
from isbench.recipe.schema import Arm, BudgetSpec, Question, Recipe, Setting
from isbench.samplers import catalogue
from isbench.store.plans import Pilot, Plan, Primary
from isbench.store.records import (
    DatasetSpec,
    ModelSpec,
    OptimizerSpec,
    SamplerSpec,
    ScheduleSpec,
    StartSpec,
)
from tests.builders import GROUND

EPOCHS = BudgetSpec(name="epochs-5", amount=5.0, unit="epochs")
LIKE = BudgetSpec(name="equal-time", amount=5.0, unit="epochs", like="uniform")
SECONDS = BudgetSpec(name="seconds-9", amount=9.0, unit="seconds")
IDENTITIES = {  # of before there were control arms
    ("uniform", 0): "32ec3509a4dd",
    ("highest-loss", 0): "051b298c9f0b",
    ("highest-loss-cdf", 0): "1b2a9ef62afb",
    ("uniform", 3): "602ab272c94a",
    ("dlis", 3): "7cb9c119513c",
    ("memory-is", 3): "bb584adb706a",
    ("uniform", 10**6): "f48459c56f78",
}


def arm(name: str, label: str = "", **options) -> Arm:
    start = options.pop("start", StartSpec())
    sampler = SamplerSpec(label=label or name, name=name, options=options, start=start)
    return Arm(sampler=sampler, optimizer=OptimizerSpec(), schedule=ScheduleSpec(), batch=32)


def recipe(*arms: Arm, budgets=(EPOCHS,), seeds=(0, 1, 2), variants=("",)) -> Recipe:
    settings = tuple(
        Setting(
            variant=variant,
            dataset=DatasetSpec(name="digits", label_noise=0.1 if variant else 0.0),
            model=ModelSpec(name="mlp"),
            precision="float32",
            threads=None,
            budgets=budgets,
            points=(0.5, 1.0),
            arms=arms or (arm("uniform"), arm("highest-loss"), arm("highest-loss-cdf")),
        )
        for variant in variants
    )
    return Recipe(name="r", profile="", file="r.yaml", text="", seeds=seeds, record=(), settings=settings)


def plan(made: Recipe, frozen=None) -> Plan:
    return make_plan(made, GROUND, frozen or {})


def labels(made: Plan, block: int) -> list[str]:
    return [made.cells[cell].sampler.label for cell in made.blocks[block].cells]


def test_every_block_holds_every_arm_once() -> None:
    made = plan(recipe(budgets=(EPOCHS, BudgetSpec(name="steps-9", amount=9.0, unit="steps"))))
    assert len(made.blocks) == 6
    assert all(sorted(labels(made, k)) == ["highest-loss", "highest-loss-cdf", "uniform"] for k in range(6))


def test_seeds_are_outermost_and_variants_inside() -> None:
    made = plan(recipe(variants=("plain", "noisy")))
    assert [(block.seed, block.variant) for block in made.blocks][:3] == [
        (0, "plain"),
        (0, "noisy"),
        (1, "plain"),
    ]


def test_the_order_rotates_from_seed_to_seed() -> None:
    made = plan(recipe())
    assert [labels(made, block)[0] for block in range(3)] == ["uniform", "highest-loss", "highest-loss-cdf"]


def test_a_label_is_no_part_of_an_identity() -> None:
    one = plan(recipe(arm("uniform"), arm("highest-loss", label="a")))
    two = plan(recipe(arm("uniform"), arm("highest-loss", label="b")))
    assert one.cells.keys() == two.cells.keys()


def test_saying_a_default_changes_no_identity() -> None:
    one = plan(recipe(arm("uniform"), arm("highest-loss")))
    two = plan(recipe(arm("uniform"), arm("highest-loss", pool=256, sweep=False, score="loss")))
    assert one.cells.keys() == two.cells.keys()


@pytest.mark.parametrize(
    "change",
    [
        {"pool": 64},
        {"score": "upper_bound"},
        {"start": StartSpec(name="steps", options={"at": 5})},
        {"sweep": True},
    ],
)
def test_what_can_change_numbers_changes_the_identity(change: dict) -> None:
    one = plan(recipe(arm("uniform"), arm("highest-loss")))
    two = plan(recipe(arm("uniform"), arm("highest-loss", **change)))
    assert len(one.cells.keys() & two.cells.keys()) == 3  # uniform's


def test_more_seeds_and_arms_keep_the_old_cells() -> None:
    small = plan(recipe(arm("uniform"), arm("highest-loss")))
    large = plan(recipe(arm("uniform"), arm("highest-loss"), arm("highest-loss-rank"), seeds=(0, 1, 2, 3)))
    assert small.cells.keys() < large.cells.keys()


def test_two_arms_that_are_the_same_run_are_refused() -> None:
    with pytest.raises(RecipeError, match="the same run under two names"):
        plan(recipe(arm("uniform"), arm("highest-loss", label="a"), arm("highest-loss", label="b", pool=256)))


def test_an_equal_time_budget_has_three_pilots_and_no_blocks_before_they_ran() -> None:
    made = plan(recipe(budgets=(LIKE,)))
    assert made.blocks == ()
    (pilot,) = made.pilots
    assert len(pilot.cells) == 3
    assert {made.cells[cell].sampler.name for cell in pilot.cells} == {"uniform"}
    assert {made.cells[cell].budget.unit for cell in pilot.cells} == {"epochs"}


def test_pilots_use_no_seed_of_the_comparison() -> None:
    made = plan(recipe(budgets=(LIKE,)))
    assert all(made.cells[cell].seed not in (0, 1, 2) for cell in made.pilots[0].cells)


def test_a_frozen_pilot_is_the_budget_of_every_arm() -> None:
    (pilot,) = plan(recipe(budgets=(LIKE,))).pilots
    made = plan(recipe(budgets=(LIKE,)), {pilot_key(pilot): Frozen(12.5)})
    budgets = {made.cells[cell].budget for block in made.blocks for cell in block.cells}
    assert [(budget.name, budget.amount, budget.unit) for budget in budgets] == [
        ("equal-time", 12.5, "seconds")
    ]


def test_another_equal_time_makes_other_cells() -> None:
    (pilot,) = plan(recipe(budgets=(LIKE,))).pilots
    one, two = (plan(recipe(budgets=(LIKE,)), {pilot_key(pilot): Frozen(t)}) for t in (1.0, 2.0))
    assert one.cells.keys() & two.cells.keys() == set(pilot.cells)


def test_mirror_code_switches_the_score_and_the_source_of_the_start() -> None:
    start = StartSpec(name="loss_fraction", options={"below": 0.5})
    made = plan(recipe(arm("uniform"), arm("gradient-norm", mirror="code", start=start)))
    spec = next(c.sampler for c in made.cells.values() if c.sampler.name == "gradient-norm")
    assert catalogue.resolve(spec.name, spec.options, 32)["score"] == "output_gradient"
    assert spec.start.options == {"below": 0.5, "of": "test"}
    assert "free information" in made.notes[0]


def test_an_explicit_score_wins_over_mirror_code() -> None:
    made = plan(recipe(arm("uniform"), arm("gradient-norm", mirror="code", score="gradient")))
    spec = next(c.sampler for c in made.cells.values() if c.sampler.name == "gradient-norm")
    assert catalogue.resolve(spec.name, spec.options, 32)["score"] == "gradient"


def test_an_explicit_source_of_the_start_wins_over_mirror_code() -> None:
    start = StartSpec(name="loss_fraction", options={"below": 0.5, "of": "train"})
    made = plan(recipe(arm("uniform"), arm("gradient-norm", mirror="code", start=start)))
    spec = next(c.sampler for c in made.cells.values() if c.sampler.name == "gradient-norm")
    assert spec.start.options["of"] == "train"


def test_blocks_that_share_a_cell_keep_their_own_names() -> None:
    one = recipe(arm("uniform"), arm("highest-loss", label="x")).settings[0]
    two = recipe(arm("uniform"), arm("highest-loss", label="y")).settings[0]
    both = recipe(seeds=(0,)).model_copy(
        update={
            "settings": (
                one.model_copy(update={"variant": "one"}),
                two.model_copy(update={"variant": "two"}),
            )
        }
    )
    made = plan(both)
    assert made.blocks[0].cells == made.blocks[1].cells
    assert [[(c.variant, c.sampler.label) for c in made.placed(block)][1] for block in made.blocks] == [
        ("one", "x"),
        ("two", "y"),
    ]


def test_break_even_is_stated_by_the_papers_formula_and_as_counted() -> None:
    made = plan(recipe(arm("uniform"), arm("dlis", pool=160, start=StartSpec(name="tau"))))
    (row,) = made.break_even
    assert (row.label, row.batch, row.pool) == ("dlis", 32, 160)
    assert row.paper == pytest.approx((160 + 3 * 32) / (3 * 32))
    assert row.measured == pytest.approx(1 + 160 / ((1 + GROUND.costs(None, None).rho) * 32))
    assert row.above == pytest.approx(row.paper, rel=1e-5)


def test_the_threshold_written_out_is_the_one_left_to_the_formula() -> None:
    left = plan(recipe(arm("uniform"), arm("dlis", pool=96, start=StartSpec(name="tau"))))
    written = StartSpec(name="tau", options={"above": 2.0})
    assert set(left.cells) == set(plan(recipe(arm("uniform"), arm("dlis", pool=96, start=written))).cells)


def test_samplers_without_a_pool_or_a_gate_have_no_break_even() -> None:
    assert plan(recipe(arm("uniform"), arm("online-batch"))).break_even == ()


def test_the_fraction_of_a_budget_reaches_every_cell_and_pilot() -> None:
    spec = BudgetSpec(name="thirty", amount=1.5, unit="epochs", fraction=0.3)
    like = spec.model_copy(update={"name": "thirty-time", "like": "uniform"})
    made = plan(recipe(budgets=(spec, like)))
    assert {cell.budget.fraction for cell in made.cells.values()} == {0.3}
    made = plan(recipe(budgets=(spec, like)), {pilot_key(made.pilots[0]): Frozen(9.0)})
    assert {cell.budget.fraction for cell in made.cells.values()} == {0.3}


def test_a_budget_of_all_the_data_has_the_cells_that_it_had_before_fractions() -> None:
    spec = EPOCHS.model_copy(update={"fraction": 1.0})
    assert plan(recipe(budgets=(spec,))).cells == plan(recipe()).cells
    assert (
        "fraction"
        not in next(iter(plan(recipe()).cells.values())).model_dump(exclude_defaults=True)["budget"]
    )


def test_identities_are_what_they_were_before_there_were_controls() -> None:
    dlis = arm("dlis", pool=160, start=StartSpec(name="tau"))
    made = [
        plan(recipe(budgets=(EPOCHS, LIKE))),
        plan(recipe(arm("uniform"), dlis, arm("memory-is"), seeds=(3,))),
    ]
    cells = {(c.sampler.label, c.seed): c.id for each in made for c in each.cells.values()}
    assert {name: cells[name] for name in IDENTITIES} == IDENTITIES
    assert pilot_key(made[0].pilots[0]) == "179e1d10ff16"


def controlled(kind: str, of: Arm) -> Arm:
    label = "aa" if kind == "aa" else f"{kind}:{of.sampler.label}"
    spec = of.sampler.model_copy(update={"label": label, "placebo": kind == "placebo"})
    return of.model_copy(update={"sampler": spec, "control": kind, "of": of.sampler.label})


UNIFORM = arm("uniform")
DLIS = arm("dlis", pool=160, start=StartSpec(name="loss_fraction", options={"below": 0.9, "of": "val"}))
CONTROLS = (controlled("placebo", DLIS), controlled("free", DLIS), controlled("aa", UNIFORM))


def test_a_control_is_the_cell_that_it_controls_but_for_one_thing() -> None:
    made = plan(recipe(UNIFORM, DLIS, *CONTROLS, seeds=(0,)))
    cells = {cell.sampler.label: cell for cell in made.placed(made.blocks[0])}
    assert len({cell.id for cell in cells.values()}) == 5
    free, again, placebo = cells["free:dlis"], cells["aa"], cells["placebo:dlis"]
    assert (free.uncharged, again.repeat, placebo.sampler.placebo) == (("score",), 1, True)
    assert free.model_copy(update={"uncharged": ()}).id == cells["dlis"].id
    assert again.model_copy(update={"repeat": 0}).id == cells["uniform"].id
    spec = placebo.sampler.model_copy(update={"placebo": False})
    assert placebo.model_copy(update={"sampler": spec}).id == cells["dlis"].id


def test_a_card_says_what_a_control_is_of_and_does() -> None:
    cards = {card.label: card for card in plan(recipe(UNIFORM, DLIS, *CONTROLS)).cards}
    assert [
        (cards[name].control, cards[name].of) for name in ("dlis", "placebo:dlis", "free:dlis", "aa")
    ] == [
        ("", ""),
        ("placebo", "dlis"),
        ("free", "dlis"),
        ("aa", "uniform"),
    ]
    assert "drawn uniformly" in cards["placebo:dlis"].summary
    assert (cards["placebo:dlis"].name, cards["placebo:dlis"].options) == ("dlis", cards["dlis"].options)
    assert cards["free:dlis"].cost.startswith(cards["dlis"].cost)
    assert cards["aa"].paper == "a control of uniform"


def test_a_placebo_of_what_is_biased_is_unbiased() -> None:
    biased = arm("highest-loss", pool=160)
    cards = {card.label: card for card in plan(recipe(UNIFORM, biased, controlled("placebo", biased))).cards}
    assert (cards["highest-loss"].unbiased, cards["placebo:highest-loss"].unbiased) == (False, True)


def test_notes_and_break_even_leave_controls_out() -> None:
    with_controls, without = plan(recipe(UNIFORM, DLIS, *CONTROLS)), plan(recipe(UNIFORM, DLIS))
    assert with_controls.notes == without.notes != ()
    assert with_controls.break_even == without.break_even != ()


def asking(*budgets: BudgetSpec, primary: Question | None = None, targets: tuple[float, ...] = ()) -> Recipe:
    return recipe(budgets=budgets).model_copy(update={"primary": primary, "targets": targets})


@pytest.mark.parametrize(
    ("asked", "budget", "target"),
    [
        (asking(EPOCHS, LIKE), "equal-time", 1.0),
        (asking(EPOCHS, SECONDS, LIKE), "seconds-9", None),
        (asking(EPOCHS, SECONDS, targets=(0.9,)), "seconds-9", 1.0),
        (asking(EPOCHS), "epochs-5", None),
        (asking(EPOCHS, targets=(0.9,)), "epochs-5", None),
        (asking(EPOCHS, LIKE, primary=Question(metric="val_loss")), "equal-time", None),
        (asking(EPOCHS, LIKE, primary=Question(target=0.9)), "equal-time", 0.9),
        (asking(EPOCHS, LIKE, primary=Question(budget="epochs-5")), "epochs-5", None),
    ],
)
def test_the_question_is_equal_time_to_the_full_target_unless_it_is_written(
    asked: Recipe, budget: str, target: float | None
) -> None:
    question = plan(asked).primary
    assert (question.budget, question.target, question.baseline) == (budget, target, "uniform")


def test_the_metric_is_the_first_that_the_data_have_unless_it_is_written() -> None:
    assert plan(asking(LIKE)).primary.metric == "val_error"
    assert plan(asking(LIKE, primary=Question(metric="test_loss"))).primary.metric == "test_loss"


def test_targets_are_those_written_and_the_primary_one() -> None:
    assert plan(asking(LIKE)).targets == (1.0,)
    assert plan(asking(LIKE, primary=Question(target=0.95), targets=(0.9, 1.0))).targets == (0.9, 0.95, 1.0)
    assert plan(asking(EPOCHS)).targets == ()


def piloted(asked: Recipe) -> dict[str, Pilot]:
    return {pilot.budget: pilot for pilot in plan(asked).pilots}


def test_targets_need_a_pilot_of_every_budget_and_a_primary_one_of_its_own() -> None:
    assert piloted(asking(EPOCHS, SECONDS)) == {}
    assert [*piloted(asking(EPOCHS, SECONDS, targets=(0.9,)))] == ["epochs-5", "seconds-9"]
    asked = asking(EPOCHS, SECONDS, LIKE, primary=Question(budget="seconds-9", target=0.9))
    assert [*piloted(asked)] == ["seconds-9", "equal-time"]


def test_a_pilot_for_targets_is_the_baseline_at_that_very_budget_and_delays_no_block() -> None:
    asked = asking(SECONDS, primary=Question(target=0.9, baseline="highest-loss"))
    made = plan(asked)
    (pilot,) = made.pilots
    cells = [made.cells[cell] for cell in pilot.cells]
    assert (pilot.timed, pilot.like) == (False, "highest-loss")
    assert {(c.sampler.name, c.budget.amount, c.budget.unit) for c in cells} == {
        ("highest-loss", 9.0, "seconds")
    }
    assert not {c.seed for c in cells} & {0, 1, 2}
    assert len(made.blocks) == 3


def test_what_a_pilot_measured_of_another_metric_says_nothing_of_this_one() -> None:
    (pilot,) = plan(asking(LIKE)).pilots
    frozen = {pilot_key(pilot): Frozen(7.0, "val_error", 0.9, 0.1)}
    (same,) = plan(asking(LIKE), frozen).pilots
    assert (same.seconds, same.first, same.last, same.measured("val_error")) == (7.0, 0.9, 0.1, True)
    (other,) = plan(asking(LIKE, primary=Question(metric="val_loss")), frozen).pilots
    assert (other.seconds, other.first, other.last, other.measured("val_loss")) == (7.0, None, None, False)


def test_another_question_leaves_the_races_as_they_are() -> None:
    one, two = plan(asking(EPOCHS)), plan(asking(EPOCHS, primary=Question(metric="val_loss")))
    assert (one.recipe, one.blocks, one.cells) == (two.recipe, two.blocks, two.cells)


def test_a_plan_of_before_there_were_questions_is_read() -> None:
    content = json.loads(plan(recipe(budgets=(LIKE,))).model_dump_json())
    for pilot in content["pilots"]:
        for name in ("timed", "metric", "first", "last"):
            del pilot[name]
    del content["primary"], content["targets"]
    old = Plan.model_validate_json(json.dumps({**content, "primary_label": "uniform"}))
    assert (old.primary, old.targets) == (Primary(), ())
    assert "primary_label" not in old.model_dump()
