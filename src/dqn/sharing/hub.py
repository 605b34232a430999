"""Sharing networks on a hub: the one file that imports huggingface_hub."""

import contextlib
import importlib.util
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from dqn.errors import UserError, one_line
from dqn.machine.wording import size
from dqn.sharing import checksums
from dqn.sharing.address import Address
from dqn.sharing.checksums import Checksums
from dqn.sharing.names import CHECKSUMS, LIBRARY, WEIGHTS
from dqn.snapshots.file import MAX_FILE_SIZE

logger = logging.getLogger(__name__)

FORMATS = ((".safetensors",), (".pkl", ".prm"))  # those without pickles first
MAX_LISTED = 5
LOGIN = "log in with .venv/bin/hf auth login, or set HF_TOKEN"


def pull(address: Address, has_states: bool) -> Path:
    """A snapshot from the hub, downloaded once: the path of its copy in the client's cache.

    Of a folder of share.sh that is its weights, or, for training that `has_states` of an optimizer,
    the snapshot itself. Its SHA-256 must be the one that the repository lists, or else the one that
    the hub keeps. Raises UserError for everything that can be in the way.
    """
    client = _client()
    repository = address.repository
    with _explained(repository):
        listed, commit = _list(client, address)
        name = address.file or _choose(repository, list(listed), has_states)
        if name not in listed:
            raise UserError(f"{repository} has no {name}: it has {_some(listed)}")
        _check_size(client, repository, name, commit)
        path = Path(client.hf_hub_download(repository, name, revision=commit))
    expected = listed[name]
    if expected and checksums.sha256_of(path) != expected:
        raise UserError(
            f"{name} of {repository} is not what its SHA-256 says: delete {path.resolve()} to "
            "download it again; if that does not help, do not use it"
        )
    logger.info("Using %s of %s, commit %s", name, repository, commit[:10])
    return path


def push(folder: Path, names: list[str], repository: str, *, is_private: bool) -> str:
    """Upload these files of a folder in one commit, and return the page where they are.

    The repository is made if it is missing. Raises UserError for everything that can be in the way.
    """
    client = _client()
    api = client.HfApi()
    with _explained(repository):
        _check_kind(client, api, repository)
        # None leaves it as it is, or public where it is new.
        page = api.create_repo(repository, private=is_private or None, exist_ok=True)
        operations = [client.CommitOperationAdd(name, str(folder / name)) for name in names]
        api.create_commit(repository, operations, commit_message="Share a trained network")
    return str(page)


def is_installed() -> bool:
    """Whether this Python has the client."""
    return importlib.util.find_spec("huggingface_hub") is not None


def check_token() -> None:
    """Raises UserError if there is no token to upload with."""
    if _client().get_token() is None:
        raise UserError(f"there is no token to upload with: {LOGIN}")


def check_card(text: str) -> None:
    """See that the hub's own reader takes a model card and its scores; raises UserError if not."""
    client = _client()
    try:
        data = client.ModelCard(text).data
    except Exception as error:  # a parser of YAML has many
        raise UserError(
            f"README.md is no model card ({_first_line(error)}): correct its first lines"
        ) from error
    if data.library_name != LIBRARY or not data.eval_results:
        raise UserError(
            f"README.md lacks the library_name {LIBRARY} or the scores of its model-index: delete "
            "the folder to build it anew"
        )


def host() -> str:
    """The address of the hub."""
    return str(_client().constants.ENDPOINT)


def _client() -> ModuleType:
    # Nothing is sent but what is announced; it is read when the client is imported.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import huggingface_hub
        import huggingface_hub.constants
        import huggingface_hub.errors
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ImportError as error:
        raise UserError(
            f"{error}: sharing needs it: .venv/bin/pip install -r requirements-share.txt"
        ) from error
    logging.getLogger("huggingface_hub").handlers.clear()  # it comes into our log as well
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # a line for each request
    if not sys.stderr.isatty():
        disable_progress_bars()
    return huggingface_hub


def _list(client: ModuleType, address: Address) -> tuple[dict[str, str | None], str]:
    """The files of a repository with what their SHA-256 must be, and the commit that they are of.

    Without network, they are those of the last time.
    """
    revision = address.revision
    try:
        path = client.hf_hub_download(address.repository, CHECKSUMS, revision=revision)
    except client.errors.LocalEntryNotFoundError:
        raise
    except client.errors.EntryNotFoundError:  # the repository is not of share.sh
        info = client.HfApi().model_info(address.repository, revision=revision, files_metadata=True)
        files = {f.rfilename: f.lfs.sha256 if f.lfs else None for f in info.siblings}
        return files, info.sha
    known: Checksums = checksums.read_checksums(Path(path))
    return {**known}, Path(path).parent.name


