"""Which Atari games ALE restores exactly, as was found by trying all that ale-py carries."""

# The games that do not continue as before from the state that ale-py 0.12 gives of them, and those
# of which only the next two frames may differ (tests/environments/test_atari.py).
NOT_RESTORED_EXACTLY = ("qbert", "tetris")
NEXT_FRAMES_DIFFER = ("tic_tac_toe_3d", "video_chess", "yars_revenge")


def restores_exactly(game: str, frame_skip: int) -> bool:
    """Whether `game`, restored from ALE's state, continues as it would have without that."""
    few_frames = frame_skip < 3 and game in NEXT_FRAMES_DIFFER
    return not few_frames and game not in NOT_RESTORED_EXACTLY
