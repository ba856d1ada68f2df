"""Ids are numbers of a tenant that are never given out twice."""

from device_registry.domain.model import Tenant
from device_registry.ports import Registry
from tests.support.builders import ACME, a_template, registered

OTHER = Tenant("other")


def test_ids_begin_at_one_and_go_on(registry: Registry) -> None:
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        assert [transaction.next_template_id(ACME) for _ in range(3)] == [1, 2, 3]
        assert transaction.next_attribute_ids(ACME, 3) == [1, 2, 3]
        assert transaction.next_attribute_ids(ACME, 0) == []
        assert transaction.next_attribute_ids(ACME, 2) == [4, 5]


def test_ids_of_tenants_are_apart(registry: Registry) -> None:
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.bind_tenant(OTHER, "other")
        assert transaction.next_template_id(ACME) == transaction.next_template_id(OTHER) == 1


def test_an_id_is_not_given_again_after_its_template_is_gone(registry: Registry) -> None:
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        template = registered(a_template(), transaction.next_template_id(ACME))
        transaction.save_template(template)
        transaction.remove_template(ACME, template.id)
        assert transaction.next_template_id(ACME) == 2


def test_removing_the_absent_is_no_error(registry: Registry) -> None:
    with registry.transaction() as transaction:
        transaction.remove_template(ACME, 5)
        transaction.remove_devices([])


def test_ids_go_on_above_what_was_pinned(registry: Registry) -> None:
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.pinned(ACME, 40, [7, 12])
        assert transaction.next_template_id(ACME) == 41
        assert transaction.next_attribute_ids(ACME, 1) == [13]


def test_a_pin_near_the_end_of_all_ids_leaves_the_tenant_further_ones(registry: Registry) -> None:
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.pinned(ACME, 7, [12])
        transaction.pinned(ACME, 2**31 - 1, [9, 2**31 - 2])
        assert transaction.next_template_id(ACME) == 8
        assert transaction.next_attribute_ids(ACME, 1) == [13]


def test_a_small_pin_takes_nothing_back(registry: Registry) -> None:
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.next_attribute_ids(ACME, 20)
        transaction.pinned(ACME, None, [3])
        transaction.pinned(ACME, None, [])
        assert transaction.next_attribute_ids(ACME, 1) == [21]
        assert transaction.next_template_id(ACME) == 1


def test_the_owner_of_an_attribute_id_is_known(registry: Registry) -> None:
    with registry.transaction() as transaction:
        transaction.bind_tenant(ACME, "acme")
        transaction.bind_tenant(OTHER, "other")
        transaction.save_template(registered(a_template(), 9, first=4))
        assert transaction.attribute_owners(ACME, [3, 4, 5, 6]) == {4: 9, 5: 9}
        assert transaction.attribute_owners(OTHER, [4]) == {}
        assert transaction.attribute_owners(ACME, []) == {}
