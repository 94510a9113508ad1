import threading

import pytest

from isbench.datasets.fetch import get, prepare
from isbench.datasets.files import default_root, verify
from isbench.datasets.published import PUBLISHED, Download, File
from isbench.errors import EnvironmentFault
from tests.datasets.tiny_datasets import gzipped, sha256, tarred

DATA = bytes(range(256)) * 40
PATH = "MNIST/raw/train-images-idx3-ubyte"
HTML = b"<!doctype html><title>Moved</title>"


@pytest.fixture
def packed(mirror, monkeypatch) -> bytes:
    """What the mirrors /first/x.gz and /second/x.gz should serve of the tiny data set `mnist`."""
    urls = (mirror.url("/first/x.gz"), mirror.url("/second/x.gz"))
    download, packed = gzipped(PATH, DATA, urls)
    monkeypatch.setitem(PUBLISHED, "mnist", (download,))
    return packed


def quiet(line: str) -> None:
    pass


def files_below(root) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()} - {".mnist.lock"}


def test_a_gzipped_file_is_unpacked_to_its_place_and_nothing_else_is_left(mirror, packed, tmp_path):
    mirror.serves("/first/x.gz", packed)
    prepare("mnist", tmp_path, quiet)
    assert (tmp_path / PATH).read_bytes() == DATA
    assert files_below(tmp_path) == {PATH}


def test_an_archive_is_unpacked_to_its_places(mirror, monkeypatch, tmp_path):
    contents = {"folder/one": b"1" * 3000, "folder/two": b"2" * 3000}
    download, packed = tarred(contents, (mirror.url("/x.tar.gz"),))
    monkeypatch.setitem(PUBLISHED, "mnist", (download,))
    mirror.serves("/x.tar.gz", packed)
    prepare("mnist", tmp_path, quiet)
    assert {path: (tmp_path / path).read_bytes() for path in files_below(tmp_path)} == contents


def test_a_plain_file_is_put_in_its_place(mirror, monkeypatch, tmp_path):
    data = b"MATLAB 5.0 MAT-file" + DATA
    file = File("train.mat", sha256(data))
    download = Download((mirror.url("/train.mat"),), len(data), sha256(data), "file", (file,))
    monkeypatch.setitem(PUBLISHED, "mnist", (download,))
    mirror.serves("/train.mat", data)
    prepare("mnist", tmp_path, quiet)
    assert (tmp_path / "train.mat").read_bytes() == data


@pytest.mark.parametrize(
    ("status", "body"), [(200, HTML), (404, b"gone"), (200, b"\x1f\x8b" + bytes(50)), (200, b"")]
)
def test_a_mirror_that_has_something_else_is_passed_over(status, body, mirror, packed, tmp_path):
    mirror.serves("/first/x.gz", body, status)
    mirror.serves("/second/x.gz", packed)
    prepare("mnist", tmp_path, quiet)
    assert verify("mnist", tmp_path)
    assert mirror.asked == {"/first/x.gz": 1, "/second/x.gz": 1}


def test_the_message_names_address_and_first_bytes(mirror, packed, tmp_path):
    mirror.serves("/first/x.gz", HTML)
    with pytest.raises(EnvironmentFault) as fault:
        prepare("mnist", tmp_path, quiet)
    assert f"{mirror.url('/first/x.gz')}: not the published file, it begins with b'<!doctype html>" in str(
        fault.value
    )
    assert f"{mirror.url('/second/x.gz')}: HTTP Error 404" in str(fault.value)


def test_wrong_bytes_of_the_right_size_are_refused_and_removed(mirror, packed, tmp_path):
    mirror.serves("/first/x.gz", packed[:-1] + bytes([packed[-1] ^ 1]))
    with pytest.raises(EnvironmentFault, match="wrong SHA-256"):
        prepare("mnist", tmp_path, quiet)
    assert files_below(tmp_path) == set()


