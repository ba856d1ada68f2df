"""What the query of a list means, and where a page says that it is."""

from typing import Any

import pytest
from starlette.datastructures import QueryParams

from device_api import parameters
from device_api.problems import Problem
from device_api.views import pagination
from device_registry.registry.filters import Filters, Order, Page


def refusal_of(read: Any, query: str) -> Any:
    with pytest.raises(Problem) as problem:
        read(QueryParams(query))
    assert problem.value.status == 400
    return problem.value.body["message"]


@pytest.mark.parametrize(
    ("page", "matching", "total", "following"),
    [
        (Page(), 0, 0, None),
        (Page(), 20, 1, None),
        (Page(), 21, 2, 2),
        (Page(size=2, number=2), 5, 3, 3),
        (Page(size=2, number=3), 5, 3, None),
        (Page(size=2, number=4), 5, 3, None),
        (Page(size=1, number=1), 2, 2, 2),
    ],
)
def test_pages_are_counted_and_the_next_one_is_named(
    page: Page, matching: int, total: int, following: int | None
) -> None:
    assert pagination(page, matching) == {
        "has_next": following is not None,
        "next_page": following,
        "page": page.number,
        "total": total,
    }


def test_rows_before_a_page_are_those_of_the_pages_before() -> None:
    assert [Page(size=7, number=number).offset for number in (1, 2, 3)] == [0, 7, 14]


def test_a_list_that_is_asked_nothing_is_the_first_twenty_by_id() -> None:
    assert parameters.page(QueryParams("foo=bar")) == Page(
        size=20, number=1, order=Order.ID, descending=False
    )
    assert parameters.filters(QueryParams("foo=bar")) == Filters()


@pytest.mark.parametrize(
    ("asked", "order", "descending"),
    [
        ("label", Order.LABEL, False),
        ("asc:label", Order.LABEL, False),
        ("desc:label", Order.LABEL, True),
        ("created", Order.CREATED, False),
        ("desc:updated", Order.UPDATED, True),
        ("desc:id", Order.ID, True),
        ("desc:", Order.ID, False),
        ("Label", Order.ID, False),
        ("status", Order.ID, False),
        ("label:desc", Order.ID, False),
    ],
)
def test_a_list_is_sorted_as_is_asked_and_by_id_when_nobody_understands(
    asked: str, order: Order, descending: bool
) -> None:
    page = parameters.page(QueryParams(f"sortBy={asked}"))
    assert (page.order, page.descending) == (order, descending)


@pytest.mark.parametrize("size", ["0", "-1"])
def test_a_page_has_an_entry_at_least(size: str) -> None:
    assert refusal_of(parameters.page, f"page_size={size}") == "At least one entry per page is mandatory"


@pytest.mark.parametrize("number", ["0", "-3"])
def test_pages_begin_at_one(number: str) -> None:
    assert refusal_of(parameters.page, f"page_num={number}") == "Page numbers must be greater than 1"


@pytest.mark.parametrize("text", ["ten", "", "1.5", "1e3", "1_0", "٣", "100000000000000000000", "9999999999"])
def test_pages_are_numbers(text: str) -> None:
    for name in ("page_size", "page_num"):
        assert refusal_of(parameters.page, f"{name}={text}") == "page_size and page_num must be integers"


def test_filters_are_read_with_all_their_repetitions() -> None:
    query = QueryParams("label=b&label=c&attr=k=a=b&attr=x=y&attr_type=float&attr_type=geo&template=7")
    assert parameters.filters(query) == Filters(
        label="b", attributes=(("k", "a=b"), ("x", "y")), value_types=("float", "geo"), template=7
    )


@pytest.mark.parametrize("query", ["attr=color", "attr=color=", "attr==red", "attr=", "attr=a=b&attr=c"])
def test_an_attribute_is_asked_for_by_label_and_value(query: str) -> None:
    assert refusal_of(parameters.filters, query) == "attr must be given as label=value"


@pytest.mark.parametrize(
    "query", ["label=a%00b", "attr=a=b%00", "attr_type=%00", "template=abc", "template=1.5"]
)
def test_what_cannot_be_searched_for_is_refused(query: str) -> None:
    refusal_of(parameters.filters, query)


@pytest.mark.parametrize("number", ["0", "-1", "99999999999", "100000000000000000000"])
def test_a_template_that_cannot_exist_is_on_no_device(number: str) -> None:
    assert parameters.template_number(number) == 0


@pytest.mark.parametrize(
    ("query", "asked"),
    [("idsOnly", True), ("idsOnly=TRUE", True), ("idsOnly=1", True), ("idsOnly=yes", False), ("", False)],
)
def test_bare_ids_are_asked_for_in_three_ways(query: str, asked: bool) -> None:
    assert parameters.only_ids(QueryParams(query)) is asked


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("", (1, False)),
        ("count=%2B2", (2, False)),
        ("verbose=True", (1, True)),
        ("verbose=TRUE", (1, False)),
        ("verbose=1&count=1", (1, True)),
    ],
)
def test_how_many_and_how_much(query: str, meant: tuple[int, bool]) -> None:
    assert parameters.count_and_verbose(QueryParams(query)) == meant


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("count=abc", "If provided, count must be integer"),
        ("count=1.5", "If provided, count must be integer"),
        ("count=", "If provided, count must be integer"),
        ("count=x&verbose=true", "If provided, count must be integer"),
        ("count=2&verbose=true", "Verbose can only be used for single device creation"),
        ("count=0", "count must be between 1 and 10000"),
        ("count=-1", "count must be between 1 and 10000"),
        ("count=1000000", "count must be between 1 and 10000"),
    ],
)
def test_numbers_of_devices_that_are_refused(query: str, message: str) -> None:
    assert refusal_of(parameters.count_and_verbose, query) == message
