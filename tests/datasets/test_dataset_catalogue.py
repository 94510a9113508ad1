import inspect
import typing
from pathlib import Path

import pytest
import torch

from isbench.datasets import published
from isbench.datasets.catalogue import CATALOGUE, build
from isbench.errors import UsageError
from isbench.store.records import DatasetSpec


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
    assert prepared == {*published.PUBLISHED, "mnist-pairs"}


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UsageError, match=r"no data set imagenet.*two-circles"):
        build(DatasetSpec(name="imagenet"), Path("unused"), torch.device("cpu"), 0)


@pytest.mark.parametrize("name", published.PUBLISHED)
def test_every_digest_is_a_sha256_and_every_path_stays_below_the_root(name):
    for download in published.PUBLISHED[name]:
        digests = [download.sha256, *(file.sha256 for file in download.files if file.sha256)]
        assert all(len(digest) == 64 and int(digest, 16) for digest in digests)
        assert all(not Path(file.path).is_absolute() and ".." not in file.path for file in download.files)
