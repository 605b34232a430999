"""Numbers as a person reads them."""


def counted(number: int, noun: str) -> str:
    """The number with its noun: 1 step, 2 steps."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float) -> str:
    """A time in its two largest units: 3 days 4 hours, 5 minutes 20 seconds, 3 hours."""
    seconds = round(seconds)
    units = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
    largest = next((i for i, (_, size) in enumerate(units) if seconds >= size), len(units) - 1)
    smallest = units[min(largest + 1, len(units) - 1)][1]
    seconds = round(seconds / smallest) * smallest
    words = []
    for noun, size in units:
        number, seconds = divmod(seconds, size)
        if number:
            words.append(counted(number, noun))
    return " ".join(words) or "0 seconds"


def size(num_bytes: float) -> str:
    """Bytes in their largest unit: 17.2 MiB, 8.3 GiB."""
    units = ["TiB", "GiB", "MiB", "KiB"]
    if num_bytes < 1000:
        return f"{num_bytes:.0f} bytes"
    num_bytes /= 1024
    while num_bytes >= 1000 and len(units) > 1:
        num_bytes /= 1024
        units.pop()
    return f"{num_bytes:.1f} {units[-1]}"
