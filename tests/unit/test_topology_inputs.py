"""What people write into compose files and `.env`: read as Compose reads it, or refused by name."""

import pytest

from harness.errors import UsageError
from harness.topology import discover, ignored_files, load_topology
from tests.support.small_project import COMPOSE, write_small_project

SET = {"A": "aa", "B": "bb", "EMPTY": ""}


@pytest.fixture
def compose(tmp_path):
    return write_small_project(tmp_path)


def greeting(compose, written, variables=SET):
    """The value of GREETING if the file says so."""
    compose.write_text(COMPOSE.replace("${GREETING:-hello}", written, 1))
    return load_topology(compose, variables).services["web"].environment["GREETING"]


def refused(compose, old, new):
    """The message by which a changed file is refused."""
    assert old in COMPOSE
    compose.write_text(COMPOSE.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        load_topology(compose, SET)
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("${A:+y}", "y"),
        ("${EMPTY:+y}", ""),
        ("${EMPTY+y}", "y"),
        ("${NONE+y}${NONE:+y}", ""),
        ("${NONE:-$B}", "bb"),
        ("${NONE:-${B}}", "bb"),
        ("${NONE-${NONE:-deep}}er", "deeper"),
        ("${A:+${B}}", "bb"),
        ("${A:-${NONE}}", "aa"),
        ("${A:?${NONE}}", "aa"),
        ("${NONE:-{json}}", "{json}"),
        ("${NONE:-a}b}", "ab}"),
        ("${NONE:-a:-b?c}", "a:-b?c"),
        ("${NONE:-$$B}", "$B"),
        ("$A:+y", "aa:+y"),
        ("a $ b $1", "a $ b $1"),
    ],
)
def test_variables_mean_what_they_mean_to_compose(compose, written, meant):
    assert greeting(compose, f"'{written}'") == meant


@pytest.mark.parametrize(
    "written",
    ["${A", "${A:-x", "${NONE:-${B}", "${}", "${A!x}", "${1A}", "${A }", "${A:x}", "x ${", "${Ä}"],
)
def test_what_is_no_variable_is_refused_as_compose_refuses_it(compose, written):
    message = refused(compose, "${GREETING:-hello}", f"'{written}'")
    assert "docker-compose.small.yml.services.web.environment.GREETING" in message
    assert written[written.index("${") :] in message


def test_the_reason_of_a_demanded_variable_names_others(compose):
    assert "NONE}: ask bb" in refused(compose, "${GREETING:-hello}", "'${NONE:?ask $B}'")


@pytest.mark.parametrize("written", ["08", "-08", "010", "00", "08.5"])
def test_a_number_that_begins_with_zero_is_text(compose, written):
    assert greeting(compose, written) == written


@pytest.mark.parametrize(("written", "meant"), [("0", "0"), ("80", "80"), ("0.5", "0.5")])
def test_other_numbers_are_numbers(compose, written, meant):
    assert greeting(compose, written) == meant


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("&me [*me]", ["'me' stands within itself"]),
        ("&me {a: {b: *me}}", ["'me' stands within itself"]),
        ("!!int many", ["'many' is not a value of", "int"]),
        ("!!bool many", ["'many' is not a value of", "bool"]),
        ("!!timestamp soon", ["'soon' is not a value of", "timestamp"]),
        ("9" * 5000, ["is not a value of", "int"]),
        ("*nobody", ["undefined alias 'nobody'"]),
        ("a: b: c", ["mapping values are not allowed here"]),
    ],
)
def test_what_is_no_yaml_is_refused_by_file_and_line(compose, new, words):
    line = COMPOSE[: COMPOSE.index("GREETING: ")].count("\n") + 1
    message = refused(compose, "${GREETING:-hello}", new)
    for word in [f"docker-compose.small.yml:{line}: ", *words]:
        assert word in message


def test_an_alias_may_be_used_again_and_again(compose):
    compose.write_text(COMPOSE.replace("x-web:", "x-twice: [&one [1], *one, *one]\nx-web:"))
    assert load_topology(compose).approach == "small"


def test_what_is_nested_without_end_is_refused(compose):
    assert "nested too deeply" in refused(compose, "${GREETING:-hello}", "[" * 5000)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "[python, -m, small_web]",
            "python -m x --name=it's",
            ["services.web.command", "it's", "no closing"],
        ),
        ("0}:80", "0}:99999", ["services.nginx.ports", "65535"]),
        ("${HARNESS_PORT:-0}:80", "99999:80", ["services.nginx.ports", "99999", "65535"]),
        ("127.0.0.1:${HARNESS_PORT:-0}:80", "70000:80", ["services.nginx.ports", "70000"]),
        ("127.0.0.1:${HARNESS_PORT:-0}:80", "0.0.0.0:70000:80", ["services.nginx.ports", "65535"]),
        ("${HARNESS_PORT:-0}:80", "80:0", ["services.nginx.ports", "65535"]),
        ('expose: ["8000"]', 'expose: ["80000"]', ["services.web.expose", "80000", "65535"]),
        ("ledger: postgres", "ledger: postgres\n  metrics_port: 99999", ["metrics_port", "65535"]),
    ],
)
def test_what_cannot_be_is_refused_by_key_and_value(compose, old, new, words):
    message = refused(compose, old, new)
    for word in ["docker-compose.small.yml", *words]:
        assert word in message


