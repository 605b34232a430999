"""The flags in a list of words of a command line, to compare two of them."""

# Flags that say how a run is run or kept, and not what it computes
OF_THE_PROCESS = "max_computing_time keep_snapshots log_level checkpoint_steps".split()


def values(words: list[str]) -> dict[str, str]:
    """Flag → value, of words such as --epochs=3 or --epochs 3; the last one of a flag counts."""
    found: dict[str, str] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            found[name] = value
        elif name:
            found[name] = f"{found[name]} {word}".strip()
    return found


def changed(before: list[str], now: list[str]) -> list[str]:
    """The flags of what is computed that differ between two lists of words."""
    old, new = values(before), values(now)
    names = dict.fromkeys([*old, *new])
    return [n for n in names if old.get(n) != new.get(n) and n not in OF_THE_PROCESS]
