"""Each species serves exactly its records to whom it should, as its configuration says."""

import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from datasync.config.spec import PostgresTo
from datasync.simulator.zoo import SPECIES, ZooOptions, ZooProcess
from tests.zoo.configs import FOLDER, path_of, read
from tests.zoo.oracle import Circle, open_client, walk

DATABASE = {"DATABASE_URL": "postgresql://u:p@localhost/nowhere"}


@pytest.fixture(scope="module")
def plain() -> Iterator[httpx.Client]:
    """A client without credentials."""
    with httpx.Client(trust_env=False, verify=False) as client:
        yield client


def variables(zoo: ZooProcess) -> dict[str, str]:
    return zoo.environment() | DATABASE


def test_every_species_has_a_configuration() -> None:
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(SPECIES)


@pytest.mark.parametrize("name", SPECIES)
def test_configuration_fits_the_structs_and_holds_no_secret(name: str) -> None:
    options = ZooOptions()
    config = read(path_of(name), options.environment("http://127.0.0.1:1") | DATABASE)
    assert isinstance(config.sink, PostgresTo)
    assert config.endpoints[-1].name == name
    tables = [endpoint.table.name for endpoint in config.endpoints]
    assert all(tables)
    assert len(set(tables)) == len(tables)
    assert not re.search(r"[0-9a-f]{32}", path_of(name).read_text())


@pytest.mark.parametrize("name", [name for name, species in SPECIES.items() if species.ends != "never"])
def test_species_serves_exactly_its_records(zoo: ZooProcess, name: str) -> None:
    config, species = read(path_of(name), variables(zoo)), SPECIES[name]
    with open_client(config) as client:
        found = [record["id"] for record in walk(config, client)[name]]
        if species.expects == "feed":
            # It changed while it was read: what moved up then may only come now.
            found += [record["id"] for record in walk(config, client)[name]]
            found = list(set(found))
    assert sorted(found) == zoo.data.ids(species.expects)
    served = Counter(id for entry in zoo.served() if entry.species == name for id in entry.ids)
    assert set(served) == set(found)
    if species.expects != "feed":
        assert set(served.values()) == {1}


def test_what_repeats_never_serves_more_than_its_first_page(zoo: ZooProcess) -> None:
    config = read(path_of("repeats"), variables(zoo))
    with open_client(config) as client, pytest.raises(Circle):
        walk(config, client)
    assert {id for entry in zoo.served() for id in entry.ids} == set(zoo.data.ids("items")[:50])


@pytest.mark.parametrize("name", SPECIES)
def test_wrong_credentials_are_refused(zoo: ZooProcess, name: str) -> None:
    wrong = ZooOptions(seed=2).environment(zoo.origin)
    config = read(path_of(name), wrong | DATABASE)
    with open_client(config) as client, pytest.raises(httpx.HTTPStatusError) as refused:
        walk(config, client)
    assert refused.value.response.status_code in {401, 403}
    assert not [entry for entry in zoo.served() if entry.ids]


@pytest.mark.parametrize("name", SPECIES)
def test_absent_credentials_are_refused(zoo: ZooProcess, plain: httpx.Client, name: str) -> None:
    species = SPECIES[name]
    answer = plain.request(species.method, species.url(zoo.origin))
    assert answer.status_code == 401
    assert answer.json()["error"]["code"]
    (entry,) = zoo.served()
    assert (entry.species, entry.status, entry.ids, entry.complete) == (name, 401, [], True)


@pytest.mark.parametrize("name", ["oauth2", "oauth2_refresh", "login"])
def test_issued_tokens_are_refused_when_they_are_used_up(zoo: ZooProcess, name: str) -> None:
    config = read(path_of(name), variables(zoo))
    with open_client(config) as client:
        walk(config, client)
    statuses = [entry.status for entry in zoo.served() if entry.species == name]
    # Five pages, with tokens for three requests each.
    assert statuses == [200, 200, 200, 401, 200, 200]
    assert sum(zoo.stats()["issued"].values()) == 2


