"""What the other tests start warm is what a user starts: nothing tells the two apart but the time."""

import pytest

from tests.end_to_end.shell import RECIPE, Shell, write_recipe


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--version",), 0),
        (("nonsense",), 2),
        (("validate", "nowhere.yaml"), 3),
        (("plan", "--offline", "recipe.yaml"), 0),
        (("plan", "--offline", "recipe.yaml", "--output", "json"), 0),
        (("emulator", "status"), 0),
    ],
)
def test_a_warm_start_does_what_a_fresh_one_does(shell: Shell, words: tuple[str, ...], code: int) -> None:
    write_recipe(shell)

    warm, fresh = shell.runner(*words), shell.fresh(*words)

    assert warm == fresh
    assert warm.code == code


def test_a_command_has_the_environment_it_was_given_and_leaves_nothing_of_it(shell: Shell) -> None:
    identifier = "11111111-1111-4111-8111-111111111111"
    workspace = "workspace: {subscription_id: '${env:GIVEN}', resource_group: rg, workspace_name: ws}\n"
    write_recipe(shell, RECIPE.replace("Phi-3-tiny-4k-instruct", "Phi-4") + workspace)

    given, not_given = (
        shell.runner("plan", "recipe.yaml", GIVEN=identifier),
        shell.runner("plan", "recipe.yaml"),
    )

    assert given.err.startswith("error: no Azure credential works here")
    assert "env-unset workspace.subscription_id" in not_given.err
    assert (given.code, not_given.code) == (8, 3)
