"""Tenants are apart: whatever a request says, nothing of another tenant is seen or moved."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.facades import a_client, a_facade_program, a_token, answer
from tests.support.road import Road
from tests.support.roundrobin import RoundRobin

SQL = [
    "'; DROP TABLE device; --",
    "' OR '1'='1",
    '"; DELETE FROM device; --',
    "x' UNION SELECT document FROM device --",
    "%' OR tenant LIKE '%",
    "$$; SELECT set_config('device_manager.tenants', '{other}', false); $$",
    "\\'; SET ROLE postgres; --",
    "%(tenant)s",
    "{tenant}",
    "%s%s%n",
]
ODD_TENANTS = [
    "",
    " ",
    "a b",
    "a'b",
    'a"b',
    "a;drop schema b",
    "../other",
    "a/b",
    "a,b",
    "{a}",
    "a\u0000",
    "a\n",
    "é",
    "\uff41",
    "-a",
    ".a",
    "_a",
    "a" * 129,
    *SQL,
    None,
    5,
    True,
    ["acme"],
    {"$ne": ""},
]
TABLES = ("tenant", "device", "template", "template_attribute", "device_template", "event_stream", "outbox")


@pytest.fixture(scope="module")
def facade(road: Road) -> Iterator[str]:
    """Two facades behind one port: whatever holds for one must hold for both."""
    with (
        a_facade_program(road, TENANT_NAMESPACE_PREFIX="t-") as one,
        a_facade_program(road, TENANT_NAMESPACE_PREFIX="t-") as other,
        RoundRobin([one.port, other.port]) as both,
    ):
        yield both.url


def client(facade: str, tenant: str, **claims: Any) -> httpx.Client:
    """A client that takes another facade for each request."""
    made = a_client(facade, tenant, **claims)
    made.headers["Connection"] = "close"
    return made


@pytest.fixture
def name() -> str:
    return f"n{uuid4().hex[:8]}"


def rows_of(road: Road, tenant: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """All that the registry holds of a tenant, once Kafka has it too."""
    road.wait_until_sent()
    return {
        table: road.rows(
            f"SELECT * FROM {table} WHERE {'name' if table == 'tenant' else 'tenant'} = :tenant"
            " ORDER BY 1, 2",
            tenant=tenant,
        )
        for table in TABLES
    }


def furnish(rest: httpx.Client, label: str) -> None:
    """The same ids in every tenant: template 1, device a1."""
    attrs = [{"label": "serial", "type": "static", "value_type": "string", "static_value": label}]
    template = answer(rest.post("/template", json={"label": label, "attrs": attrs}))["template"]
    assert template["id"] == 1
    answer(rest.post("/device", json={"id": "a1", "label": label, "templates": [1]}))


def seen(rest: httpx.Client) -> str:
    """Everything that a client can list."""
    paths = (
        "/device",
        "/template",
        "/device?idsOnly=true",
        "/device/a1",
        "/template/1",
        "/device/template/1",
    )
    return " ".join(rest.get(path).text for path in paths)


@pytest.mark.parametrize("form", ["{}", "{}-x", "{}.x", "{}_x"])
def test_names_that_are_nearly_the_same_are_different_tenants(
    road: Road, facade: str, name: str, form: str
) -> None:
    others = [form.format(name), form.format(name).upper(), form.format(name) + "2"]
    for tenant in others:
        with client(facade, tenant) as rest:
            furnish(rest, f"of {tenant}.")
    for tenant in others:
        with client(facade, tenant) as rest:
            listed = seen(rest)
        assert f"of {tenant}." in listed
        assert not any(f"of {other}." in listed for other in others if other != tenant)


def test_long_names_with_the_same_beginning_are_different_tenants(road: Road, facade: str, name: str) -> None:
    """Postgres and Kubernetes cut or refuse names beyond 63 characters."""
    long = (name * 10)[:63]
    tenants = [long, long + "a", long + "b", (name * 20)[:128]]
    for number, tenant in enumerate(tenants):
        with client(facade, tenant) as rest:
            furnish(rest, f"number {number}")
    for number, tenant in enumerate(tenants):
        with client(facade, tenant) as rest:
            assert [one["label"] for one in answer(rest.get("/device"))["devices"]] == [f"number {number}"]
            answer(rest.delete("/device/a1"))
            answer(rest.get("/device/a1"), 404)
    kinds = ("get", "namespaces", "-o", "jsonpath={.items[*].metadata.annotations['dojot\\.io/tenant']}")
    bound = road.kubectl.run(*kinds).split()
    assert [bound.count(tenant) for tenant in tenants] == [1] * 4


def test_names_of_schemas_and_roles_are_plain_names(facade: str) -> None:
    for tenant in (
        "public",
        "pg_catalog",
        "information_schema",
        "postgres",
        "device_manager_api",
        "kube-system",
    ):
        with client(facade, tenant) as rest:
            assert answer(rest.get("/device"))["devices"] == []
            assert rest.get("/device/a1").status_code == 404


@pytest.mark.parametrize("tenant", ODD_TENANTS, ids=repr)
def test_what_is_no_name_is_401_and_makes_nothing(road: Road, facade: str, tenant: Any) -> None:
    before = (
        road.rows("SELECT count(*) AS n FROM tenant"),
        road.kubectl.run("get", "namespaces", "-o", "name"),
    )
    with httpx.Client(base_url=facade, headers={"Authorization": f"Bearer {a_token(tenant)}"}) as rest:
        for method, path in (
            ("GET", "/device"),
            ("POST", "/device"),
            ("DELETE", "/device"),
            ("GET", "/nowhere"),
        ):
            assert rest.request(method, path, json={"label": "d"}).status_code == 401
    after = (
        road.rows("SELECT count(*) AS n FROM tenant"),
        road.kubectl.run("get", "namespaces", "-o", "name"),
    )
    assert after == before


def test_sql_in_every_text_is_text(road: Road, facade: str, name: str) -> None:
    other = f"{name}-other"
    with client(facade, other) as rest:
        furnish(rest, "untouched")
    before = rows_of(road, other)
    with client(facade, name, username=SQL[0], sub=SQL[1]) as rest:
        for number, text in enumerate(SQL, start=1):
            _store_and_find(rest, number, text)
        for text in SQL:
            _ask_for(rest, text)
    assert rows_of(road, other) == before
    assert road.rows("SELECT count(*) AS n FROM device WHERE tenant = :tenant", tenant=name)[0]["n"] == len(
        SQL
    )


def _store_and_find(rest: httpx.Client, number: int, text: str) -> None:
    """Write the text wherever a text can stand, and find it again unchanged."""
    entry = {"label": "meta", "type": text[:32], "value_type": text[:32], "static_value": text}
    attrs = [
        {"label": "a", "type": "static", "value_type": text[:32], "static_value": text, "metadata": [entry]}
    ]
    template = answer(rest.post("/template", json={"label": text, "attrs": attrs}))["template"]
    serial = template["attrs"][0]
    override = {**serial, "static_value": text + "!", "metadata": []}
    body = {"id": f"{number:02x}", "label": text, "templates": [template["id"]], "attrs": [override]}
    answer(rest.post("/device", json=body))
    stored = answer(rest.get(f"/device/{number:02x}"))
    assert stored["label"] == text
    assert stored["attrs"][str(template["id"])][0]["static_value"] == text + "!"
    listed = answer(rest.get("/device", params={"label": text, "sortBy": text, "template": template["id"]}))
    assert [one["id"] for one in listed["devices"]] == [f"{number:02x}"]
    found = answer(rest.get("/device", params={"attr": f"a={text}!", "attr_type": text[:32]}))
    assert [one["id"] for one in found["devices"]] == [f"{number:02x}"]


def _ask_for(rest: httpx.Client, text: str) -> None:
    """Put the text wherever something is asked for."""
    for key in ("page_size", "page_num", "count", "template"):
        assert rest.get("/device", params={key: text}).status_code in {200, 400}
    for method, path in (
        ("GET", "/device/{}"),
        ("DELETE", "/device/{}"),
        ("GET", "/template/{}"),
        ("DELETE", "/template/{}"),
        ("POST", "/device/{}/template/{}"),
        ("PUT", "/device/{}/actuate"),
    ):
        url = path.replace("{}", httpx.URL(path="/" + text).raw_path.decode()[1:].replace("/", "%2F"))
        assert rest.request(method, url, json={"attrs": {}}).status_code in {400, 404}, url
    answered = rest.get("/device", headers={"X-Request-Id": text.encode("ascii", "replace").decode()})
    assert answered.status_code == 200
    assert rest.post("/device", json={"label": "x", "templates": [text]}).status_code in {400, 404}
    assert rest.post("/device", json={"label": "x", "id": text}).status_code == 400


def test_ids_of_another_tenant_are_not_there(road: Road, facade: str, name: str) -> None:
    other = f"{name}-other"
    with client(facade, other) as theirs, client(facade, name) as rest:
        furnish(theirs, "theirs")
        answer(theirs.post("/device", json={"id": "b2", "label": "theirs only"}))
        furnish(rest, "ours")
        before = rows_of(road, other)
        body = {"label": "x", "templates": []}
        calls: list[Callable[[], httpx.Response]] = [
            lambda: rest.get("/device/b2"),
            lambda: rest.put("/device/b2", json=body),
            lambda: rest.delete("/device/b2"),
            lambda: rest.post("/device/b2/template/1"),
            lambda: rest.put("/device/b2/actuate", json={"attrs": {"x": 1}}),
            lambda: rest.get("/template/2"),
            lambda: rest.post("/device", json={"label": "x", "templates": [2]}),
        ]
        for call in calls:
            assert call().status_code == 404
        answer(rest.put("/device/a1", json=body))
        answer(rest.delete("/device"))
        answer(rest.delete("/template"))
        assert rows_of(road, other) == before
        assert len(answer(theirs.get("/device"))["devices"]) == 2
    assert {one.value["meta"]["service"] for one in road.events(name)} == {name}


def test_a_namespace_of_one_tenant_names_nothing_of_another(road: Road, facade: str, name: str) -> None:
    """A device of kubectl can refer to templates of its own namespace only."""
    other = f"{name}-other"
    with client(facade, other) as theirs, client(facade, name) as rest:
        furnish(theirs, "theirs")
        answer(rest.post("/device", json={"id": "c3", "label": "ours"}))
        mine = road.kubectl.list("devices", f"t-{name}")[0]["metadata"]["namespace"]
        spec = {"templates": [{"name": "template-1"}], "deviceId": "d4"}
        meta = {"name": "borrower", "namespace": mine}
        manifest = {"apiVersion": "dojot.io/v1alpha1", "kind": "Device", "metadata": meta, "spec": spec}
        road.kubectl.apply(manifest)
        road.wait_for("device", "borrower", mine, "Ready=False:TemplateNotFound")
        answer(theirs.get("/device/d4"), 404)


# --- two facades as one ---------------------------------------------------------------------------------


def test_what_one_facade_has_written_the_other_one_shows_at_once(facade: str, name: str) -> None:
    with client(facade, name) as rest:
        for number in range(10):
            answer(rest.post("/device", json={"id": f"{number:02x}", "label": "new"}))
            answer(rest.get(f"/device/{number:02x}"))
            answer(rest.put(f"/device/{number:02x}", json={"label": "changed", "templates": []}))
            assert answer(rest.get(f"/device/{number:02x}"))["label"] == "changed"
            if number % 2:
                answer(rest.delete(f"/device/{number:02x}"))
                answer(rest.get(f"/device/{number:02x}"), 404)
        assert len(answer(rest.get("/device"))["devices"]) == 5


def test_a_new_tenant_that_comes_to_both_at_once_gets_one_namespace(
    road: Road, facade: str, name: str
) -> None:
    def create(number: int) -> int:
        with client(facade, name) as rest:
            return rest.post("/device", json={"id": f"{number:02x}", "label": "d"}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(create, range(8))) == [200] * 8
    found = road.kubectl.run("get", "namespaces", "-o", "name").split()
    assert [one for one in found if name in one] == [f"namespace/t-{name}"]
    assert len(road.kubectl.list("devices", f"t-{name}")) == 8


def test_an_id_that_both_are_asked_for_at_once_is_given_once(road: Road, facade: str, name: str) -> None:
    def create(number: int) -> int:
        with client(facade, name) as rest:
            return rest.post("/device", json={"id": "abc", "label": str(number)}).status_code

    def delete(_: int) -> int:
        with client(facade, name) as rest:
            return rest.delete("/device/abc").status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(create, range(8))) == [200] + [400] * 7
        assert sorted(pool.map(delete, range(8))) == [200] + [404] * 7
    assert [one.event for one in road.events_of(name, "abc")] == ["create", "remove"]


def test_numbers_of_templates_are_given_once(facade: str, name: str) -> None:
    def create(_: int) -> int:
        with client(facade, name) as rest:
            return int(answer(rest.post("/template", json={"label": "t", "attrs": []}))["template"]["id"])

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(create, range(8))) == list(range(1, 9))