def _choose(repository: str, names: list[str], has_states: bool) -> str:
    """The file to load among those of a repository."""
    if WEIGHTS in names and not has_states:
        return WEIGHTS
    for endings in FORMATS:
        fitting = [name for name in names if name.endswith(endings) and name != WEIGHTS]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise UserError(
                f"{repository} has several snapshots: name one, as in hf:{repository}/{fitting[0]} "
                f"(it has {_some(fitting)})"
            )
    if WEIGHTS in names:
        return WEIGHTS
    raise UserError(
        f"{repository} has no snapshot that ends with .safetensors, .pkl or .prm: it has "
        f"{_some(names)}"
    )


def _some(names: Any) -> str:
    names = list(names)
    more = ", …" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + more if names else "no files"


def _check_size(client: ModuleType, repository: str, name: str, commit: str) -> None:
    """Refuse what load_snapshot would, before it is downloaded."""
    if isinstance(client.try_to_load_from_cache(repository, name, revision=commit), str):
        return
    url = client.hf_hub_url(repository, name, revision=commit)
    num_bytes = client.get_hf_file_metadata(url).size or 0
    if num_bytes > MAX_FILE_SIZE:
        raise UserError(
            f"{name} of {repository} is no snapshot: it takes {size(num_bytes)}, and no snapshot "
            f"more than {size(MAX_FILE_SIZE)}"
        )
    logger.info("Downloading %s of %s (%s)", name, repository, size(num_bytes))


def _check_kind(client: ModuleType, api: Any, repository: str) -> None:
    """Raises UserError if the name is that of something else than a network of this program."""
    for kind in ("dataset", "space"):
        if api.repo_exists(repository, repo_type=kind):
            raise UserError(f"{repository} is a {kind} on the hub: choose another name to push to")
    try:
        info = api.model_info(repository)
    except client.errors.RepositoryNotFoundError:
        return
    names = {file.rfilename for file in info.siblings or ()} - {".gitattributes"}
    in_card = info.card_data.library_name if info.card_data else None
    library = info.library_name or in_card  # the hub may know nothing of a rare library
    if names and library != LIBRARY:
        kind = library or "another program"
        raise UserError(
            f"{repository} holds a model of {kind} already, and not one of {LIBRARY}: choose "
            "another name to push to"
        )


@contextlib.contextmanager
def _explained(repository: str) -> Iterator[None]:
    """Make a UserError of what the client raises."""
    import httpx2

    try:
        yield
    except UserError:
        raise
    except (OSError, RuntimeError, ValueError, httpx2.HTTPError) as error:
        raise UserError(_explain(error, repository)) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("huggingface_hub", "hf_xet"):
            raise
        raise UserError(_explain(error, repository)) from error


def _explain(error: BaseException, repository: str) -> str:
    from huggingface_hub import constants

    chain = [error]
    while (cause := chain[-1].__cause__) is not None and len(chain) < MAX_LISTED:
        chain.append(cause)
    reasons = (_reason(one, repository) for one in chain)
    known = next(filter(None, reasons), None)
    return known or f"{constants.ENDPOINT}: {_first_line(error)}: try again"


def _reason(error: BaseException, repository: str) -> str | None:
    """What to say of an error that is foreseen."""
    import httpx2
    from huggingface_hub import constants, errors

    hub = constants.ENDPOINT
    known: dict[type | tuple[type, ...], str] = {
        errors.GatedRepoError: f"{repository} asks for its conditions to be accepted: do so on "
        f"{hub}/{repository}, and {LOGIN}",
        errors.RepositoryNotFoundError: f"there is no model {repository} on {hub}, or it is "
        f"private: check the name, or {LOGIN}",
        errors.RevisionNotFoundError: f"{repository} has no such revision: name a branch, a tag or "
        "a commit of it",
        errors.RemoteEntryNotFoundError: f"{repository} has no such file: look at "
        f"{hub}/{repository}",
        (
            httpx2.TransportError,
            errors.OfflineModeIsEnabled,
            errors.LocalEntryNotFoundError,
        ): f"cannot reach {hub}: check the network, then try again",
    }
    text = next((text for kinds, text in known.items() if isinstance(error, kinds)), None)
    if text is None and isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        reason = _first_line(error.server_message or f"status {status}")
        text = {
            400: f"{hub} refuses ({reason}): correct what it names",
            401: f"{hub} does not accept your token: make a new one there, and {LOGIN}",
            403: f"your token has no right to write to {repository}: use a name under your own, or "
            "a token that may write",
        }.get(status, f"{hub} refuses ({reason}): try again later")
    return text


def _first_line(error: object) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return one_line(lines[0])[:200] if lines else type(error).__name__