def test_a_refresh_token_is_good_once(zoo: ZooProcess, plain: httpx.Client) -> None:
    options = zoo.options
    client = (options.credential("client_id"), options.credential("client_secret"))
    form = {"grant_type": "refresh_token", "refresh_token": options.credential("refresh_token")}

    def ask() -> httpx.Response:
        return plain.post(f"{zoo.origin}/oauth/token", data=form, auth=client)

    first = ask()
    assert first.status_code == 200
    assert first.headers["cache-control"] == "no-store"
    again = ask()
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})
    form["refresh_token"] = first.json()["refresh_token"]
    assert ask().status_code == 200


def test_a_signature_is_of_one_request(zoo: ZooProcess) -> None:
    config = read(path_of("signed"), variables(zoo))
    with open_client(config) as client:
        sent = client.get(f"{config.api.base_url}/items", params={"limit": 2}).raise_for_status().request
        other = client.build_request("GET", sent.url.copy_set_param("limit", 3), headers=sent.headers)
        assert client.send(other, auth=None).status_code == 403


def test_links_lead_to_neighbours_and_quota_ends_requests() -> None:
    with ZooProcess(ZooOptions(rate_limit=3)) as zoo:
        config = read(path_of("link"), variables(zoo))
        with open_client(config) as client:
            url = f"{config.api.base_url}/items"
            answers = [client.get(url, params={"per_page": 50, "page": page}) for page in (1, 3, 5, 1)]
        rels = [
            {rel: int(parse_qs(urlsplit(link["url"]).query)["page"][0]) for rel, link in answer.links.items()}
            for answer in answers
        ]
        assert rels == [
            {"next": 2, "last": 5},
            {"prev": 2, "next": 4, "last": 5, "first": 1},
            {"prev": 4, "first": 1},
            {},
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 403]
        assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
        assert len({answer.headers["X-RateLimit-Reset"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({}, 400),
        ({"since": "2024-03-01", "until": "x"}, 400),
        ({"since": "2024-03-01", "until": "2024-03-02T00:00:01Z"}, 422),
        ({"since": "2024-03-02", "until": "2024-03-01"}, 422),
        ({"since": "2024-03-01", "until": "2024-03-02"}, 200),
    ],
)
def test_windows_are_wanted_and_a_day_at_most(zoo: ZooProcess, params: dict[str, str], status: int) -> None:
    config = read(path_of("windows"), variables(zoo))
    with open_client(config) as client:
        assert client.get(f"{config.api.base_url}/items", params=params).status_code == status


def test_since_leaves_out_what_was_updated_before(zoo: ZooProcess) -> None:
    since = zoo.data.items[-3]["updated_at"]
    counts = []
    for name in ("newest_first", "ignores_since"):
        config = read(path_of(name), variables(zoo))
        with open_client(config) as client:
            answer = client.get(f"{config.api.base_url}/items", params={"since": since, "per_page": 100})
            counts.append(len(answer.raise_for_status().json()["results"]))
    assert counts == [3, 100]


def test_moments_come_in_all_forms_and_mean_what_they_should(zoo: ZooProcess) -> None:
    forms = {type(item["created_at"]) for item in zoo.data.items}
    assert forms == {str, int}
    config = read(path_of("csv"), variables(zoo))
    with open_client(config) as client:
        rows = walk(config, client)["csv"]
    assert [row["note"] for row in rows] == [item["note"] for item in zoo.data.items]
    assert any("\r\n" in row["note"] for row in rows)
    assert rows[0]["created_at"] == zoo.data.items[0]["created_at"]


def test_stats_count_what_was_served(zoo: ZooProcess) -> None:
    config = read(path_of("offset_bare"), variables(zoo))
    with open_client(config) as client:
        walk(config, client)
    assert zoo.stats()["species"] == {"offset_bare": {"requests": 6, "records": 240, "byStatus": {"200": 6}}}
