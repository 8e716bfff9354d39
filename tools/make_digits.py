"""Have espeak-ng speak the digits that ship inside the package.

    python tools/make_digits.py

Needs the program ``espeak-ng`` (Debian's package of the same name). Eight voices say each digit
many times, each time at another speed, pitch, loudness and intonation; two more voices are heard
in the test only. Settings are drawn with fixed seeds, so the same program speaks the same clips
again. All clips of a split lie one after the other in one FLAC file; the manifest says which
sample each one begins at, and how it was made.
"""

import argparse
import hashlib
import json
import subprocess
from pathlib import Path

import numpy as np
import scipy
import soundfile
from scipy.signal import resample_poly

OUT = Path(__file__).parent.parent / "vqedu" / "assets" / "digits"
RATE, LONGEST = 8_000, 6_144  # samples a second; samples in the longest clip
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
VOICES = {  # name -> espeak-ng's accent and variant
    "man": "en-us+m3",
    "woman": "en-us+f2",
    "scot": "en-gb-scotland+m2",
    "caribbean": "en-029+f4",
    "grandma": "en-gb-x-rp+grandma",
    "bass": "en-us+m8",
    "robot": "en-us+klatt4",
    "whisper": "en-gb-x-rp+whisper",
    "uncle": "en-gb-x-rp+m7",  # these two are not in the training split
    "aunt": "en-us+steph",
}
HEARD = 8  # voices of the training split: the first ones
SPLITS = {  # seed, times that each voice says each digit, and the ends of the sentence
    "train": (0, 7, (".", ",")),
    "test": (1, 2, (".", ",", "!", "?")),
}


def speak(word: str, voice: str, speed: int, pitch: int) -> np.ndarray:
    """What espeak-ng says, at RATE: float (samples,), silence before and after cut off."""
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", word]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    sound = np.frombuffer(data, "<i2", offset=44) / 32768  # after the WAV header
    sound = resample_poly(sound, 160, 441)  # 22,050 -> 8,000
    loud = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max())
    return sound[loud[0] : loud[-1] + 1]


def clip(label: int, voice: str, ends: tuple, draw: np.random.RandomState) -> tuple:
    """One rendering, int16, and its settings."""
    end, speed, pitch = ends[draw.randint(len(ends))], draw.randint(130, 191), draw.randint(30, 71)
    peak, lead = draw.uniform(0.5, 0.9), draw.randint(0, 400)
    sound = speak(WORDS[label] + end, VOICES[voice], speed, pitch)
    sound = np.concatenate([np.zeros(lead), sound / np.abs(sound).max() * peak])[:LONGEST]
    fade = min(80, len(sound))  # 10 ms, so that a cut does not click
    sound[-fade:] *= np.linspace(1, 0, fade)
    steps = (sound * 2**11).round().astype(np.int16) * 16  # 12 bits are enough, and pack well
    return steps, {"label": label, "voice": voice, "speed": speed, "pitch": pitch, "end": end}


def make(split: str) -> tuple:
    """All clips of a split in random order: (samples,) and one entry a clip."""
    seed, times, ends = SPLITS[split]
    draw = np.random.RandomState(seed)
    names = list(VOICES)[: HEARD if split == "train" else None]
    wanted = [(label, name) for label in range(10) for name in names] * times
    made = [clip(*wanted[i], ends, draw) for i in draw.permutation(len(wanted))]
    return np.concatenate([s for s, _ in made]), [e | {"samples": len(s)} for s, e in made]


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    files, clips = {}, {}
    for split in SPLITS:
        sounds, entries = make(split)
        path = OUT / f"{split}.flac"
        soundfile.write(path, sounds, RATE, "PCM_16", compression_level=1.0)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        files[path.name] = {"bytes": path.stat().st_size, "sha256": digest}
        clips[split] = {key: [entry[key] for entry in entries] for key in entries[0]}
        print(f"{split}: {len(entries)} clips, {path.stat().st_size:,} bytes")
    version = subprocess.run(["espeak-ng", "--version"], capture_output=True, text=True, check=True)
    manifest = {
        "source": "synthetic speech of eSpeak NG, https://github.com/espeak-ng/espeak-ng",
        "licence": "MIT, as the package; eSpeak NG itself is under the GPL, version 3 or later, "
        "which covers the program and not what it says, and no part of it is included",
        "made_by": "tools/make_digits.py",
        "made_with": {
            "espeak-ng": version.stdout.split("Data")[0].split(":")[1].strip(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "soundfile": soundfile.__version__,
        },
        "rate": RATE,
        "words": WORDS,
        "voices": VOICES,
        "files": files,
        "clips": clips,
    }
    text = json.dumps(manifest, separators=(",", ":"), ensure_ascii=False)
    (OUT / "manifest.json").write_text(text.replace('},"', '},\n"') + "\n", "utf-8")


if __name__ == "__main__":
    main()
