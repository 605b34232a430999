"""Which games ALE restores exactly from the state that it gives of them."""

# The games that do not go on exactly as before from the state that ale-py 0.12 gives of them, and
# those of which the next two frames alone can differ: all that it carries were tried
# (tests/environments/test_atari.py).
NOT_RESTORED_EXACTLY = ("qbert", "tetris")
NEXT_FRAMES_DIFFER = ("tic_tac_toe_3d", "video_chess", "yars_revenge")


def restores_exactly(game: str, frame_skip: int) -> bool:
    """Whether a game that is restored from its ALE state continues exactly as it would have."""
    few_frames = frame_skip < 3 and game in NEXT_FRAMES_DIFFER
    return not few_frames and game not in NOT_RESTORED_EXACTLY
