"""A cloud's addresses: asked for until they are told, and then never again."""

import pytest
from azure.ai.ml import _azure_environments as environments

from runner.azure.addresses import Clouds, Remembering, remember_addresses
from runner.azure.retrying import Patience

HERE: Clouds = {"here": {"resource_manager": "https://here"}}


class Cloud:
    """Answers nothing a few times, and then where it is."""

    def __init__(self, silent: int) -> None:
        self.silent = silent
        self.asked: list[str] = []
        self.waits: list[float] = []

    def remembering(self) -> Remembering:
        return Remembering(self, Patience(attempts=4), self.waits.append)

    def __call__(self, url: str) -> Clouds:
        self.asked.append(url)
        return HERE if len(self.asked) > self.silent else {}


def test_what_is_not_answered_is_asked_again_after_a_pause() -> None:
    cloud = Cloud(silent=3)
    assert cloud.remembering()("https://here") == HERE
    assert len(cloud.asked) == 4
    assert len(cloud.waits) == 3
    assert all(wait > 0 for wait in cloud.waits)


def test_what_was_answered_is_not_asked_again() -> None:
    cloud = Cloud(silent=0)
    ask = cloud.remembering()
    assert [ask("https://here"), ask("https://here"), ask("https://there")] == [HERE] * 3
    assert cloud.asked == ["https://here", "https://there"]
    assert cloud.waits == []


def test_a_cloud_that_never_answers_is_given_up_and_asked_anew_the_next_time() -> None:
    cloud = Cloud(silent=4)
    ask = cloud.remembering()
    assert ask("https://here") == {}
    assert len(cloud.asked) == 4
    assert ask("https://here") == HERE


def test_the_sdk_asks_through_it_once_however_often_it_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Cloud(silent=0)
    monkeypatch.setattr(environments, "_get_clouds_by_metadata_url", cloud)
    monkeypatch.setattr(environments, "_environments", {})
    monkeypatch.setenv("ARM_CLOUD_METADATA_URL", "https://here/metadata")
    remember_addresses()
    remember_addresses()
    for _ in range(3):
        assert environments._get_cloud("here") == HERE["here"]  # noqa: SLF001 - the SDK's own door
    assert cloud.asked == ["https://here/metadata"]
