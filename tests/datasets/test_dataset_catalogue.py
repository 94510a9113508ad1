import inspect
import typing
from pathlib import Path

import pytest
import torch

from isbench.datasets import published
from isbench.datasets.catalogue import CATALOGUE, build, prepare_named, verify_named
from isbench.errors import UsageError
from isbench.store.records import DatasetSpec
from tests.datasets import tiny_datasets


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_option_is_keyword_only_with_a_type(name):
    entry = CATALOGUE[name]
    root, *options = inspect.signature(entry.build, eval_str=True).parameters.values()
    assert root.name == "root"
    assert all(option.kind is inspect.Parameter.KEYWORD_ONLY for option in options)
    assert all(option.annotation is not inspect.Parameter.empty for option in options)
    assert typing.get_type_hints(entry.build)["root"] is Path


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_entry_says_what_and_whose_it_is(name):
    assert CATALOGUE[name].summary
    assert CATALOGUE[name].source


def test_what_is_published_can_be_prepared_and_verified():
    prepared = {name for name, entry in CATALOGUE.items() if entry.prepare and entry.verify}
    assert prepared == {*published.PUBLISHED, "mnist-pairs", "permuted-mnist", "mit67", "modelnet40"}


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UsageError, match=r"no data set imagenet.*two-circles"):
        build(DatasetSpec(name="imagenet"), Path("unused"), torch.device("cpu"), 0)


@pytest.mark.parametrize("name", published.PUBLISHED)
def test_every_digest_is_a_sha256_and_every_path_stays_below_the_root(name):
    for download in published.PUBLISHED[name]:
        digests = [download.sha256, *(file.sha256 for file in download.files if file.sha256)]
        assert all(len(digest) == 64 and int(digest, 16) for digest in digests)
        assert all(not Path(file.path).is_absolute() and ".." not in file.path for file in download.files)


@pytest.mark.parametrize("name", ["digits", "two-circles", "arrays"])
def test_what_needs_no_download_says_so(name, tmp_path):
    said = []
    prepare_named(name, tmp_path, said.append)
    assert said == [f"{name} needs no download"]
    assert verify_named(name, tmp_path) == [f"{name} has no files to check"]


def test_preparing_what_is_there_says_where(tmp_path, monkeypatch):
    monkeypatch.setitem(published.PUBLISHED, "mnist", tiny_datasets.mnist(tmp_path))
    said = []
    prepare_named("mnist-pairs", tmp_path, said.append)
    assert said == [f"mnist-pairs is in {tmp_path}"]
    assert len(verify_named("mnist-pairs", tmp_path)) == 4


def test_an_unknown_name_cannot_be_prepared(tmp_path):
    with pytest.raises(UsageError, match="no data set imagenet"):
        prepare_named("imagenet", tmp_path, print)
