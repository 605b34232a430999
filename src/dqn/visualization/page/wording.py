"""Numbers on the page."""


def number(value: float, decimals: int = 2) -> str:
    """The number with so many decimals, and a minus sign as it is printed."""
    return f"{value:.{decimals}f}".replace("-", "−")
