"""ZIP archives from elsewhere: bombs, damage, and what is in them."""

import io
import struct
import zipfile

import pytest

from dqn.snapshots.snapshot import Unusable
from dqn.snapshots.zip_file import ZipFile


def archive_of(compression=zipfile.ZIP_STORED, **entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file


def read(file, *names, **limits):
    archive = ZipFile(file)
    return [archive.read(name, **limits) for name in names]


def refusal(file, *names, **limits):
    with pytest.raises(Unusable) as caught:
        read(file, *names, **limits)
    return str(caught.value)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_entries_are_read_stored_or_deflated(compression):
    file = archive_of(compression, a=b"one", b=b"two")
    assert ZipFile(file).names == ["a", "b"]
    assert read(file, "a", "b") == [b"one", b"two"]


def test_a_bomb_is_refused_before_it_is_inflated():
    file = archive_of(zipfile.ZIP_DEFLATED, a=bytes(10**7))
    assert "claims 20 times as many bytes" in refusal(file)


def test_an_archive_that_lies_about_a_size_is_refused():
    content = archive_of(zipfile.ZIP_DEFLATED, a=bytes(10**7)).getvalue()
    size = struct.pack("<L", 10**7)
    assert content.count(size) == 2
    lying = content.replace(size, struct.pack("<L", 1000))
    assert "damaged" in refusal(io.BytesIO(lying), "a")


def test_more_entries_than_any_such_file_has_are_refused():
    file = archive_of(**{f"{'x' * 200}{i}": b"" for i in range(5000)})
    assert "more entries" in refusal(file)


def test_other_archives_and_entries_are_refused():
    assert "no ZIP" in refusal(io.BytesIO(b""))
    assert "no ZIP" in refusal(io.BytesIO(b"PK\5\6" + bytes(10)))
    assert "no ZIP" in refusal(io.BytesIO(archive_of(a=b"1").getvalue()[:-30]))
    assert "no 'b'" in refusal(archive_of(a=b"1"), "b")
    assert "more than 2 bytes" in refusal(archive_of(a=b"123"), "a", most=2)
    assert "packed" in refusal(archive_of(zipfile.ZIP_LZMA, a=b"123"), "a")
    encrypted = bytearray(archive_of(a=b"123").getvalue())
    encrypted[encrypted.index(b"PK\1\2") + 8] |= 1
    assert "packed" in refusal(io.BytesIO(encrypted), "a")


def test_an_entry_that_was_changed_is_refused():
    content = archive_of(a=b"123456").getvalue().replace(b"123456", b"123457")
    assert "damaged" in refusal(io.BytesIO(content), "a")
