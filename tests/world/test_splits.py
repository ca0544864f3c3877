"""The held-out table: enough of it, and nothing that starves a kind of training."""

from collections import Counter

from tasvir.world.catalogue import catalogue, palette
from tasvir.world.scene import SURFACES, Placed
from tasvir.world.splits import found_in, heldout


def test_table_is_well_formed() -> None:
    table = heldout()
    assert len({frozenset(pair) for pair in table.pairs}) == len(table.pairs) == 60
    assert len(set(table.attributes)) == len(table.attributes) == 40
    assert all(a in catalogue() and b in catalogue() and a != b for a, b in table.pairs)
    for attribute, kind in table.attributes:
        assert attribute in palette() or (attribute in SURFACES[1:] and catalogue()[kind].surfaces)
        assert attribute != catalogue()[kind].color


def test_every_kind_keeps_partners_and_looks() -> None:
    table = heldout()
    met = Counter(kind for pair in table.pairs for kind in pair)
    assert set(met) == set(catalogue())
    assert max(met.values()) <= 6
    assert max(Counter(kind for _, kind in table.attributes).values()) <= 2


def test_found_in_reads_pairs_both_ways_and_attributes() -> None:
    a, b = heldout().pairs[0]
    box = (0.1, 0.1, 0.3, 0.3)
    colors = catalogue()[a].color, catalogue()[b].color
    assert found_in((Placed(a, box, colors[0]), Placed(b, box, colors[1]))) == ((a, b),)
    assert found_in((Placed(b, box, colors[1]), Placed(a, box, colors[0]))) == ((b, a),)
    assert found_in((Placed("truck", box, "red", "striped"),)) == (("striped", "truck"),)
    assert found_in((Placed("truck", box, "red", "dotted"),)) == ()