@pytest.mark.parametrize("cut", [-3, 3])
@pytest.mark.parametrize("tells_length", [True, False])
def test_a_download_of_another_size_is_refused(cut, tells_length, mirror, packed, tmp_path):
    body = packed[:cut] if cut < 0 else packed + bytes(cut)
    mirror.serves("/first/x.gz", body, tells_length=tells_length)
    with pytest.raises(EnvironmentFault, match=f"bytes instead of {len(packed)}"):
        prepare("mnist", tmp_path, quiet)
    assert files_below(tmp_path) == set()


def test_a_mirror_that_nobody_runs_is_a_fault_of_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    download, _ = gzipped(PATH, DATA, ("http://127.0.0.1:9/x.gz",))
    monkeypatch.setitem(PUBLISHED, "mnist", (download,))
    with pytest.raises(EnvironmentFault, match=r"http://127\.0\.0\.1:9/x\.gz: .*refused"):
        prepare("mnist", tmp_path, quiet)


def test_what_is_sound_is_not_fetched_again(mirror, packed, tmp_path):
    mirror.serves("/first/x.gz", packed)
    prepare("mnist", tmp_path, quiet)
    prepare("mnist", tmp_path, quiet)
    assert mirror.asked == {"/first/x.gz": 1}


def test_a_corrupt_file_is_renamed_aside_and_fetched_again(mirror, packed, tmp_path):
    mirror.serves("/first/x.gz", packed)
    bad = DATA[:100] + b"?" + DATA[101:]
    (tmp_path / PATH).parent.mkdir(parents=True)
    (tmp_path / PATH).write_bytes(bad)
    said = []
    prepare("mnist", tmp_path, said.append)
    assert (tmp_path / PATH).read_bytes() == DATA
    assert (tmp_path / f"{PATH}.corrupt-1").read_bytes() == bad
    assert "renamed" in said[0]


def test_several_at_once_fetch_once(mirror, packed, tmp_path):
    mirror.serves("/first/x.gz", packed)
    threads = [threading.Thread(target=prepare, args=("mnist", tmp_path, quiet)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mirror.asked == {"/first/x.gz": 1}
    assert verify("mnist", tmp_path)


def test_a_file_of_which_no_digest_is_published_is_known_by_the_one_noted(mirror, monkeypatch, tmp_path):
    download, packed = gzipped("pcam/x.h5", DATA, (mirror.url("/x.gz"),), published=False)
    monkeypatch.setitem(PUBLISHED, "mnist", (download,))
    mirror.serves("/x.gz", packed)
    prepare("mnist", tmp_path, quiet)
    assert verify("mnist", tmp_path) == ["pcam/x.h5: SHA-256 as noted when it was fetched"]
    (tmp_path / "pcam/x.h5").write_bytes(DATA[::-1])
    with pytest.raises(EnvironmentFault, match="corrupt"):
        verify("mnist", tmp_path)


def test_a_root_that_is_no_folder_is_a_fault_of_the_environment(packed, tmp_path):
    (tmp_path / "root").write_text("a file")
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        prepare("mnist", tmp_path / "root", quiet)


def test_the_root_is_the_variable_or_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("ISBENCH_DATA", str(tmp_path))
    assert default_root() == tmp_path
    monkeypatch.delenv("ISBENCH_DATA")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_root() == tmp_path / "cache" / "isbench" / "data"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_root() == tmp_path / ".cache" / "isbench" / "data"
    monkeypatch.setattr("sys.platform", "darwin")
    assert default_root() == tmp_path / "Library" / "Caches" / "isbench" / "data"


def test_where_nothing_is_published_the_servers_word_on_the_size_must_do(mirror, tmp_path):
    mirror.serves("/x.tar", DATA)
    get(Download((mirror.url("/x.tar"),), None, None, "any", ()), tmp_path / "x.tar", quiet)
    assert (tmp_path / "x.tar").read_bytes() == DATA
