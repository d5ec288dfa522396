"""What the service refuses of endpoints and deployments: names, traffic, probes, timeouts, counts."""

import math
import re
from collections.abc import Mapping

from runner.emulator.errors import ArmError
from runner.emulator.store import Document
from runner.emulator.wire import bad_argument, check_name

AUTH_MODES = {"key": "Key", "amltoken": "AMLToken", "aadtoken": "AADToken"}
MAX_INSTANCES = 50
MAX_TIMEOUT_SECONDS = 180.0
WHOLE = 100
_NAME = re.compile(r"(?=.{3,32}$)[a-zA-Z](?:-?[a-zA-Z0-9])*", re.ASCII)
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII)
_SECONDS = (86400.0, 3600.0, 60.0, 1.0)
_DEFAULT_PROBE = {
    "failureThreshold": 30,
    "successThreshold": 1,
    "timeout": "PT2S",
    "period": "PT10S",
    "initialDelay": "PT10S",
}
_DEFAULT_REQUESTS = {"maxQueueWait": "PT0S", "requestTimeout": "PT5S", "maxConcurrentRequestsPerInstance": 1}


def check_endpoint_name(name: str) -> None:
    """Refuse a name that the service would."""
    check_name("endpoint", name, _NAME)


def check_deployment_name(name: str) -> None:
    """Refuse a name that the service would."""
    check_name("deployment", name, _NAME)


def auth_mode(given: object) -> str:
    """Return the mode as the service spells it."""
    mode = AUTH_MODES.get(str(given or "Key").lower())
    if mode is None:
        raise bad_argument(f"authMode {given} is not one of {', '.join(AUTH_MODES.values())}.")
    return mode


def traffic(given: object, deployments: set[str]) -> dict[str, int]:
    """Return the traffic with lower-cased names: whole, 0 or 100 in sum, and to what exists."""
    shares = _shares("traffic", given, deployments)
    if sum(shares.values()) not in {0, WHOLE}:
        raise bad_argument(f"The sum of traffic is {sum(shares.values())}; it must be 0 or 100.")
    return shares


def mirror_traffic(given: object, deployments: set[str]) -> dict[str, int]:
    """Return the mirrored share: of one deployment, and half at most."""
    shares = _shares("mirrorTraffic", given, deployments)
    if len(shares) > 1 or any(share > WHOLE // 2 for share in shares.values()):
        raise bad_argument("mirrorTraffic takes one deployment, with at most 50 percent.")
    return shares


def instance_count(sku: object) -> int:
    """Return how many instances a deployment's sku asks for."""
    count = sku.get("capacity", 1) if isinstance(sku, Mapping) else 1
    if not _is_whole(count) or not 1 <= count <= MAX_INSTANCES:
        raise bad_argument(f"sku.capacity {count} must be a whole number from 1 to {MAX_INSTANCES}.")
    return int(count)


def request_settings(given: Document) -> Document:
    """Return the settings with the service's defaults."""
    settings = _DEFAULT_REQUESTS | {key: value for key, value in given.items() if value is not None}
    timeout = seconds(str(settings["requestTimeout"]))
    if not 0 < timeout <= MAX_TIMEOUT_SECONDS:
        raise bad_argument(
            f"requestTimeout {settings['requestTimeout']} must be more than 0 and at most PT3M."
        )
    seconds(str(settings["maxQueueWait"]))
    concurrent = settings["maxConcurrentRequestsPerInstance"]
    if not _is_whole(concurrent) or concurrent < 1:  # type: ignore[operator]
        raise bad_argument(
            f"maxConcurrentRequestsPerInstance {concurrent} must be a whole number of at least 1."
        )
    return settings


def probe(name: str, given: Document) -> Document:
    """Return a probe with the service's defaults."""
    settings = _DEFAULT_PROBE | {key: value for key, value in given.items() if value is not None}
    for key in ("timeout", "period", "initialDelay"):
        if seconds(str(settings[key])) < 1:
            raise bad_argument(f"{name}.{key} {settings[key]} must be at least PT1S.")
    for key in ("failureThreshold", "successThreshold"):
        if not _is_whole(settings[key]) or settings[key] < 1:  # type: ignore[operator]
            raise bad_argument(f"{name}.{key} {settings[key]} must be a whole number of at least 1.")
    if name == "livenessProbe" and settings["successThreshold"] != 1:
        raise bad_argument("livenessProbe.successThreshold must be 1.")
    return settings


def seconds(duration: str) -> float:
    """Return the seconds of an ISO 8601 duration without years and months."""
    match = _DURATION.fullmatch(duration)
    if not match or not any(match.groups()):
        raise bad_argument(f"{duration} is not an ISO 8601 duration such as PT1M30S.")
    return math.fsum(
        float(part) * unit for part, unit in zip(match.groups(default="0"), _SECONDS, strict=True)
    )


def _shares(label: str, given: object, deployments: set[str]) -> dict[str, int]:
    if not isinstance(given or {}, Mapping):
        raise bad_argument(f"{label} must map deployments to whole numbers.")
    shares: Mapping[str, object] = given or {}  # type: ignore[assignment]
    for name, share in shares.items():
        if not _is_whole(share) or not 0 <= share <= WHOLE:  # type: ignore[operator]
            raise bad_argument(f"{label} of {name} is {share!r}; it must be a whole number from 0 to 100.")
        if name.lower() not in deployments:
            message = f"{label} names {name}, but the endpoint has no such deployment."
            raise ArmError(400, "UserError", message, inner=("BadArgument", "DeploymentNotFound"))
    return {name.lower(): int(share) for name, share in shares.items()}  # type: ignore[call-overload]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
