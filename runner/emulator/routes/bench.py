"""The routes of test mode: faults, the books, the requests seen, the clock, and how long things take."""

import os
from collections.abc import Mapping
from dataclasses import fields

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.bench import Bench
from runner.emulator.cloud import bench_of, cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.faults import parse
from runner.emulator.latencies import Latencies
from runner.emulator.wire import read_json

_MOST_SECONDS = 1e9


async def get_faults(request: Request) -> Response:
    """Answer the rules in their order, each with how often it was met and carried out."""
    rules = _bench(request).faults.of(_workspace(request))
    return JSONResponse({"rules": [rule.shown() for rule in rules]})


async def add_faults(request: Request) -> Response:
    """Add rules behind those that are there."""
    faults = _bench(request).faults
    faults.rules += parse(await read_json(request), own_pid=os.getpid())
    return await get_faults(request)


async def clear_faults(request: Request) -> Response:
    """Take back all rules, or those for one workspace alone."""
    _bench(request).faults.clear(_workspace(request))
    return Response(status_code=204)


async def get_ledger(request: Request) -> Response:
    """Answer what was changed, and what it would have cost."""
    bench, workspace = _bench(request), _workspace(request)
    return JSONResponse(
        {
            "now": bench.clock.stamp(),
            "events": bench.ledger.events(workspace),
            "costs": bench.ledger.costs(workspace),
            "requests": len(bench.requests(workspace)),
        }
    )


async def get_requests(request: Request) -> Response:
    """Answer the requests since the list was last cleared, numbered from 1 as a rule's `nth` counts them."""
    seen = _bench(request).requests(_workspace(request))
    return JSONResponse({"requests": [each.shown(number) for number, each in enumerate(seen, 1)]})


async def clear_requests(request: Request) -> Response:
    """Begin the list of requests anew."""
    _bench(request).forget_requests(_workspace(request))
    return Response(status_code=204)


async def get_clock(request: Request) -> Response:
    """Answer the emulator's time and how fast it goes."""
    clock = _bench(request).clock
    return JSONResponse({"now": clock.stamp(), "time": clock.time(), "rate": clock.rate})


async def set_clock(request: Request) -> Response:
    """Put the clock forward by `advance` seconds, or let it go at another `rate`."""
    clock = _bench(request).clock
    body = await read_json(request)
    if not body or body.keys() - {"advance", "rate"}:
        raise ArmError(400, "BadRequest", "Expected advance, in seconds, or rate, or both.")
    advance, rate = _number(body, "advance", 0.0), _number(body, "rate", clock.rate)
    clock.set_rate(rate)
    clock.advance(advance)
    return await get_clock(request)


async def set_latencies(request: Request) -> Response:
    """Let things take as many seconds of the emulator's clock as told; what is left out stays."""
    _bench(request)
    body = await read_json(request)
    names = [field.name for field in fields(Latencies)]
    if unknown := body.keys() - set(names):
        message = f"There is no latency {', '.join(sorted(unknown))}; there are {', '.join(names)}."
        raise ArmError(400, "BadRequest", message)
    latencies = cloud_of(request).latencies
    given = {name: _number(body, name, 0.0) for name in body}
    for name, seconds in given.items():
        setattr(latencies, name, seconds)
    return JSONResponse(vars(latencies))


def _bench(request: Request) -> Bench:
    return bench_of(cloud_of(request))


def _workspace(request: Request) -> str | None:
    return request.query_params.get("workspace")


def _number(body: Mapping[str, object], name: str, default: float) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST_SECONDS:
        raise ArmError(400, "BadRequest", f"{name} must be a number from 0 to {_MOST_SECONDS:g}.")
    return float(value)
