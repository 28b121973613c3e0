"""Addresses and names of one site alone."""

from __future__ import annotations

import pytest

from inspector.linux.private_address import is_private_address, is_private_host


@pytest.mark.parametrize("word", ["10.1.2.3", "172.31.0.1", "192.168.0.1", "fd00::1", "fe80::1"])
def test_private_addresses(word: str) -> None:
    assert is_private_address(word)
    assert is_private_host(word)
    assert is_private_host(f"[{word}]")


@pytest.mark.parametrize("word", ["8.8.8.8", "172.32.0.1", "100.100.2.136", "2001:db8::1", "10.1.2", "x", ""])
def test_other_words(word: str) -> None:
    assert not is_private_address(word)


@pytest.mark.parametrize("name", ["mirror.lan", "repo.corp", "mirror", "Files.LOCAL."])
def test_names_of_a_site(name: str) -> None:
    assert is_private_host(name)


@pytest.mark.parametrize(
    "name", ["deb.debian.org", "localhost", "mirrors.$awsregion", "$mirror", "", "mirrors.cloud.aliyuncs.com"]
)
def test_names_that_every_copy_finds(name: str) -> None:
    assert not is_private_host(name)