@pytest.mark.parametrize("zero", ["interval: 0s", "interval: 0s\n    timeout: 0s"])
def test_zero_in_a_health_check_is_the_default_of_docker(compose, zero):
    compose.write_text(COMPOSE.replace("    interval: 1s\n    retries: 20", f"    {zero}"))
    check = load_topology(compose).services["web"].healthcheck
    assert (check.interval_s, check.timeout_s, check.retries) == (30.0, 30.0, 3)
    assert check.longest_wait_s == 90.0


def test_so_is_no_retry(compose):
    compose.write_text(COMPOSE.replace("retries: 20", "retries: 0"))
    assert load_topology(compose).services["web"].healthcheck.retries == 3


@pytest.mark.parametrize("name", ["docker-compose.small.yml", ".env"])
def test_another_encoding_is_refused_by_file_and_line(compose, name):
    file = compose.with_name(name)
    text = file.read_text() if file.exists() else "A=1\n"
    file.write_text(f"{text}# Café\n", encoding="latin-1")
    line = text.count("\n") + 1
    with pytest.raises(UsageError, match=rf"{name}:{line}: the byte 0xe9 is not UTF-8 text"):
        load_topology(compose)


@pytest.mark.parametrize("name", ["docker-compose.small.yml", ".env"])
def test_a_byte_order_mark_is_no_part_of_a_file(compose, name):
    file = compose.with_name(name)
    text = file.read_text() if file.exists() else "GREETING=moin\n"
    file.write_text(text, encoding="utf-8-sig")
    expected = "moin" if name == ".env" else "hello"
    assert load_topology(compose).services["web"].environment["GREETING"] == expected


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("GREETING=moin", "moin"),
        ("GREETING='good day'", "good day"),
        ('GREETING="good day" # until noon', "good day"),
        ("GREETING=good day # until noon", "good day"),
        ("export GREETING=moin", "moin"),
        ("GREETING=moin#moin", "moin#moin"),
    ],
)
def test_an_env_file_is_read_as_compose_reads_it(compose, line, value):
    compose.with_name(".env").write_text(f"# first\n\n{line}\nLAST=1\n")
    assert load_topology(compose).services["web"].environment["GREETING"] == value


@pytest.mark.parametrize("line", ["GREETING", "1A=1", "A=$B", 'A="open', "=1"])
def test_a_line_of_an_env_file_that_is_no_variable_is_refused_by_file_and_line(compose, line):
    compose.with_name(".env").write_text(f"B=1\n{line}\n")
    with pytest.raises(UsageError, match=r"\.env:2: .* is not NAME=value"):
        load_topology(compose)


@pytest.mark.parametrize(
    "name", ["docker-compose.override.yml", "docker-compose.small.override.yml"]
)
def test_what_is_laid_over_a_compose_file_is_no_approach(compose, name):
    compose.with_name(name).write_text("services: {web: {restart: always}}")
    assert list(discover(compose.parent)) == ["small"]
    assert [path.name for path in ignored_files(compose.parent)] == [name]


@pytest.mark.parametrize(
    ("written", "host"),
    [("80:80", 0), ("80", 0), ("0.0.0.0:8080:80", 0), ("127.0.0.1:8080:80", 8080)],
)
def test_what_is_published_to_others_is_served_at_any_port_here(compose, written, host):
    compose.write_text(COMPOSE.replace("127.0.0.1:${HARNESS_PORT:-0}:80", written, 1))
    (port,) = load_topology(compose).services["nginx"].published
    assert (port.host, port.container) == (host, 80)


@pytest.mark.parametrize("key", ["restart: unless-stopped", "shm_size: 128m"])
def test_keys_that_mean_nothing_here_are_read_over(compose, key):
    stated = {"POSTGRES_PASSWORD": "a", "REDIS_PASSWORD": "b"}
    plain = load_topology(compose, stated).services["web"]
    compose.write_text(
        COMPOSE.replace("deploy: {replicas: 2}", f"deploy: {{replicas: 2}}\n    {key}")
    )
    assert load_topology(compose, stated).services["web"] == plain


def test_settings_may_stand_in_a_file_of_their_own(compose):
    compose.with_name("web.env").write_text("FROM_FILE=1\nTHREADS=9\n")
    compose.write_text(
        COMPOSE.replace("deploy: {replicas: 2}", "deploy: {replicas: 2}\n    env_file: [web.env]")
    )
    environment = load_topology(compose).services["web"].environment
    assert environment["FROM_FILE"] == "1"
    assert environment["THREADS"] == "4"  # what stands in the compose file counts


def test_a_file_of_settings_that_is_not_there_is_named(compose):
    message = refused(compose, "deploy: {replicas: 2}", "env_file: none.env")
    assert "services.web.env_file: 'none.env' is not the name of a file" in message
