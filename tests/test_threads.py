"""Items are made on one thread, and every thread has as many as before."""

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread

import pytest
import torch

from synthderm import SyntheticSkinDataset
from synthderm.determinism import one_thread


@pytest.fixture(autouse=True)
def four_threads():
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(threads)


def count_in_a_new_thread() -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


@pytest.mark.parametrize("own", [[None] * 6, [1, 2, 3, 4]], ids=["as they begin", "of their own"])
def test_the_number_of_threads_is_put_back_in_every_thread(generator_dir, own):
    data, start = SyntheticSkinDataset(generator_dir, length=8), Barrier(len(own))
    expected = data.generate(list(range(8)))[0]

    def work(count: int | None) -> tuple[int, torch.Tensor]:
        if count is not None:
            torch.get_num_threads()  # only then has a thread a number of its own
            torch.set_num_threads(count)
        start.wait()
        images = torch.cat([data.generate([index])[0] for index in range(8)])
        return torch.get_num_threads(), images

    with ThreadPoolExecutor(len(own)) as pool:
        results = list(pool.map(work, own))
    if own[0] is None:
        assert count_in_a_new_thread() == 4
    assert [threads for threads, _ in results] == [count or 4 for count in own]
    assert all(torch.equal(images, expected) for _, images in results)
    assert torch.get_num_threads() == 4


def test_a_thread_that_begins_meanwhile_begins_with_the_usual_number():
    with one_thread():
        assert torch.get_num_threads() == 1
        assert count_in_a_new_thread() == 4
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == count_in_a_new_thread() == 4


def test_the_number_is_put_back_after_an_error():
    with pytest.raises(RuntimeError, match="half"), one_thread():
        raise RuntimeError("half")
    assert torch.get_num_threads() == count_in_a_new_thread() == 4


def test_a_process_that_is_forked_meanwhile_does_not_wait_for_ever():
    def switch() -> None:
        for _ in range(50):
            with one_thread():
                pass

    others = [Thread(target=switch) for _ in range(2)]
    for other in others:
        other.start()
    for _ in range(5):
        child = os.fork()
        if child == 0:
            with one_thread():
                os._exit(torch.get_num_threads())
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    for other in others:
        other.join()
