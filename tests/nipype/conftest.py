"""Nipype's log is silent in these tests."""

import pytest
from nipype import config, logging


@pytest.fixture(scope="session", autouse=True)
def silent():
    config.update_config(
        {"logging": {"workflow_level": "CRITICAL", "interface_level": "CRITICAL", "utils_level": "CRITICAL"}}
    )
    logging.update_logging(config)
