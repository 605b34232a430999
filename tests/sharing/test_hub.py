"""Push and pull, by the real client of huggingface_hub and a local hub."""

import hashlib

import pytest

from dqn.errors import UserError
from dqn.sharing import checksums, hub
from dqn.sharing.address import read_address
from helpers.local_hub import READER, LocalHub, Repository, in_use

NAMES = ["README.md", "config.json", "pong_77.pkl", "weights.safetensors", "SHA256SUMS"]


def push(folder, repository="me/dqn-pong", is_private=False):
    return hub.push(folder, NAMES, repository, is_private=is_private)


def pull(text="hf:me/dqn-pong", has_states=False):
    return hub.pull(read_address(text), has_states)


def refusal(call, *arguments):
    with pytest.raises(UserError) as caught:
        call(*arguments)
    return str(caught.value)


def test_what_is_pushed_is_pulled_to_the_last_byte_and_nothing_else_is_sent(client, folder):
    (folder / "notes.txt").write_text("not announced")
    assert push(folder) == f"{client.address}/me/dqn-pong"
    sent = {name: (folder / name).read_bytes() for name in NAMES}
    assert client.received == sent
    assert client.repositories["me/dqn-pong"].files == sent
    assert client.cards == [sent["README.md"].decode()]
    written = {path for method, path, _ in client.requests if method in ("POST", "PUT")}
    stored = {f"/store/{hashlib.sha256(sent[n]).hexdigest()}" for n in NAMES[2:4]}
    assert written == stored | {
        "/api/repos/create",
        "/api/validate-yaml",
        "/api/models/me/dqn-pong/preupload/main",
        "/me/dqn-pong.git/info/lfs/objects/batch",
        "/api/models/me/dqn-pong/commit/main",
    }
    assert pull().read_bytes() == sent["weights.safetensors"]
    assert pull(has_states=True).read_bytes() == sent["pong_77.pkl"]
    assert pull("hf:me/dqn-pong@main/pong_77.pkl").read_bytes() == sent["pong_77.pkl"]


def test_a_network_is_downloaded_once_and_then_plays_without_the_hub(folder, monkeypatch, tmp_path):
    with LocalHub() as local, in_use(local, monkeypatch, tmp_path / "hf"):
        push(folder)
        path = pull()
        assert pull() == path
        assert local.downloads("weights.safetensors") == [None]
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert pull() == path
    assert "cannot reach" in refusal(pull, "hf:me/another")


def test_a_new_version_is_taken_and_an_older_one_stays_at_its_commit(client, folder):
    push(folder)
    repository = client.repositories["me/dqn-pong"]
    before = repository.commit
    assert pull().parent.name == before
    (folder / "weights.safetensors").write_bytes(b"better")
    (folder / "SHA256SUMS").write_text(checksums.as_text(checksums.checksums_of(folder)))
    push(folder)
    assert pull().read_bytes() == b"better"
    assert pull(f"hf:me/dqn-pong@{before}").read_bytes() != b"better"


def test_a_broken_download_goes_on_where_it_broke_off(client, folder, monkeypatch):
    push(folder)
    client.cut_after["weights.safetensors"] = 30_000
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 10_000)  # of 10 MB
    assert pull().read_bytes() == (folder / "weights.safetensors").read_bytes()
    assert client.downloads("weights.safetensors") == [None, "bytes=30000-"]


def test_a_wrong_sha256_is_refused(client, folder):
    push(folder)
    client.repositories["me/dqn-pong"].files["weights.safetensors"] = b"something else"
    line = refusal(pull)
    assert "weights.safetensors of me/dqn-pong is not what its SHA-256 says" in line


def test_a_file_that_is_too_large_for_a_snapshot_is_not_downloaded(client, folder, monkeypatch):
    push(folder)
    monkeypatch.setattr(hub, "MAX_FILE_SIZE", 1000)
    assert "is no snapshot: it takes 78.1 KiB" in refusal(pull)
    assert client.downloads("weights.safetensors") == []


