"""What this machine is."""

import platform
from pathlib import Path

import pytest

from dqn.machine.hardware import cpu_model

CORE = "model name\t: Some Processor\ncpu family\t: 6\nmodel\t\t: 207\n\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (CORE * 2, "Some Processor (family 6, model 207)"),
        ("processor\t: 0\nBogoMIPS\t: 48.00\n\n", platform.machine()),  # of ARM
    ],
)
def test_a_processor_has_a_name(monkeypatch, text, name):
    monkeypatch.setattr(Path, "read_text", lambda path: text)
    assert cpu_model() == name
