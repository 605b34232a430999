"""Settings of the whole process, in libraries that all of its parts share: made here alone.

Each function is called where the process knows that it needs the library, and imports it itself.
"""

import sys

from dqn.machine.cores import usable_cores

# How long Python lets one thread compute before another gets its turn. An update of the network has
# many short parts.
SWITCH_SECONDS = 0.0002
DISPLAYS = {"DISPLAY", "WAYLAND_DISPLAY"}  # the variables that name one on Linux


def set_up_emulators() -> None:
    """Prepare ALE and OpenCV, in every process that has actors."""
    import cv2
    from ale_py import ALEInterface, LoggerMode

    ALEInterface.setLoggerMode(LoggerMode.Error)
    cv2.setNumThreads(1)  # a screen is too small to share among threads


def set_up_gymnasium() -> None:
    """Let only errors of Gymnasium be seen, and let pygame, which it draws with, say nothing."""
    import os

    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    if sys.platform.startswith("linux") and not (DISPLAYS & os.environ.keys()):
        os.environ.setdefault(
            "SDL_VIDEODRIVER", "dummy"
        )  # it would look for a display, and complain
    import gymnasium

    gymnasium.logger.min_level = gymnasium.logger.ERROR


def set_up_torch() -> None:
    """Prepare PyTorch, in the process that learns."""
    import torch

    # Float32 is meant to the last digit; TF32, which CUDA would take, has 10 bits of mantissa.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    # PyTorch sees all cores of the machine, though a container may have only a few of them.
    torch.set_num_threads(min(torch.get_num_threads(), usable_cores()))


def set_up_learning_on_gpu(device_id: int) -> None:
    """Let PyTorch compute on one GPU, and leave the cores to the emulators."""
    import torch

    torch.cuda.set_device(device_id)
    # What is still computed on the CPU is small, and threads wait for one another actively
    torch.set_num_threads(1)


def set_up_learning_beside_acting() -> None:
    """Let the thread that learns and the one that acts take turns more often."""
    sys.setswitchinterval(SWITCH_SECONDS)
