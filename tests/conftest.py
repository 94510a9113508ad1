import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread_and_no_global_state(tmp_path, monkeypatch):
    """One torch thread, a cache of its own, and the global generator as it was found."""
    torch.set_num_threads(1)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CI", "1")
    before = torch.get_rng_state()
    yield
    torch.set_rng_state(before)
