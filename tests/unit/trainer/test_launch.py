"""What a rank finds before it has met the others."""

import os
import signal
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from tests.support.errors import raises

from equipoise.errors import STOPPED, ConfigError, RunError
from equipoise.trainer import arguments, training_arguments
from equipoise.trainer.launch import join, on_cpu, refuse_unseen
from equipoise.trainer.ranks import Ranks


def test_only_as_many_ranks_as_a_launcher_has_started_meet():
    assert join({}, {}) == join({"use_cpu": True}, {"RANK": "0", "WORLD_SIZE": "1"}) == Ranks()
    assert on_cpu({"use_cpu": True})


@pytest.mark.parametrize("limit", [0, -1, 1.5, "60", True, None])
def test_a_time_limit_that_is_no_number_of_seconds_is_refused(limit):
    with raises(ConfigError, "bad-option", "`ddp_timeout`", repr(limit)):
        join({"ddp_timeout": limit}, {})


@pytest.fixture
def world(monkeypatch):
    def set_world(**changed):
        usual = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"} | changed
        for name, value in usual.items():
            monkeypatch.setenv(name, value)
        return usual

    return set_world


def test_a_port_that_is_in_use_is_one_line(world):
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with raises(RunError, "ranks-cannot-meet", f":{port}", "the port is in use", "MASTER_PORT") as caught:
            join({"ddp_timeout": 2, "use_cpu": True}, world(MASTER_PORT=str(port)))
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_rank_that_never_comes_is_one_line(world):
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    with raises(RunError, "ranks-cannot-meet", "2 ranks") as caught:
        join({"ddp_timeout": 1, "use_cpu": True}, world(MASTER_PORT=str(port)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["MASTER_ADDR", "MASTER_PORT"])
def test_a_launch_without_a_place_to_meet_is_one_line(world, monkeypatch, missing):
    environment = world()
    monkeypatch.delenv(missing)
    with raises(RunError, "ranks-cannot-meet", missing):
        join({"ddp_timeout": 1, "use_cpu": True}, environment)


def test_ranks_that_the_trainer_does_not_see_are_refused():
    alone = SimpleNamespace(world_size=1, device="cpu")
    refuse_unseen(alone, {})
    refuse_unseen(SimpleNamespace(world_size=2, device="cpu"), {"RANK": "0", "WORLD_SIZE": "2"})
    with raises(ConfigError, "ranks-not-seen", "2 processes", "on cpu"):
        refuse_unseen(alone, {"RANK": "0", "WORLD_SIZE": "2"})


@pytest.mark.parametrize(("size", "gpu", "cpu"), [(2, False, True), (2, True, False), (1, False, False)])
def test_several_ranks_without_a_gpu_train_on_the_cpu(monkeypatch, tmp_path, size, gpu, cpu):
    monkeypatch.setattr(arguments, "join", lambda options, environment: Ranks(0, size))
    monkeypatch.setattr(arguments, "on_cpu", lambda options: not gpu)
    assert training_arguments(tmp_path).use_cpu == cpu
    assert training_arguments(tmp_path, {"use_cpu": True}).use_cpu


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_rank_that_waits_for_one_that_never_comes(number):
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    code = (
        "import os, signal; from equipoise.trainer.launch import join;"
        "signal.signal(signal.SIGTERM, signal.default_int_handler);"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"  # ignored by what a shell runs in the background
        "print('waits', flush=True); join({'use_cpu': True}, os.environ)"
    )
    place = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    pipe = subprocess.PIPE
    rank = subprocess.Popen([sys.executable, "-c", code], env=os.environ | place, stdout=pipe, stderr=pipe, text=True)
    try:
        assert rank.stdout.readline() == "waits\n"
        time.sleep(1)  # in torch
        rank.send_signal(number)
        _, told = rank.communicate(timeout=60)
    finally:
        rank.kill()
    assert rank.returncode == STOPPED
    assert "Stopped while waiting for the other ranks" in told