def test_checksums_that_are_none_are_refused(client, folder):
    push(folder)
    client.repositories["me/dqn-pong"].files["SHA256SUMS"] = b"../../etc/passwd\n"
    assert "is no list of checksums" in refusal(pull)


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (["a.pkl", "b.safetensors", "c.zip"], "b.safetensors"),
        (["a.pkl", "c.zip"], "a.pkl"),
    ],
)
def test_another_programs_repository_may_hold_a_snapshot_too(client, files, name):
    contents = {file: file.encode() for file in files}
    client.repositories["you/x"] = Repository(files=contents)
    assert pull("hf:you/x").read_bytes() == name.encode()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["dqn.zip", "README.md"], "no snapshot that ends with .safetensors, .pkl or .prm: it has"),
        (["a.safetensors", "b.safetensors"], "several snapshots: name one, as in hf:you/x/a"),
        ([], "it has no files"),
    ],
)
def test_a_repository_without_one_snapshot_says_what_it_has(client, files, words):
    client.repositories["you/x"] = Repository(files=dict.fromkeys(files, b"x"))
    assert words in refusal(pull, "hf:you/x")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hf:me/nothing", "there is no model me/nothing"),
        ("hf:me/dqn-pong@v9", "has no such revision"),
        ("hf:me/dqn-pong/other.pkl", "me/dqn-pong has no other.pkl: it has README.md"),
    ],
)
def test_what_is_not_there_takes_one_line(client, folder, text, words):
    push(folder)
    assert words in refusal(pull, text)


def test_without_a_token_nothing_is_begun(hub, monkeypatch, tmp_path):
    with in_use(hub, monkeypatch, tmp_path, token=None):
        from dqn.sharing.hub import check_token

        assert "there is no token to upload with" in refusal(check_token)
    assert hub.requests == []


@pytest.mark.parametrize(
    ("token", "repository", "words"),
    [
        ("hf_wrong", "me/x", "does not accept your token"),
        (READER, "me/x", "no right to write to me/x"),
        ("hf_mayWrite", "you/x", "no right to write to you/x"),
    ],
)
def test_who_may_not_write_is_told_so(hub, monkeypatch, tmp_path, folder, token, repository, words):
    with in_use(hub, monkeypatch, tmp_path / "hf", token):
        assert words in refusal(push, folder, repository)
    assert hub.received == {}


@pytest.mark.parametrize(
    ("there", "words"),
    [
        (Repository(kind="dataset"), "me/x is a dataset on the hub"),
        (Repository(kind="space"), "me/x is a space on the hub"),
        (Repository(files={"a.bin": b"a"}, library="transformers"), "a model of transformers"),
        (Repository(files={"a.bin": b"a"}), "a model of another program"),
        (Repository(files={"README.md": b"---\nlibrary_name: a\n---\n"}), "a model of a already"),
    ],
)
def test_a_name_taken_by_another_kind_is_refused(client, folder, there, words):
    client.repositories["me/x"] = there
    before = dict(there.files)
    assert words in refusal(push, folder, "me/x")
    assert there.files == before
    assert client.received == {}


def test_an_empty_repository_and_one_of_ours_are_pushed_to(client, folder):
    client.repositories["me/x"] = Repository(files={".gitattributes": b"*.pt lfs"})
    push(folder, "me/x")
    push(folder, "me/x")
    assert client.repositories["me/x"].library == "simple_dqn"


def test_a_new_repository_may_be_private(client, folder):
    push(folder, is_private=True)
    assert client.repositories["me/dqn-pong"].is_private


@pytest.mark.parametrize("place", ["/objects/batch", "/commit/main", "/repos/create"])
def test_a_hub_that_fails_takes_one_line(client, folder, place):
    client.answers[place] = 409 if place == "/commit/main" else 418
    line = refusal(push, folder)
    assert f"{client.address} refuses (Made so by the test): try again later" in line


def test_a_hub_that_cannot_be_reached_takes_one_line(client, folder, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    assert refusal(push, folder).startswith("cannot reach http://127.0.0.1:9")


def test_a_card_that_the_hub_does_not_take_is_refused(client, folder):
    text = (folder / "README.md").read_text()
    hub.check_card(text)
    for wrong in (
        text.replace("model-index:", "model-index: 3\nx:"),
        text.replace("---\n", "", 1),
        text.replace('"simple_dqn"', "other", 1),
        text.replace("tags:", "tags: ["),
    ):
        assert wrong != text
        assert "README.md" in refusal(hub.check_card, wrong)
    (folder / "README.md").write_text(text.replace("pipeline_tag", "task"))
    assert "refuses (the card's metadata lack something: KeyError('pipeline_tag')" in refusal(
        push, folder
    )
    assert client.received == {}
