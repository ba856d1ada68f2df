"""Ports of the local platform: kept while they can be had, chosen anew when they cannot."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.ports import LOOPBACK, RANGE, choose, is_free, remembered


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ports.json"


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_chosen_port_is_free_and_out_of_the_way_of_clients(file: Path) -> None:
    ports = choose(file, {"kafka": None})
    assert is_free(ports["kafka"])
    assert ports["kafka"] in RANGE


def test_each_name_gets_a_port_of_its_own(file: Path) -> None:
    names = [f"part-{number}" for number in range(50)]
    assert len(set(choose(file, dict.fromkeys(names)).values())) == 50


def test_a_restart_keeps_the_addresses(file: Path) -> None:
    first = choose(file, {"kafka": None, "redis": None})
    assert choose(file, {"kafka": None, "redis": None}) == first == remembered(file)


def test_a_port_that_another_program_took_meanwhile_is_given_up(file: Path, taken: int) -> None:
    file.write_text(f'{{"kafka": {taken}}}')
    assert choose(file, {"kafka": None})["kafka"] != taken


def test_a_port_that_the_part_itself_listens_on_is_kept(file: Path, taken: int) -> None:
    file.write_text(f'{{"kafka": {taken}}}')
    assert choose(file, {"kafka": None}, in_use=lambda name: name == "kafka")["kafka"] == taken


def test_a_preferred_port_is_taken_when_it_is_free(file: Path) -> None:
    free = choose(file.with_name("other.json"), {"any": None})["any"]
    assert choose(file, {"api": free})["api"] == free


def test_a_preferred_port_that_is_not_free_is_replaced(file: Path, taken: int) -> None:
    assert choose(file, {"api": taken})["api"] != taken


def test_names_that_are_not_asked_for_are_not_forgotten(file: Path) -> None:
    kafka = choose(file, {"kafka": None})["kafka"]
    choose(file, {"redis": None})
    assert remembered(file)["kafka"] == kafka


def test_nothing_is_remembered_before_the_first_choice(file: Path) -> None:
    assert remembered(file) == {}
