"""Each relation against boxes whose distances are worked out by hand, on both sides of its margin."""

import pytest

from tasvir.errors import UnknownNameError
from tasvir.world.relations import RELATIONS, hand_point, holds
from tasvir.world.scene import BoxTuple, Placed


def thing(kind: str, box: BoxTuple, pose: str | None = None, facing: str | None = None) -> Placed:
    return Placed(kind, box, "red", "plain", pose, facing)


def judge(name: str, a: Placed, b: Placed, a_nearer: bool = True) -> bool:
    return holds(name, a, b, a_depth=int(a_nearer), b_depth=int(not a_nearer))


BALL = (0.4, 0.4, 0.6, 0.6)


@pytest.mark.parametrize(
    ("name", "opposite", "near", "far"),
    [
        # centres 0.10 apart need 0.10; widths 0.2, so a shift of 0.14 shares 0.06 = 30 %, of 0.13 shares 35 %
        ("left of", "right of", (0.27, 0.4, 0.47, 0.6), (0.259, 0.4, 0.459, 0.6)),
        ("above", "below", (0.4, 0.27, 0.6, 0.47), (0.4, 0.259, 0.6, 0.459)),
    ],
)
def test_apart_from_thirty_percent_on(name: str, opposite: str, near: BoxTuple, far: BoxTuple) -> None:
    b = thing("ball", BALL)
    assert not judge(name, thing("ball", near), b)
    assert judge(name, thing("ball", far), b)
    assert judge(opposite, b, thing("ball", far))
    assert not judge(opposite, thing("ball", far), b)


def test_left_of_needs_centres_a_tenth_apart() -> None:
    b = thing("key", (0.50, 0.4, 0.55, 0.6))
    assert not judge("left of", thing("key", (0.43, 0.4, 0.48, 0.6)), b)  # centres 0.07 apart
    assert judge("left of", thing("key", (0.39, 0.4, 0.44, 0.6)), b)  # 0.11


def test_next_to_gap_and_level() -> None:
    b = thing("ball", BALL)
    assert judge("next to", thing("ball", (0.06, 0.4, 0.26, 0.6)), b)  # gap 0.14
    assert not judge("next to", thing("ball", (0.04, 0.4, 0.24, 0.6)), b)  # gap 0.16
    assert judge("next to", thing("ball", (0.65, 0.49, 0.85, 0.69)), b)  # shared height 0.11 of 0.2
    assert not judge("next to", thing("ball", (0.65, 0.51, 0.85, 0.71)), b)  # 0.09 of 0.2
    assert not judge("next to", thing("ball", (0.55, 0.4, 0.75, 0.6)), b)  # shared width 25 %


def test_in_front_of_is_the_mirror_of_behind() -> None:
    tree, dog = thing("tree", (0.3, 0.2, 0.7, 0.7)), thing("dog", (0.5, 0.5, 0.8, 0.75))
    assert judge("in front of", dog, tree)
    assert judge("behind", tree, dog, a_nearer=False)
    assert not judge("in front of", dog, tree, a_nearer=False)
    higher = thing("dog", (0.5, 0.5, 0.8, 0.72))  # base only 0.02 lower
    assert not judge("in front of", higher, tree)
    aside = thing("dog", (0.63, 0.5, 0.93, 0.75))  # shares 0.07 of 0.30
    assert not judge("in front of", aside, tree)


def test_inside_counts_areas_and_openings() -> None:
    basket = (0.3, 0.3, 0.7, 0.7)  # area 0.16
    cup = thing("cup", (0.4, 0.22, 0.6, 0.48))  # 0.18 of its height 0.26 in the basket: 69 %
    assert not judge("inside", cup, thing("basket", basket))
    cup = thing("cup", (0.4, 0.23, 0.6, 0.48))  # 0.18 of 0.25: 72 %
    assert judge("inside", cup, thing("basket", basket))
    assert not judge("inside", cup, thing("basket", basket), a_nearer=False)
    assert not judge("inside", cup, thing("table", basket))
    assert not judge(
        "inside", thing("cup", (0.33, 0.33, 0.66, 0.66)), thing("basket", basket)
    )  # 68 % of its area


