"""docker-compose.yml: valid by the compose specification, and right about the product.

The file itself was never run by these tests; they read it.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.validators import validator_for

from app.domain.job import Queue
from app.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SCHEMA = json.loads((Path(__file__).parent / "compose-spec.json").read_text())
PREFIX = "VETTED_"
FIELDS = {PREFIX + name.upper() for name in Settings.model_fields}
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)


def command_of(name: str) -> list[str]:
    """The command of a service, or the one its image brings."""
    service = SERVICES[name]
    if "command" in service:
        return service["command"]
    dockerfile = (ROOT / "Dockerfile").read_text()
    stage = re.split(r"^FROM \S+ AS ", dockerfile, flags=re.MULTILINE)
    [own] = [text for text in stage if text.startswith(f"{service['build']['target']}\n")]
    [command] = re.findall(r"^CMD (\[.*\])$", own, flags=re.MULTILINE)
    return json.loads(command)


def environment_of(name: str) -> dict[str, Any]:
    return SERVICES[name].get("environment", {})


def errors_of(document: object) -> list[str]:
    return [error.message for error in validator_for(SCHEMA)(SCHEMA).iter_errors(document)]


def test_valid_by_the_schema() -> None:
    assert errors_of(COMPOSE) == []


def test_the_schema_refuses_what_is_wrong() -> None:
    wrong = {**COMPOSE, "services": {"web": {"image": "a", "prots": ["80:80"]}}}
    assert errors_of(wrong)


def test_the_services_that_production_needs() -> None:
    expected = {"web", "worker", "worker-gpu", "ingest", "light", "migrate", "postgres", "redis"}
    assert set(SERVICES) == expected
    assert "version" not in COMPOSE
    assert {name for name in SERVICES if "profiles" in SERVICES[name]} == {"worker-gpu"}


def test_dependencies_exist_and_can_be_met() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            depended = SERVICES[other]
            if how["condition"] == "service_healthy":
                assert "test" in depended["healthcheck"], f"{name} waits for {other}'s health"
            if how["condition"] == "service_completed_successfully":
                assert depended["restart"] == "no", f"{other} is one-shot"


def test_everything_of_ours_waits_for_the_migration() -> None:
    for name in set(OURS) - {"migrate"}:
        condition = SERVICES[name]["depends_on"]["migrate"]["condition"]
        assert condition == "service_completed_successfully"
    assert command_of("migrate") == ["vetted", "migrate"]


def test_volumes_and_networks_are_declared() -> None:
    volumes, networks = set(), set()
    for service in SERVICES.values():
        sources = {volume.rsplit(":/")[0] for volume in service.get("volumes", [])}
        volumes |= {source for source in sources if not source.startswith(("$", ".", "/"))}
        networks |= set(service["networks"])
    assert volumes == set(COMPOSE["volumes"])
    assert networks == set(COMPOSE["networks"])


def test_only_the_web_is_published_and_only_to_this_machine() -> None:
    assert [name for name in SERVICES if "ports" in SERVICES[name]] == ["web"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["web"]["ports"])
    for name in ("postgres", "redis"):
        assert SERVICES[name]["networks"] == ["back"]
    assert COMPOSE["networks"]["back"]["internal"] is True


@pytest.mark.parametrize("name", SERVICES)
def test_services_have_no_more_rights_than_they_need(name: str) -> None:
    service = SERVICES[name]
    assert not service.get("privileged")
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "network_mode" not in service
    assert not any("docker.sock" in volume for volume in service.get("volumes", []))
    if name in OURS:
        assert service["read_only"] is True
        assert "cap_add" not in service
        assert "user" not in service, "the image's own user is not root; see the Dockerfile's test"


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_by_tag(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].partition(":")
    assert tag
    assert "latest" not in tag


def test_our_images_carry_the_version_of_the_product() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for name in OURS:
        service = SERVICES[name]
        assert service["image"] == f"vetted-{service['build']['target']}:{version}"


def test_settings_are_those_of_the_product() -> None:
    mentioned = set(re.findall(rf"\b{PREFIX}[A-Z0-9_]+", TEXT))
    assert mentioned == FIELDS
    required = {
        PREFIX + name.upper()
        for name, field in Settings.model_fields.items()
        if field.is_required()
    }
    for name in OURS:
        given = {key for key, value in environment_of(name).items() if value is not None}
        assert required <= given, name


@pytest.mark.parametrize("name", OURS)
def test_the_product_takes_the_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in environment_of(name).items():
        if value is not None:
            monkeypatch.setenv(key, re.sub(r"\$\{\w+:\?[^}]*\}", "0123456789abcdef" * 2, value))
    settings = Settings()  # type: ignore[call-arg]
    assert settings.data_dir == Path("/data")
    assert settings.database_url.startswith("postgresql+psycopg://")
    if settings.weights_dir is not None:
        assert any(
            volume.endswith(f":{settings.weights_dir}:ro") for volume in SERVICES[name]["volumes"]
        )


def test_secrets_have_no_default_and_no_value() -> None:
    for secret in ("VETTED_SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD"):
        uses = re.findall(r"\$\{" + secret + r"([^}]*)\}", TEXT)
        assert uses
        assert all(use.startswith(":?") for use in uses)


def test_queues_are_those_of_the_product() -> None:
    served: dict[str, set[str]] = {}
    for name in OURS:
        command = command_of(name)
        if command[0] == "celery":
            served[name] = set(command[command.index("-Q") + 1].split(","))
            assert command[command.index("-A") + 1] == "workers.celery"
    assert served == {
        "worker": {Queue.COMPUTE},
        "worker-gpu": {Queue.COMPUTE},
        "ingest": {Queue.INGEST},
        "light": {Queue.LIGHT},
    }


def test_what_calls_other_servers_has_a_way_out() -> None:
    # Weights, lists of addresses, webhooks.
    for name in ("worker", "ingest", "light"):
        assert "front" in SERVICES[name]["networks"], name


def test_one_clock_and_its_file_on_the_volume() -> None:
    with_clock = [name for name in OURS if "-B" in command_of(name)]
    assert with_clock == ["light"]
    command = command_of("light")
    assert command[command.index("-s") + 1].startswith("/data/")
    assert "data:/data" in SERVICES["light"]["volumes"]


def test_torch_computes_in_the_process_that_celery_started() -> None:
    for name in ("worker", "worker-gpu"):
        assert "--pool=solo" in command_of(name)
        assert SERVICES[name]["build"]["target"] == "worker"


def test_no_other_process_inherits_the_health_check_of_the_web() -> None:
    for name in OURS:
        if SERVICES[name]["build"]["target"] == "web" and "command" in SERVICES[name]:
            assert "healthcheck" in SERVICES[name], name


def test_the_gpu_is_reserved_under_its_profile_only() -> None:
    [device] = SERVICES["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
    assert all("deploy" not in SERVICES[name] for name in SERVICES if name != "worker-gpu")
