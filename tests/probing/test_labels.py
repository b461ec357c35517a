"""What is said of labels and activations before anything is fitted."""

import logging

import numpy as np
import pytest

from neurolect.probing.labels import check_spread, said_once


def test_a_warning_of_many_fits_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="neurolect"):
        with said_once():
            assert [check_spread(np.array([0.0, 1.0, 2.0])) for _ in range(3)] == [(1, 0)] * 3
        check_spread(np.array([0.0, 1.0]))
    said = [record.message for record in caplog.records]
    assert said == [
        "1 of 3 neurons are constant: they have no weight.",
        "2 further warnings of other fits were like these.",
        "1 of 2 neurons are constant: they have no weight.",
    ]
