import numpy as np
import torch

from isbench.train.evaluate import Evaluator
from isbench.train.exhibits import supported
from isbench.train.rendering import Rendering
from tests.builders import model, regression, run
from tests.train.test_evaluate import picture


def rendered(points: int = 8):
    dataset = picture()
    made = run(dataset=dataset, network=model(dataset), grid=tuple(np.arange(1, points + 1) / points))
    rendering = Rendering(made.ledger.evaluate)
    for point in made.points:
        rendering.at_point(point)
    return dataset, made, rendering.finish()["output"]


def test_only_a_picture_has_an_output_and_only_of_the_first_seed() -> None:
    assert supported(picture(), ("output",), first=True) == ("output",)
    assert supported(picture(), ("output",), first=False) == ()
    assert supported(regression(), ("output",), first=True) == ()


def test_the_last_point_of_each_quarter_is_kept() -> None:
    _, _, output = rendered()
    assert output["progress"].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert output["step"].tolist() == [0, 10, 20, 30, 40]


def test_a_few_points_are_all_kept() -> None:
    assert rendered(2)[2]["progress"].tolist() == [0, 0.5, 1]


def test_the_last_picture_is_what_the_trained_model_says_of_the_test_set() -> None:
    dataset, made, output = rendered()
    x, colours = dataset.test.fetch(torch.arange(20))
    with torch.no_grad():
        expected = made.problem.model.eval()(x)
    assert output["prediction"].shape == (5, 4, 5, 2)
    assert np.array_equal(output["prediction"][-1].reshape(20, 2), expected.numpy())
    assert np.array_equal(output["reference"].reshape(20, 2), colours.numpy())


def test_nothing_is_kept_before_the_first_point() -> None:
    dataset = picture()
    assert Rendering(Evaluator(dataset, model(dataset))).finish() == {}
