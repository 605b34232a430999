"""Addresses on the hub."""

import pytest

from dqn.errors import UserError
from dqn.sharing.address import Address, check_repository, is_address, read_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hf:me/dqn-breakout", Address("me/dqn-breakout")),
        ("hf:me/dqn_v1.5", Address("me/dqn_v1.5")),
        ("hf:me/x@v1.0", Address("me/x", "v1.0")),
        ("hf:me/x@refs/pr/1", Address("me/x", "refs/pr/1")),
        ("hf:me/x/a b.pkl", None),
        ("hf:me/x/a.pkl", Address("me/x", None, "a.pkl")),
        ("hf:me/x@main/a.safetensors", Address("me/x", "main", "a.safetensors")),
        *((f"hf:{text}", None) for text in ("", "me", "me/", "/x", "me/x/", "me/x@", "a/b/c/d")),
        *((f"hf:{text}", None) for text in ("me/../x", "me/a--b", "me/x.git", "me/x\n", "m e/x")),
        *((f"hf:{text}", None) for text in ("me/-x", "me/x.", "me/" + "x" * 97, "me/x@a@b")),
    ],
)
def test_an_address_is_read_or_refused_in_one_line(text, address):
    assert is_address(text)
    if address:
        assert read_address(text) == address
    else:
        with pytest.raises(UserError, match="write hf:OWNER/NAME"):
            read_address(text)


def test_a_path_is_no_address():
    assert not is_address("snapshots/pong_77.pkl")


@pytest.mark.parametrize("name", ["me", "me/x/y", "hf:me/x", "me/x@main", "me/..", "me/a--b"])
def test_a_repository_that_the_hub_would_refuse_is_refused_at_once(name):
    assert check_repository("me/dqn-pong") == "me/dqn-pong"
    with pytest.raises(UserError, match="write OWNER/NAME"):
        check_repository(name)
