"""Distances between sets against second implementations, identities and simulation."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from tasvir.lab.distances.frechet import frechet_distance, frechet_jackknife
from tasvir.lab.distances.inception import inception_scores
from tasvir.lab.distances.kernels import mmd_error, squared_mmd, subset_mmds

DICE = np.random.default_rng(1)
X = DICE.standard_normal((80, 12)) @ DICE.standard_normal((12, 12)) + 0.5
Y = DICE.standard_normal((60, 12))


def by_matrix_root(x: np.ndarray, y: np.ndarray) -> float:
    """The definition as it stands, with scipy's root of the product of the covariances."""
    first, second = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(first @ second).real
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root))


class TestFrechet:
    def test_equals_the_definition(self) -> None:
        assert frechet_distance(X, Y) == pytest.approx(by_matrix_root(X, Y), rel=1e-9)

    def test_of_a_set_to_itself_is_0_and_either_way_the_same(self) -> None:
        assert frechet_distance(X, X[::-1]) == pytest.approx(0, abs=1e-9)
        assert frechet_distance(X, Y) == pytest.approx(frechet_distance(Y, X), rel=1e-12)

    def test_of_gaussians_in_one_dimension_by_hand(self) -> None:
        # means 0 and 3, standard deviations 1 and 2 (divisor n - 1): 9 + (1 - 2)^2
        x, y = np.array([[-1.0], [0.0], [1.0]]), np.array([[1.0], [3.0], [5.0]])
        assert frechet_distance(x, y) == pytest.approx(10)

    def test_fewer_pictures_than_features(self) -> None:
        wide_x, wide_y = (DICE.standard_normal((n, 40)) for n in (6, 9))
        # scipy's root of a matrix without full rank is only good to a few digits
        assert frechet_distance(wide_x, wide_y) == pytest.approx(by_matrix_root(wide_x, wide_y), rel=1e-3)
        padded = [np.pad(x[:, :3], ((0, 0), (0, 37))) for x in (wide_x, wide_y)]
        assert frechet_distance(*padded) == pytest.approx(
            frechet_distance(wide_x[:, :3], wide_y[:, :3]), rel=1e-9
        )

    def test_two_samples_of_one_distribution_are_far_apart_when_small(self) -> None:
        """The bias at a flat spectrum as a share of the variance; independent of d at equal n / d."""
        d = 128
        dice = np.random.default_rng(0)
        reference = dice.standard_normal((round(5000 * d / 2048), d))
        for n, share in ((1000, 0.73), (2000, 0.39), (5000, 0.21)):
            drawn = dice.standard_normal((round(n * d / 2048), d))
            assert frechet_distance(drawn, reference) / d == pytest.approx(share, rel=0.06)

    def test_the_error_is_that_of_drawing_again(self) -> None:
        dice = np.random.default_rng(2)
        reference = dice.standard_normal((300, 4))
        found = [frechet_jackknife(1.3 * dice.standard_normal((60, 4)), reference) for _ in range(80)]
        spread = np.std([one.value for one in found])
        assert 0.75 * spread < np.mean([one.error for one in found]) < 1.5 * spread
        endless = frechet_distance(1.3 * dice.standard_normal((40_000, 4)), reference)
        bias = np.mean([one.value for one in found]) - endless
        assert bias > 0.05
        assert np.mean([one.bias for one in found]) == pytest.approx(bias, rel=0.35)


class TestKernelDistance:
    def test_by_hand(self) -> None:
        # d = 1, kernel (xy + 1)^3: within x 0 and 1: 1; within y 1 and 2: 27; between 1, 1, 8, 27
        x, y = np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]])
        assert squared_mmd(x, y) == pytest.approx(1 + 27 - 2 * (1 + 1 + 8 + 27) / 4)

    def test_equal_distributions_are_about_0_apart_and_often_below(self) -> None:
        dice = np.random.default_rng(3)
        found = np.array([squared_mmd(*dice.standard_normal((2, 40, 6))) for _ in range(200)])
        assert abs(found.mean()) < 3 * found.std() / np.sqrt(200)
        assert 0.2 < (found < 0).mean() < 0.8

    def test_subsets(self) -> None:
        found = subset_mmds(X, Y, 20, 30)
        assert found.shape == (30,) and found.std() > 0
        assert found.mean() == pytest.approx(squared_mmd(X, Y), rel=0.2)
        assert (found == subset_mmds(X, Y, 20, 30)).all()
        assert (subset_mmds(X[:60], Y, 60, 5) == squared_mmd(X[:60], Y)).all()

    def test_the_error_by_leaving_out_one_at_a_time(self) -> None:
        x, y = X[:7], Y[:5]
        left = [
            [squared_mmd(np.delete(x, i, 0), y) for i in range(7)],
            [squared_mmd(x, np.delete(y, i, 0)) for i in range(5)],
        ]
        variance = sum((len(values) - 1) * np.var(values) for values in left)
        assert mmd_error(x, y) == pytest.approx(np.sqrt(variance), rel=1e-9)

    def test_the_error_is_that_of_drawing_again(self) -> None:
        dice = np.random.default_rng(4)
        pairs = [
            (1.2 * dice.standard_normal((50, 6)) + 0.2, dice.standard_normal((60, 6))) for _ in range(80)
        ]
        spread = np.std([squared_mmd(*pair) for pair in pairs])
        assert 0.75 * spread < np.mean([mmd_error(*pair) for pair in pairs]) < 1.5 * spread

    def test_many_pictures_go_through_in_pieces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = mmd_error(X, Y)
        monkeypatch.setattr("tasvir.lab.distances.kernels.ROWS", 7)
        assert mmd_error(X, Y) == pytest.approx(whole, rel=1e-12)


class TestInceptionScore:
    def test_pictures_alike_score_1(self) -> None:
        assert inception_scores(np.tile([0.7, 0.2, 0.1], (30, 1)), 3) == pytest.approx([1, 1, 1])

    def test_a_split_scores_at_most_its_pictures_and_reaches_that(self) -> None:
        assert inception_scores(np.eye(12), 4) == pytest.approx([3, 3, 3, 3])
        drawn = np.random.default_rng(5).dirichlet(np.full(50, 0.05), 40)
        assert (inception_scores(drawn, 10) <= 4 + 1e-9).all()

    def test_by_hand(self) -> None:
        # two pictures (1, 0) and (1/2, 1/2): mean (3/4, 1/4); KL log(4/3), and 1/2 log(2/3) + 1/2 log 2
        found = inception_scores(np.array([[1.0, 0.0], [0.5, 0.5]]), 1)
        assert found == pytest.approx(np.sqrt(4 / 3 * np.sqrt(2 / 3 * 2)))

    def test_the_order_hangs_on_the_seed_alone(self) -> None:
        drawn = np.random.default_rng(6).dirichlet(np.ones(5), 20)
        assert (inception_scores(drawn, 4) == inception_scores(drawn, 4)).all()
        assert (inception_scores(drawn, 4) != inception_scores(drawn, 4, seed=1)).any()
