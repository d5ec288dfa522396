"""What the SDK raises, as a person reads it."""

import pytest
from azure.core.exceptions import ResourceNotFoundError

from runner.azure.translate import translated
from runner.errors import StepFailed


def test_what_is_not_found_while_it_is_changed_is_an_error_a_person_can_read() -> None:
    said = r"^routing traffic of endpoint e: \(ResourceNotFound\) endpoint e$"
    with pytest.raises(StepFailed, match=said), translated("routing traffic of endpoint e"):
        raise ResourceNotFoundError("(ResourceNotFound) endpoint e")