def test_on_uses_the_base_or_the_hip() -> None:
    table = thing("table", (0.2, 0.5, 0.8, 0.9))  # top at 0.5 + 0.06 * 0.4 = 0.524
    assert judge("on", thing("cup", (0.4, 0.36, 0.6, 0.56)), table)  # 0.036 off
    assert not judge("on", thing("cup", (0.4, 0.38, 0.6, 0.58)), table)  # 0.056 off
    assert not judge("on", thing("cup", (0.0, 0.32, 0.2, 0.52)), table)  # beside it
    bench = thing("bench", (0.2, 0.5, 0.8, 0.9))  # top at 0.5 + 0.52 * 0.4 = 0.708
    woman = (0.4, 0.35, 0.6, 0.95)  # hip at 0.35 + 0.62 * 0.6 = 0.722, base at 0.95
    assert judge("on", thing("woman", woman, "sitting"), bench)
    assert not judge("on", thing("woman", woman, "standing"), bench)
    assert not judge("on", thing("cup", (0.4, 0.3, 0.6, 0.5)), thing("dog", (0.2, 0.5, 0.8, 0.9)))


def test_under_needs_room() -> None:
    table = thing("table", (0.2, 0.4, 0.8, 0.9))  # room from 0.4 + 0.2 * 0.5 = 0.5
    assert judge("under", thing("cat", (0.4, 0.46, 0.6, 0.9)), table)
    assert not judge("under", thing("cat", (0.4, 0.44, 0.6, 0.9)), table)  # 0.06 above the room
    assert not judge("under", thing("cat", (0.4, 0.6, 0.6, 0.97)), table)  # base 0.07 below the table's
    assert not judge("under", thing("cat", (0.4, 0.6, 0.6, 0.9)), thing("chair", (0.2, 0.4, 0.8, 0.9)))


def test_holding_mirrors_the_hand() -> None:
    box = (0.2, 0.2, 0.6, 1.0)  # the hand: x = 0.2 + 0.93 * 0.4 = 0.572, y = 0.2 + 0.42 * 0.8 = 0.536
    right, left = thing("man", box, "reaching", "right"), thing("man", box, "reaching", "left")
    assert hand_point(right) == pytest.approx((0.572, 0.536))
    assert hand_point(left) == pytest.approx((0.228, 0.536))
    balloon = thing("balloon", (0.5, 0.2, 0.64, 0.54))
    assert judge("holding", right, balloon, a_nearer=False)
    assert not judge("holding", left, balloon, a_nearer=False)
    assert not judge("holding", right, balloon, a_nearer=True)
    assert not judge("holding", thing("man", box, "standing", "right"), balloon, a_nearer=False)
    assert not judge("holding", right, thing("dog", (0.5, 0.2, 0.64, 0.54)), a_nearer=False)
    heavy = thing("umbrella", (0.4, 0.3, 0.9, 0.8))  # area 0.25 > 0.7 * 0.32
    assert not judge("holding", right, heavy, a_nearer=False)


def test_riding_compares_hip_and_seat() -> None:
    horse = thing("horse", (0.2, 0.5, 0.7, 0.9))  # seat at 0.5 + 0.45 * 0.4 = 0.68
    rider = (0.35, 0.38, 0.55, 0.78)  # hip at 0.38 + 0.62 * 0.4 = 0.628: 0.052 above the seat
    assert judge("riding", thing("girl", rider, "sitting"), horse)
    assert not judge("riding", thing("girl", rider, "standing"), horse)
    assert not judge("riding", thing("girl", (0.35, 0.34, 0.55, 0.74), "sitting"), horse)  # 0.092 above it
    assert not judge(
        "riding", thing("girl", (0.56, 0.38, 0.76, 0.78), "sitting"), horse
    )  # over the tail: 0.21 > 0.175


@pytest.mark.parametrize(("name", "pose"), [("walking towards", "walking"), ("running towards", "running")])
def test_moving_towards_is_facing_in_a_pose(name: str, pose: str) -> None:
    dog = thing("dog", (0.6, 0.5, 0.9, 0.7))
    boy = thing("boy", (0.1, 0.4, 0.3, 0.8), pose, "right")
    assert judge("facing", boy, dog)
    assert judge(name, boy, dog)
    assert not judge(name, thing("boy", boy.box, "standing", "right"), dog)
    assert not judge(name, thing("boy", boy.box, pose, "left"), dog)
    assert not judge("facing", thing("boy", (0.58, 0.1, 0.78, 0.4), pose, "right"), dog)  # 0.07 away


def test_all_relations_are_there_and_strangers_are_refused() -> None:
    assert len(RELATIONS) == 15
    with pytest.raises(UnknownNameError, match="beyond"):
        judge("beyond", thing("dog", BALL), thing("cat", BALL))
