"""Averaging the colours of two frames: as the installed ALE does it, and all pixels of a screen."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqn.environments.blending import NTSC, PAL, Blending, average_grays
from helpers.paths import PROJECT

SCRIPT = PROJECT / "benchmarks" / "measure_colours.py"


def test_the_installed_ale_has_these_colours_and_averages_all_pairs_of_them_so():
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name, palette in (("NTSC", NTSC), ("PAL", PAL)):
        assert f'{name} = """{palette}"""' in done.stdout
        assert f"{name}: 16384 pairs of colours, 0 averaged in another way" in done.stdout


@pytest.mark.parametrize("palette", [NTSC, PAL])
@given(seed=st.integers(0, 2**32 - 1), changed=st.floats(0, 1))
def test_each_pixel_is_the_average_of_its_two_colours(palette, seed, changed):
    generator = np.random.default_rng(seed)
    before, other = generator.integers(0, 256, (2, 210, 160), np.uint8)
    now = np.where(generator.random(before.shape) < changed, other, before)
    screen = np.empty_like(now)
    Blending(average_grays(palette)).blend(before, now, screen)
    np.testing.assert_array_equal(screen, average_grays(palette)[before, now])
