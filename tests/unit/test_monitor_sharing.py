"""Who reads which partition: everybody's answer together covers all, once."""

from hypothesis import given, settings
from hypothesis import strategies as st

from device_monitor.sharing import share

PARTITIONS = [(f"t{topic}", number) for topic in range(20) for number in range(5)]
MONITORS = st.sets(st.text(min_size=1, max_size=8), min_size=1, max_size=6)


@settings(deadline=None)
@given(monitors=MONITORS)
def test_every_partition_has_one_reader(monitors: set[str]) -> None:
    shares = [one for monitor in monitors for one in share(PARTITIONS, monitors, monitor)]
    assert sorted(shares) == sorted(PARTITIONS)


@settings(deadline=None)
@given(monitors=MONITORS)
def test_who_leaves_moves_only_its_own_share(monitors: set[str]) -> None:
    gone, *others = sorted(monitors)
    for monitor in others:
        before = set(share(PARTITIONS, monitors, monitor))
        after = set(share(PARTITIONS, others, monitor))
        assert before <= after
        assert after - before <= set(share(PARTITIONS, monitors, gone))


def test_several_monitors_all_have_work() -> None:
    monitors = {"a", "b", "c"}
    assert min(len(share(PARTITIONS, monitors, one)) for one in monitors) > len(PARTITIONS) / 6


def test_who_is_not_among_them_reads_nothing() -> None:
    assert share(PARTITIONS, {"a"}, "b") == share(PARTITIONS, set(), "b") == []
