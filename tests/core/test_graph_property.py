"""Any chain gives the same bits in order, in random order, in chunks and on any number of threads."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as st

from filmgrain_codec.core.executor import process
from filmgrain_codec.core.graph import Graph
from tests.core.material import Far, Mean, Median, Noise, Ramp, Same, ToGray, bits, clip, make_frame, oracle

radii = st.integers(0, 3)
node = st.one_of(*(st.builds(kind, radii) for kind in (Mean, Ramp, Noise, Median, Same, ToGray, Far)))
chains = st.lists(node, max_size=4)
lengths = st.integers(1, 40)
cuts = st.lists(st.integers(1, 45), max_size=6, unique=True)


@settings(max_examples=60, deadline=None)
@given(chains, lengths, cuts, st.randoms(use_true_random=False), st.integers(1, 4))
def test_every_way_to_run_a_chain_gives_the_same_bits(nodes, length, cuts, random, workers):
    expected = [bits(f) for f in oracle(nodes, list(clip(length)), cuts)]
    graph = Graph(nodes, cuts=cuts, debug=True)

    assert [bits(f) for f in graph.stream(clip(length))] == expected
    assert [bits(f) for f in process(clip(length), graph, workers=workers, depth=workers)] == expected

    numbers = list(range(length)) * 2
    random.shuffle(numbers)
    pull = graph.pull(make_frame, length)
    assert [bits(pull(n)) for n in numbers] == [expected[n] for n in numbers]

    for count in (3, 7):
        edges = sorted({length * k // count for k in range(count + 1)})
        pairs = list(itertools.pairwise(edges))
        random.shuffle(pairs)
        for start, stop in pairs:
            chunk = graph.chunk(lambda first, end: clip(end, first), start, stop, length)
            assert [bits(f) for f in chunk] == expected[start:stop]


@settings(max_examples=15, deadline=None)
@given(chains, lengths, cuts, st.randoms(use_true_random=False))
def test_random_access_from_many_threads_gives_the_same_bits(nodes, length, cuts, random):
    expected = [bits(f) for f in oracle(nodes, list(clip(length)), cuts)]
    pull = Graph(nodes, cuts=cuts, debug=True).pull(make_frame, length)
    numbers = list(range(length)) * 3
    random.shuffle(numbers)
    with ThreadPoolExecutor(4) as pool:
        assert [bits(f) for f in pool.map(pull, numbers)] == [expected[n] for n in numbers]


@settings(max_examples=25, deadline=None)
@given(chains, lengths, cuts, st.data())
def test_a_chunk_through_the_executor_reads_its_halo_only(nodes, length, cuts, data):
    start = data.draw(st.integers(0, length - 1))
    stop = data.draw(st.integers(start + 1, length))
    graph = Graph(nodes, cuts=cuts, debug=True)
    first, end = graph.span(start, stop, length)
    assert first >= start - graph.halo
    assert end <= stop + graph.halo
    made = process(clip(end, first), graph, workers=2, start=start, stop=stop)
    expected = oracle(nodes, list(clip(length)), cuts)[start:stop]
    assert [bits(f) for f in made] == [bits(f) for f in expected]
