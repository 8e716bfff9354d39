"""Audio players: the sound inside is the sound that was given."""

import base64
import io
import re
import wave

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup

from vqedu.errors import InputError
from vqedu.widgets import players


def test_players():
    tone = torch.sin(torch.arange(800) / 10)
    page = BeautifulSoup(players({"<a> & b": tone, "loud": 2 * tone}, 8000).data, "html.parser")
    assert [p.get_text() for p in page.find_all("p")] == ["<a> & b", "loud"]
    found = page.find_all("audio")
    assert [audio["aria-label"] for audio in found] == ["<a> & b", "loud"]
    assert all(audio.has_attr("controls") for audio in found)
    for audio, expected in zip(found, (tone, (2 * tone).clamp(-1, 1)), strict=True):
        data = re.fullmatch(r"data:audio/wav;base64,(.+)", audio["src"])[1]
        with wave.open(io.BytesIO(base64.b64decode(data))) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
            steps = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        np.testing.assert_allclose(steps / 32767, expected, atol=1e-4)


@pytest.mark.parametrize("bad", [torch.zeros(0), torch.zeros(1, 5), torch.zeros(5).int()])
def test_bad_sounds(bad):
    with pytest.raises(InputError, match=r"a sound must be floating-point \(T,\)"):
        players({"a": bad})


def test_no_sounds():
    with pytest.raises(InputError, match="at least one sound"):
        players({})
