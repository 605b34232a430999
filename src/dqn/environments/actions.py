"""What the numbers of actions mean, in every game, in snapshots and on the screen: ALE's."""

from ale_py import Action


def movements(action: int) -> list[str]:
    """What a joystick does in an action: some of up, down, left, right and fire."""
    name = Action(action).name.lower()
    return [movement for movement in ("up", "down", "left", "right", "fire") if movement in name]
